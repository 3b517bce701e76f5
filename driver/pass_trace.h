// What passes do to a graph, as the command line asks to see it: --print-ir-before, --print-ir-after,
// --print-ir-after-all, --print-ir-after-change, --dump-to, --time-passes, --pass-stats. Texts go to stderr,
// each with a comment above that says where it stands; they parse as they are.
#pragma once

#include "driver/options.h"
#include "driver/pass_stats.h"
#include "passes/pipeline.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace striate {

class PassTrace {
public:
  explicit PassTrace(const Options& options) : options_(options) {}
  PassTrace(const PassTrace&) = delete;
  PassTrace& operator=(const PassTrace&) = delete;

  // Hooks into the pipeline's options, which must not outlive this; for the graphs of one entry point.
  void attach(PipelineOptions& pipeline, const std::string& entry);
  // A stage that is no pass of graphs: `text` is what it made, `seconds` what it took.
  void record(const std::string& pass, const std::string& text, double seconds);
  // The tables of times and of what changed, and what could not be written.
  Status finish() const;

private:
  void before(const std::string& pass, const Graph& graph);
  void after(const std::string& pass, const Graph& graph);
  void show(const std::string& when, const std::string& pass, const std::string& text) const;
  void dump(const std::string& pass, const std::string& text);

  const Options& options_;
  std::chrono::steady_clock::time_point started_;
  std::vector<std::pair<std::string, double>> seconds_;
  std::vector<std::pair<std::string, PassStats>> stats_;
  std::optional<Graph> graph_; // before the pass, where it is needed
  std::string previous_;       // the text before the pass, where it is needed
  std::string last_file_;
  int files_ = 0;
  Status status_;
};

// What is wrong with the names that these options give, or "".
std::string problem_with_passes(const Options& options);

} // namespace striate
