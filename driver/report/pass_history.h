// What each pass changed of one entry point's graph, as differences of its text form.
#pragma once

#include "driver/report/text_diff.h"
#include "passes/pipeline.h"

#include <nlohmann/json.hpp>

#include <string>

namespace striate {

class PassHistory {
public:
  PassHistory() = default;
  PassHistory(const PassHistory&) = delete;
  PassHistory& operator=(const PassHistory&) = delete;

  // Hooks into the pipeline's options, behind what is hooked there already; they must not outlive this.
  void attach(PipelineOptions& pipeline, const std::string& entry);

  // A list, in order of the passes (docs/report.md, "passes").
  const nlohmann::ordered_json& passes() const { return passes_; }

private:
  void record(const std::string& pass, const Graph& graph);

  std::string previous_; // the text before the next pass
  nlohmann::ordered_json passes_ = nlohmann::ordered_json::array();
};

// The difference between two texts: `removed`, `added`, `changed` count lines, `hunks` has those with a few
// lines around them, each as [" ", line], ["-", line], ["+", line] or ["~", line before, line after].
nlohmann::ordered_json difference_json(const std::string& before, const std::string& after);

} // namespace striate
