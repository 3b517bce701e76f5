#include "runtime/checkpoint.h"

#include "runtime/files.h"
#include "runtime/little_endian.h"
#include "runtime/safetensors.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <zlib.h>

namespace striate {

static constexpr std::string_view kRunningPrefix = "running.";

static constexpr std::string_view kPrefix = "checkpoint-", kSuffix = ".safetensors";
static constexpr const char* kFormatKey = "striate.format";
static constexpr const char* kFormat = "1";
static constexpr const char* kChecksumKey = "striate.checksum";
static constexpr std::string_view kNoChecksum = "00000000";

// The place of the checksum's eight digits in the header: the metadata comes first, so the first match is it.
static std::optional<std::size_t> checksum_place(std::string_view bytes) {
  CHECK(bytes.size() >= 8);
  const std::string label = fmt::format("\"{}\":\"", kChecksumKey);
  const std::size_t header = std::min<uint64_t>(load_little<uint64_t>(bytes.data()), bytes.size() - 8);
  const std::size_t place = bytes.substr(0, 8 + header).find(label);
  if (place == std::string_view::npos || bytes.size() - place < label.size() + kNoChecksum.size())
    return std::nullopt;
  return place + label.size();
}

// CRC-32 of everything, the checksum's own digits read as zeros.
static std::string checksum_of(std::string_view bytes, std::size_t place) {
  const auto add = [](uLong crc, std::string_view part) {
    return crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
  };
  uLong crc = add(crc32_z(0, nullptr, 0), bytes.substr(0, place));
  crc = add(crc, kNoChecksum);
  return fmt::format("{:08x}", add(crc, bytes.substr(place + kNoChecksum.size())));
}

// Shortest decimal that reads back to the same double; "inf" and "nan" included.
static std::string double_text(double value) { return fmt::format("{}", value); }

std::string checkpoint_bytes(const Checkpoint& checkpoint) {
  std::map<std::string, std::string> metadata;
  metadata[kFormatKey] = kFormat;
  metadata[kChecksumKey] = kNoChecksum;
  metadata["epoch"] = std::to_string(checkpoint.epoch);
  metadata["batch"] = std::to_string(checkpoint.batch);
  metadata["batch_size"] = std::to_string(checkpoint.batch_size);
  metadata["step"] = std::to_string(checkpoint.step);
  metadata["seed"] = std::to_string(checkpoint.seed);
  metadata["log_offset"] = std::to_string(checkpoint.log_offset);
  metadata["best_epoch"] = std::to_string(checkpoint.best_epoch);
  if (!checkpoint.phase.empty()) {
    metadata["phase"] = checkpoint.phase;
    metadata["phase_step"] = std::to_string(checkpoint.phase_step);
    metadata["phase_epoch"] = std::to_string(checkpoint.phase_epoch);
  }
  if (checkpoint.best) metadata["best"] = double_text(*checkpoint.best);
  for (const auto& [name, value] : checkpoint.running)
    metadata[std::string(kRunningPrefix) + name] = double_text(value);
  for (const auto& [name, text] : checkpoint.notes)
    metadata[std::string(kCheckpointNotePrefix) + name] = text;

  std::string bytes = safetensors_bytes(checkpoint.tensors, metadata);
  const std::optional<std::size_t> place = checksum_place(bytes);
  CHECK(place);
  bytes.replace(*place, kNoChecksum.size(), checksum_of(bytes, *place));
  return bytes;
}

template <typename T>
static bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Checkpoint> parse_checkpoint(std::string_view bytes, const std::string& name) {
  Result<Safetensors> content = parse_safetensors(bytes, name);
  if (!content) return content.failure();
  const auto& metadata = content->metadata;
  const auto text = [&](const std::string& key) -> std::string_view {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string_view() : std::string_view(found->second);
  };
  const std::optional<std::size_t> place = checksum_place(bytes);
  if (!place || text(kChecksumKey).empty())
    return bad_data("`{}` holds tensors but is not a checkpoint (it has no checksum)", name);
  if (text(kChecksumKey) != checksum_of(bytes, *place))
    return bad_data("`{}` is damaged: its checksum does not match", name);
  if (text(kFormatKey) != kFormat)
    return bad_data("`{}` has checkpoint format {}, which this version cannot read", name, text(kFormatKey));

  Checkpoint checkpoint;
  const bool numbers =
      parse_number(text("epoch"), checkpoint.epoch) && parse_number(text("batch"), checkpoint.batch) &&
      parse_number(text("batch_size"), checkpoint.batch_size) &&
      parse_number(text("step"), checkpoint.step) && parse_number(text("seed"), checkpoint.seed) &&
      parse_number(text("log_offset"), checkpoint.log_offset) &&
      parse_number(text("best_epoch"), checkpoint.best_epoch);
  if (!numbers || checkpoint.epoch < 0 || checkpoint.batch < 0 || checkpoint.step < 0 ||
      checkpoint.log_offset < 0)
    return bad_data("`{}` has counters that cannot be read", name);
  checkpoint.phase = text("phase");
  const bool phase_numbers =
      checkpoint.phase.empty() || (parse_number(text("phase_step"), checkpoint.phase_step) &&
                                   parse_number(text("phase_epoch"), checkpoint.phase_epoch));
  if (!phase_numbers || checkpoint.phase_step < 0 || checkpoint.phase_step > checkpoint.step ||
      checkpoint.phase_epoch < 0 || checkpoint.phase_epoch > checkpoint.epoch)
    return bad_data("`{}` has a phase whose beginning cannot be read", name);
  if (metadata.contains("best") && !parse_number(text("best"), checkpoint.best.emplace()))
    return bad_data("`{}` has a best value that cannot be read", name);
  for (const auto& [key, value] : metadata) {
    const auto running = kRunningPrefix.size(), note = kCheckpointNotePrefix.size();
    if (key.starts_with(kRunningPrefix) && !parse_number(value, checkpoint.running[key.substr(running)]))
      return bad_data("`{}` has a running sum that cannot be read", name);
    if (key.starts_with(kCheckpointNotePrefix)) checkpoint.notes[key.substr(note)] = value;
  }
  checkpoint.tensors = std::move(content->tensors);
  return checkpoint;
}

Result<Checkpoint> load_checkpoint(const std::string& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.failure();
  return parse_checkpoint(*bytes, path);
}

// The step in a checkpoint's file name, or -1 for another file.
static int64_t step_of(const std::filesystem::path& path) {
  std::string name = path.filename();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return -1;
  int64_t step = -1;
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  return parse_number(name, step) ? step : -1;
}

std::vector<std::string> checkpoint_files(const std::string& folder) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (const int64_t step = step_of(entry->path()); step >= 0) found.emplace_back(step, entry->path());
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::string best_checkpoint_path(const std::string& folder) { return folder + "/best.safetensors"; }

Result<std::string> save_checkpoint(const std::string& folder, const Checkpoint& checkpoint, int keep,
                                    bool best) {
  CHECK(keep >= 1, "{}", keep);
  const std::string bytes = checkpoint_bytes(checkpoint);
  // Digits enough for names to sort as steps do.
  const std::string path = fmt::format("{}/{}{:010}{}", folder, kPrefix, checkpoint.step, kSuffix);
  if (Status status = write_file_safely(path, bytes); !status) return status.failure();
  if (best)
    if (Status status = write_file_safely(best_checkpoint_path(folder), bytes); !status)
      return status.failure();

  Result<std::string> written = read_file(path);
  if (!written) return written.failure();
  if (*written != bytes) return bad_data("`{}` does not read back as it was written", path);
  // A checkpoint of a later step is left over from a run that was resumed from before it; it is not newer
  // than this.
  int kept = 0;
  std::error_code ignored;
  for (const std::string& file : checkpoint_files(folder)) {
    const bool keep_it = step_of(file) <= checkpoint.step && kept++ < keep;
    if (!keep_it) std::filesystem::remove(file, ignored);
  }
  return path;
}

Result<LatestCheckpoint> latest_checkpoint(const std::string& folder) {
  LatestCheckpoint latest;
  for (const std::string& path : checkpoint_files(folder)) {
    Result<Checkpoint> checkpoint = load_checkpoint(path);
    if (checkpoint) {
      latest.path = path;
      latest.checkpoint = std::move(*checkpoint);
      return latest;
    }
    latest.refused.push_back(checkpoint.failure().message);
  }
  if (latest.refused.empty()) return bad_data("`{}` holds no checkpoint", folder);
  return bad_data("`{}` holds no checkpoint that can be used: {}", folder, latest.refused[0]);
}

} // namespace striate
