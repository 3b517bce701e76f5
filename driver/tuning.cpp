#include "driver/tuning.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/kernel_key.h"
#endif
#include "runtime/files.h"
#include "support/random.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

namespace striate {

constexpr const char* kHeading = "striate tune 1";
constexpr int64_t kMostBytes = 1 << 22;
constexpr const char* kSeparator = " | ";

TunedTiles::TunedTiles(std::vector<TunedTile> tiles, const TargetInfo& target) : tiles_(std::move(tiles)) {
  for (std::size_t k = 0; k < tiles_.size(); ++k)
    if (tiles_[k].cpu == tuned_cpu(target)) by_key_[tiles_[k].key] = k;
}

const TunedTile* TunedTiles::find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &tiles_[found->second];
}

std::string tuned_cpu(const TargetInfo& target) {
  return fmt::format("{}, {} bits", target.name, target.vector_bits);
}

std::string tuning_file(const std::string& program) {
  return std::filesystem::path(program).replace_extension(".tune").string();
}

static std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(kSeparator, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end + std::char_traits<char>::length(kSeparator);
  }
  return fields;
}

// Nothing where the text is none of ours.
static std::optional<std::vector<TunedTile>> parse_tuning(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kHeading) return std::nullopt;
  std::vector<TunedTile> tiles;
  while (std::getline(lines, line)) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::vector<std::string> fields = fields_of(line);
    if (fields.size() != 6) return std::nullopt;
    char* end = nullptr;
    const double gain = std::strtod(fields[5].c_str(), &end);
    if (end == fields[5].c_str() || *end != '\0' || !std::isfinite(gain)) return std::nullopt;
    tiles.push_back({fields[0], fields[1], fields[2], fields[3], fields[4], gain});
  }
  return tiles;
}

std::string tuning_text(const std::vector<TunedTile>& tiles) {
  std::string text = fmt::format(
      "{}\n# Measured by `striate tune`: CPU, kernel, its name, the faster tile, the scheduler's own, and "
      "how\n"
      "# many times as fast. Kernels that have changed since, and other CPUs, take no notice of it.\n",
      kHeading);
  for (const TunedTile& tile : tiles)
    text += fmt::format("{} | {} | {} | {} | {} | {:.3f}\n", tile.cpu, tile.key, tile.name, tile.tile,
                        tile.instead, tile.gain);
  return text;
}

std::shared_ptr<const TunedTiles> read_tuning(const std::string& program, const TargetInfo& target) {
  const std::string file = tuning_file(program);
  std::error_code error;
  if (!program.ends_with(".nn") || !std::filesystem::is_regular_file(file, error)) return nullptr;
  const Result<std::string> text = read_file(file, kMostBytes);
  std::optional<std::vector<TunedTile>> tiles;
  if (text) tiles = parse_tuning(*text);
  if (!tiles) {
    fmt::print(stderr,
               "striate: warning: {} is damaged, or from another version; it is ignored, `striate tune` "
               "writes it anew\n",
               file);
    return nullptr;
  }
  const std::string cpu = tuned_cpu(target);
  if (!tiles->empty() && std::ranges::none_of(*tiles, [&](const TunedTile& tile) { return tile.cpu == cpu; }))
    fmt::print(stderr, "striate: note: {} was measured on another CPU ({}), and is not used for {}\n", file,
               (*tiles)[0].cpu, cpu);
  return std::make_shared<const TunedTiles>(std::move(*tiles), target);
}

#ifdef STRIATE_HAS_LLVM
std::string tuning_key(const Kernel& kernel, const Program& program) {
  // The batch's extent is open in a kernel.
  return fmt::format("{:016x}",
                     fnv1a(fmt::format("{} {}", kernel_key(kernel, program.scalars), program.capacity)));
}
#else
std::string tuning_key(const Kernel&, const Program&) { return ""; } // of a CPU's kernels alone
#endif

void apply_tuning(CompiledEntry& entry, const TunedTiles& tuned, const PipelineOptions& options) {
  Graph graph = entry.regions;
  int applied = 0;
  for (std::size_t k = 0; k < entry.program.kernels.size(); ++k) {
    const TunedTile* tile = tuned.find(tuning_key(entry.program.kernels[k], entry.program));
    if (!tile) continue;
    for (Decision& decision : graph.decisions) {
      if (decision.pass != "schedule" || decision.what != graph.regions[k].name) continue;
      decision.chosen = tile->tile;
      decision.reason = fmt::format("tuned: {:.0f} % faster than the model's choice, {}",
                                    (tile->gain - 1) * 100, tile->instead);
      ++applied;
    }
  }
  if (applied == 0) return;
  Result<Program> program = lower_regions(graph, options);
  if (!program) {
    fmt::print(stderr, "striate: note: what was tuned is not used: {}\n", program.failure().message);
    return;
  }
  entry.regions = std::move(graph);
  entry.program = std::move(*program);
}

} // namespace striate
