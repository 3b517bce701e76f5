// The pipeline: every pass, in order, each with the reason it stands there. After each pass the graph is
// verified.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "passes/assign_layouts.h"
#include "passes/plan_memory.h"
#include "support/result.h"
#include "support/target_info.h"

#include <functional>
#include <optional>

namespace striate {

struct PipelineOptions {
  int64_t capacity = 64; // most examples per run
  TargetInfo target;
  std::optional<LayoutPolicy> layout; // chosen by cost where absent
  bool fuse = true;                   // false: one region per statement
  // Called after each pass with its name.
  std::function<void(const char* pass, const Graph& graph)> after_pass;
};

// graph -> grad: the training step as one graph of statements. Without optimizers: the forward pass alone.
Status run_gradient_passes(Graph& graph, const std::vector<OptimizerInstance>& optimizers, bool training,
                           const PipelineOptions& options);

// grad -> regions, up to layouts. `fixed`: the persistents' layouts, where another entry point decided them.
void run_region_passes(Graph& graph, const std::map<std::string, Layout>& fixed,
                       const PipelineOptions& options);

// regions -> kernels, with memory planned above the persistents.
Program run_kernel_passes(Graph& graph, const PersistentPlan& persistents, const PipelineOptions& options);

// The entry point that fills a graph's persistents with their initial values.
Graph make_init_graph(const Graph& step);

} // namespace striate
