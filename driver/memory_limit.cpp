#include "driver/memory_limit.h"

#include "driver/print_diagnostics.h"
#include "driver/program.h"
#include "ir/graph/over_batch.h"
#include "passes/memory_timeline.h"
#include "support/byte_size.h"

#include <algorithm>
#include <map>

namespace striate {

static const CompiledEntry& largest_entry(const Compilation& compilation) {
  const CompiledEntry* largest = &compilation.step;
  for (const CompiledEntry* entry : {&compilation.eval, &compilation.init})
    if (entry->program.arena_bytes > largest->program.arena_bytes) largest = entry;
  return *largest;
}

std::string memory_parts(const Graph& graph) {
  int64_t weights = 0, states = 0;
  for (const Persistent& persistent : graph.persistents) {
    const Value& value = graph.values[persistent.value];
    (value.role == ValueRole::Parameter ? weights : states) += storage_bytes(value, 1);
  }
  return fmt::format("weights {}, states {}, inputs and values {}", bytes_text(weights), bytes_text(states),
                     bytes_text(graph.arena_bytes - weights - states));
}

namespace {

// What the values of one line take while memory is fullest.
struct Line {
  SourceLocation place; // of the largest value
  int64_t bytes = 0, largest = 0;
  std::string names; // the first few
  int more = 0;
};

} // namespace

// The lines that take most first.
static std::vector<Line> lines_at_peak(const CompiledEntry& entry, const MemoryTimeline& timeline) {
  const Graph& graph = entry.regions;
  std::map<std::pair<std::string, int>, Line> by_line;
  for (const MemoryRow& row : timeline.rows) {
    if (row.first > timeline.peak_region || row.last < timeline.peak_region) continue;
    const Value& value = graph.values[row.value];
    Line& line = by_line[{value.location.file, value.location.line}];
    line.bytes += row.bytes;
    if (row.bytes > line.largest) {
      line.largest = row.bytes;
      line.place = value.location;
    }
    if (line.names.size() > 40)
      ++line.more;
    else
      line.names += (line.names.empty() ? "" : ", ") + value.name;
  }
  std::vector<Line> lines;
  for (auto& [place, line] : by_line) lines.push_back(std::move(line));
  std::ranges::stable_sort(lines, std::greater(), &Line::bytes);
  return lines;
}

static std::string table(const std::vector<Line>& lines) {
  constexpr std::size_t kRows = 20;
  std::string text;
  int64_t rest = 0;
  for (std::size_t k = 0; k < lines.size(); ++k) {
    const Line& line = lines[k];
    if (k >= kRows) {
      rest += line.bytes;
      continue;
    }
    const std::string where =
        line.place.known() ? fmt::format("{}:{}", line.place.file, line.place.line) : "the compiler's own";
    text += fmt::format("\n{:>12}  {}: {}{}", bytes_text(line.bytes), where, line.names,
                        line.more > 0 ? fmt::format(" and {} more", line.more) : "");
  }
  if (rest > 0) text += fmt::format("\n{:>12}  {} more lines", bytes_text(rest), lines.size() - kRows);
  return text;
}

// The arena at so many examples at a time; nothing where there is no plan.
static std::optional<int64_t> bytes_at(const Module& module, bool training, CompileOptions settings,
                                       int64_t capacity) {
  settings.pipeline.capacity = capacity;
  settings.pipeline.limit = nullptr; // it counts, and tells
  settings.pipeline.before_pass = settings.pipeline.after_pass = nullptr;
  const Result<Compilation> compilation = lower(module, training, settings);
  if (!compilation) return std::nullopt;
  return largest_entry(*compilation).program.arena_bytes;
}

// The most examples at a time that fit, of less than there are; 0: none was found. Whole blocks of 16 have
// layouts of their own, which may take less than a few examples less do: each kind is halved by itself.
static int64_t largest_batch(const Module& module, bool training, const CompileOptions& settings) {
  for (int64_t unit : {16, 1}) {
    int64_t fits = 0, too_many = (settings.pipeline.capacity + unit - 1) / unit;
    while (too_many - fits > 1) {
      const int64_t middle = fits + (too_many - fits) / 2;
      const std::optional<int64_t> bytes = bytes_at(module, training, settings, middle * unit);
      (bytes && *bytes <= *settings.pipeline.memory ? fits : too_many) = middle;
    }
    if (fits > 0) return fits * unit;
  }
  return 0;
}

// Divides the batch, where that computes the same: nothing is computed of all examples together.
static void suggest_parts(const Module& module, const CompileOptions& settings, int64_t fits,
                          DiagnosticMessage& message) {
  const int64_t batch = module.training.batch;
  if (const Node* node = node_over_batch(module.train)) {
    message.note("dividing the batch by `accumulate` would change what `{}` computes of all its examples",
                 node->op);
    return;
  }
  // Sums of gradients take memory of their own.
  Module divided = module;
  for (int64_t parts = std::max<int64_t>(2, (batch + fits - 1) / fits); parts <= batch; parts *= 2) {
    divided.training.accumulate = parts;
    const int64_t capacity = (batch + parts - 1) / parts;
    const std::optional<int64_t> bytes = bytes_at(divided, true, settings, capacity);
    if (!bytes || *bytes > *settings.pipeline.memory) continue;
    message.help("the same batch in {} parts needs {}: `--set train.accumulate={}`", parts,
                 bytes_text(*bytes), parts);
    return;
  }
}

static void refuse(const Module& module, bool training, const CompileOptions& settings,
                   const CompiledEntry& entry, Diagnostics& diagnostics) {
  const MemoryTimeline timeline = memory_timeline(entry.regions, settings.pipeline.capacity);
  const std::vector<Line> lines = lines_at_peak(entry, timeline);
  const SourceLocation place = lines.empty() ? SourceLocation() : lines[0].place;
  if (place.known())
    if (const Result<std::string> text = read_program_text(place.file); text)
      diagnostics.add_source(place.file, *text);
  const int64_t needed = entry.program.arena_bytes;
  DiagnosticMessage& message = diagnostics.error(Diagnostic::MemoryLimit, place,
                                                 "`{}` of {} examples needs {} of memory, and {} are allowed",
                                                 entry.regions.entry, settings.pipeline.capacity,
                                                 bytes_text(needed), bytes_text(*settings.pipeline.memory));
  if (timeline.peak_region >= 0)
    message.note("most is needed while `{}` is computed, by the lines of{}",
                 entry.regions.regions[static_cast<std::size_t>(timeline.peak_region)].name, table(lines));
  message.note("what could be computed again is not kept any more: {}", memory_parts(entry.regions));
  message.help("as it is, it takes `--mem={}`", needed);
  const int64_t fits = largest_batch(module, training, settings);
  if (fits == 0) {
    message.note("no smaller batch was found that fits");
    return;
  }
  message.help("{} examples at a time would fit{}", fits,
               module.has_training ? fmt::format(": `--set train.batch={}`", fits) : "");
  if (training) suggest_parts(module, settings, fits, message);
}

Result<Compilation> lower_within_memory(const Options& options, const Module& module, bool training,
                                        const CompileOptions& settings) {
  Result<Compilation> compilation = lower(module, training, settings);
  if (!compilation || !settings.pipeline.memory) return compilation;
  const CompiledEntry& entry = largest_entry(*compilation);
  if (entry.program.arena_bytes <= *settings.pipeline.memory) return compilation;
  Diagnostics diagnostics;
  refuse(module, training, settings, entry, diagnostics);
  print_diagnostics(diagnostics, options);
  return Failure{ExitCode::OutOfMemory, ""};
}

} // namespace striate
