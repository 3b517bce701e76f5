// The way from a graph to kernels, in three parts. passes/pass.h has the passes of each, in order and with
// the reason they stand there; after each the graph is verified.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "passes/assign_layouts.h"
#include "passes/plan_memory.h"
#include "support/machine_speed.h"
#include "support/result.h"
#include "support/target_info.h"

#include <functional>
#include <memory>
#include <optional>

namespace striate {

// How many of the passes run that could be left out or could decide otherwise, counted over all graphs that
// are compiled: to find the one that does wrong by halving.
struct PassLimit {
  int64_t most = 0; // below 0: all
  int64_t count = 0;
  std::function<void(int64_t number, const char* pass, const Graph& graph, bool runs)> tell;
};

struct PipelineOptions {
  int64_t capacity = 64; // most examples per run
  TargetInfo target;
  std::optional<MachineSpeed> speed;  // for predicted times; there are none where absent
  std::optional<LayoutPolicy> layout; // chosen by cost where absent
  bool fuse = true;                   // false: one region per statement
  bool bfloat16 = false;              // whether convolutions and matrices multiply numbers of bf16
  bool winograd = false;              // whether convolutions may trade rounding for fewer multiplications
  // Gradients are added up over several runs, and the run-time scalar "update" says which one (1, else 0)
  // changes parameters and optimizer states.
  bool accumulate = false;
  std::shared_ptr<PassLimit> limit = {}; // none where absent
  // Called before and after each pass with its name.
  std::function<void(const char*pass, const Graph&graph)> before_pass, after_pass;
};

// graph -> grad: the training step as one graph of statements. Without optimizers: the forward pass alone.
Status run_gradient_passes(Graph& graph, const std::vector<OptimizerInstance>& optimizers, bool training,
                           const PipelineOptions& options);

// grad -> regions, up to layouts. `fixed`: the persistents' layouts, where another entry point decided them.
void run_region_passes(Graph& graph, const std::map<std::string, Layout>& fixed,
                       const PipelineOptions& options);

// regions -> kernels, with memory planned above the persistents.
Program run_kernel_passes(Graph& graph, const PersistentPlan& persistents, const PipelineOptions& options);

// The kernels of a graph whose memory is planned. A Failure where it is not, or was for fewer examples.
Result<Program> lower_regions(Graph& graph, const PipelineOptions& options);

// The entry point that fills a graph's persistents with their initial values.
Graph make_init_graph(const Graph& step);

} // namespace striate
