#include "driver/pass_trace.h"

#include "passes/pass.h"
#include "runtime/files.h"
#include "support/diagnostics.h"

#include <algorithm>
#include <filesystem>

namespace striate {

static bool listed(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

void PassTrace::attach(PipelineOptions& pipeline, const std::string& entry) {
  pipeline.before_pass = [this, entry](const char* pass, const Graph& graph) {
    if (graph.entry == entry) before(pass, graph);
  };
  pipeline.after_pass = [this, entry](const char* pass, const Graph& graph) {
    if (graph.entry == entry) after(pass, graph);
  };
}

void PassTrace::before(const std::string& pass, const Graph& graph) {
  if (listed(options_.print_before, pass)) show("before", pass, print(graph));
  const bool first_dump = !options_.dump_to.empty() && files_ == 0;
  if (options_.print_after_change || first_dump) previous_ = print(graph);
  if (first_dump) dump("input", previous_);
  if (options_.pass_stats) graph_ = graph;
  started_ = std::chrono::steady_clock::now();
}

void PassTrace::after(const std::string& pass, const Graph& graph) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  if (graph_) stats_.emplace_back(pass, stats_of(*graph_, graph));
  const bool asked = options_.print_after_all || listed(options_.print_after, pass);
  const bool wanted = asked || options_.print_after_change || !options_.dump_to.empty();
  record(pass, wanted ? print(graph) : "", seconds);
}

void PassTrace::record(const std::string& pass, const std::string& text, double seconds) {
  seconds_.emplace_back(pass, seconds);
  const bool asked = options_.print_after_all || listed(options_.print_after, pass);
  if (asked || (options_.print_after_change && text != previous_)) show("after", pass, text);
  if (!options_.dump_to.empty()) dump(pass, text);
}

void PassTrace::show(const std::string& when, const std::string& pass, const std::string& text) const {
  fmt::print(stderr, "# {} {}\n{}", when, pass, text);
}

// 03-differentiate.sir, with the command that makes it from the one before.
void PassTrace::dump(const std::string& pass, const std::string& text) {
  const std::string file = fmt::format("{:02}-{}.sir", files_++, pass);
  std::string made;
  if (!last_file_.empty()) {
    const bool alone = pass != "append_updates"; // it needs the program
    made = alone ? fmt::format("# striate opt {} --passes={} -o {}\n", last_file_, pass, file)
                 : fmt::format("# {}\n", options_.command_line);
  }
  last_file_ = file;
  std::error_code error;
  std::filesystem::create_directories(options_.dump_to, error);
  const Status written =
      write_file_safely((std::filesystem::path(options_.dump_to) / file).string(), made + text);
  if (!written && status_) status_ = written;
}

Status PassTrace::finish() const {
  if (options_.pass_stats) fmt::print(stderr, "{}", stats_table(stats_));
  if (options_.time_passes) {
    double total = 0;
    for (const auto& [pass, seconds] : seconds_) total += seconds;
    fmt::print(stderr, "{:>10}  {:>6}  pass\n", "ms", "%");
    for (const auto& [pass, seconds] : seconds_)
      fmt::print(stderr, "{:10.3f}  {:6.1f}  {}\n", 1e3 * seconds, total > 0 ? 100 * seconds / total : 0,
                 pass);
    fmt::print(stderr, "{:10.3f}  {:6.1f}  in all\n", 1e3 * total, 100.0);
  }
  return status_;
}

std::string problem_with_passes(const Options& options) {
  std::vector<std::string> known = {"schedule"};
  for (const Pass& pass : graph_passes()) known.emplace_back(pass.name);
  for (const auto* names : {&options.passes, &options.print_before, &options.print_after})
    for (const std::string& name : *names) {
      if (listed(known, name)) continue;
      const std::string near = nearest_name(name, known);
      return fmt::format("there is no pass `{}`; {}", name,
                         near.empty() ? "`striate opt --list-passes` names them"
                                      : fmt::format("did you mean `{}`?", near));
    }
  return "";
}

} // namespace striate
