#include "passes/pipeline.h"

#include "ir/kernel/analysis.h"
#include "passes/check_places.h"
#include "passes/expand_calls.h"
#include "passes/form_regions.h"
#include "passes/pass.h"
#include "passes/schedule/schedule.h"
#include "support/time_trace.h"

namespace striate {

Status run_gradient_passes(Graph& graph, const std::vector<OptimizerInstance>& optimizers, bool training,
                           const PipelineOptions& options) {
  PassState state(options);
  state.optimizers = &optimizers;
  return run_passes(graph, gradient_pipeline(training, options), state);
}

void run_region_passes(Graph& graph, const std::map<std::string, Layout>& fixed,
                       const PipelineOptions& options) {
  PassState state(options);
  state.fixed = fixed;
  const Status status = run_passes(graph, region_pipeline(options), state);
  CHECK(status, "{}", status.failure().message);
}

Program run_kernel_passes(Graph& graph, const PersistentPlan& persistents, const PipelineOptions& options) {
  PassState state(options);
  state.persistents = persistents;
  const Status status = run_passes(graph, {"plan_memory", "estimate_costs"}, state);
  CHECK(status, "{}", status.failure().message);
  Result<Program> program = lower_regions(graph, options);
  CHECK(program, "{}", program.failure().message);
  return std::move(*program);
}

Result<Program> lower_regions(Graph& graph, const PipelineOptions& options) {
  if (const Status fits = check_sizes(graph, options.capacity); !fits) return fits.failure();
  if (const Status placed = check_places(graph, options.capacity); !placed) return placed.failure();
  if (const std::string problem = region_problem(graph); !problem.empty()) return bad_data("{}", problem);
  const TimedSpan span("pass", "schedule", graph.name + "." + graph.entry);
  Result<Program> scheduled = schedule(graph, options.capacity, options.target);
  if (!scheduled) return scheduled.failure();
  Program& program = *scheduled;
  for (Kernel& kernel : program.kernels) {
    kernel.cost = cost_of(kernel, options.capacity);
    if (options.speed) kernel.cost->predicted = predicted_seconds(*kernel.cost, *options.speed);
  }
  if (const std::vector<std::string> problems = verify(program); !problems.empty())
    return bad_data("as kernels for {} examples: {}", options.capacity, problems[0]);
  return scheduled;
}

Graph make_init_graph(const Graph& step) {
  Graph init;
  init.name = step.name;
  init.entry = "init";
  for (const Persistent& persistent : step.persistents) {
    const Value& value = step.values[persistent.value];
    Persistent copy = persistent;
    copy.value = init.add_value(value.name, value.type, value.role, value.location);
    Statement statement = pointwise_statement(value.type);
    statement.body = persistent.initial;
    copy.next = add_statement(init, "initial", value.name, value.name + ".initial", value.type, {},
                              std::move(statement), value.location);
    init.persistents.push_back(std::move(copy));
  }
  return init;
}

} // namespace striate
