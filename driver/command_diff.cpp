// striate diff: what two texts of the IR say differently, by name.

#include "driver/commands.h"
#include "driver/ir_file.h"
#include "driver/program.h"
#include "ir/difference.h"

#include <algorithm>

namespace striate {

static const char* sort_of(const IrText& text) {
  return std::holds_alternative<Graph>(text) ? "a graph" : "a program of kernels";
}

// "flops 2e+09 -> 1e+09 (-50.0 %)", where the sums differ.
static void print_sum(const char* name, double before, double after) {
  if (before == after) return;
  const std::string change =
      before > 0 && after > 0 ? fmt::format(" ({:+.1f} %)", 100 * (after / before - 1)) : "";
  fmt::print("    {}: {:g} -> {:g}{}\n", name, before, after, change);
}

static void print_costs(const Cost& before, const Cost& after) {
  if (before == after) return;
  fmt::print("in all:\n");
  print_sum("flops", before.flops, after.flops);
  print_sum("bytes read", static_cast<double>(before.bytes_read), static_cast<double>(after.bytes_read));
  print_sum("bytes written", static_cast<double>(before.bytes_written),
            static_cast<double>(after.bytes_written));
  print_sum("predicted seconds", before.predicted, after.predicted);
  print_sum("measured seconds", before.measured, after.measured);
}

// "2 values changed, 1 region added".
static void print_counts(const std::vector<Difference>& all) {
  struct Count {
    std::string sort;
    Difference::Kind kind;
    int count = 0;
  };
  std::vector<Count> counts;
  for (const Difference& difference : all) {
    auto known = std::ranges::find_if(counts, [&](const Count& count) {
      return count.sort == difference.sort && count.kind == difference.kind;
    });
    if (known == counts.end()) known = counts.insert(known, {difference.sort, difference.kind, 0});
    ++known->count;
  }
  std::string text;
  for (const auto& [sort, kind, count] : counts)
    text += fmt::format("{}{} {}{} {}", text.empty() ? "" : ", ", count, sort, count == 1 ? "" : "s",
                        kind == Difference::Kind::Added     ? "added"
                        : kind == Difference::Kind::Removed ? "removed"
                                                            : "changed");
  fmt::print("{}\n", text);
}

int command_diff(const Options& options) {
  const std::string &first = options.files.at(0), &second = options.files.at(1);
  const Result<IrText> before = read_ir(first);
  if (!before) return report(before.failure());
  const Result<IrText> after = read_ir(second);
  if (!after) return report(after.failure());
  if (before->index() != after->index())
    return report(bad_data("{} is {}, {} is {}: they cannot be compared", first, sort_of(*before), second,
                           sort_of(*after)));
  std::vector<Difference> all;
  Cost cost_before, cost_after;
  const auto compare = [&](const auto& one, const auto& other) {
    all = differences(one, other);
    cost_before = cost_in_all(one);
    cost_after = cost_in_all(other);
  };
  if (std::holds_alternative<Graph>(*before))
    compare(std::get<Graph>(*before), std::get<Graph>(*after));
  else
    compare(std::get<Program>(*before), std::get<Program>(*after));
  if (all.empty()) return static_cast<int>(ExitCode::Ok);
  if (!options.quiet) {
    if (!options.summary)
      for (const Difference& difference : all) fmt::print("{}", text_of(difference));
    print_counts(all);
    print_costs(cost_before, cost_after);
  }
  return static_cast<int>(ExitCode::Failed);
}

} // namespace striate
