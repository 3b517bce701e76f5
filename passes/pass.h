// Passes by name: what `striate opt` applies one by one, and the pipeline in order.
//
// A pass takes a graph that verifies and leaves one that does. What it needs beside the graph, and what it
// leaves for later passes, is in PassState.
#pragma once

#include "passes/pipeline.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

struct PassState {
  explicit PassState(const PipelineOptions& pipeline) : options(pipeline) {}

  const PipelineOptions& options;
  // For append_updates. Where there are none, differentiate makes the gradients outputs of the graph.
  const std::vector<OptimizerInstance>* optimizers = nullptr;
  std::map<std::string, Layout> fixed;       // the persistents' layouts, decided elsewhere
  std::map<ValueId, ValueId> gradients;      // by parameter, from differentiate to append_updates
  std::optional<LayoutPolicy> suits, policy; // what suits the graph, and what is used; chosen once
  std::optional<PersistentPlan> persistents; // where persistents lie, decided elsewhere
  bool plain = false;                        // the pass that runs is beyond the limit (Beyond::Plain)
};

// What a pass needs to find in a graph.
enum class Needs {
  Anything,
  Statements, // every call expanded; no regions yet
  Layouts,    // and layouts and orders assigned
  Regions,    // and regions formed
};

// What becomes of a pass where PassLimit stops before it.
enum class Beyond {
  Runs,    // what it does is needed
  LeftOut, // the graph means the same without it
  Plain,   // it runs, and decides for what is plainest
};

struct Pass {
  const char* name;
  const char* meaning; // one line
  Needs needs;
  Beyond beyond;
  Status (*run)(Graph& graph, PassState& state);
};

// Every pass once, in the order in which the pipeline first uses it.
const std::vector<Pass>& graph_passes();
const Pass* pass_named(const std::string& name); // nullptr where there is none

// The parts of the pipeline, as the names of their passes.
std::vector<std::string> gradient_pipeline(bool training, const PipelineOptions& options);
std::vector<std::string> region_pipeline(const PipelineOptions& options);

// Why a graph is not what a pass needs, or "".
std::string unmet(Needs needs, const Graph& graph);

// Runs the passes in order, verifying after each; a graph that does not verify is a bug of that pass.
// A pass that needs what the graph is not is a Failure.
Status run_passes(Graph& graph, const std::vector<std::string>& names, PassState& state);

} // namespace striate
