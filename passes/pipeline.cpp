#include "passes/pipeline.h"

#include "passes/assign_orders.h"
#include "passes/commute_monotone.h"
#include "passes/differentiate.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/expand_elementary.h"
#include "passes/form_regions.h"
#include "passes/inline_pointwise.h"
#include "passes/pad_contractions.h"
#include "passes/schedule/schedule.h"
#include "passes/settle_persistents.h"

namespace striate {

namespace {

class Runner {
public:
  Runner(Graph& graph, const PipelineOptions& options) : graph_(graph), options_(options) {}

  template <typename Pass>
  void run(const char* name, Pass&& pass) {
    pass(graph_);
    const std::vector<std::string> problems = verify(graph_);
    CHECK(problems.empty(), "after {}: {}", name, problems[0]);
    if (options_.after_pass) options_.after_pass(name, graph_);
  }

private:
  Graph& graph_;
  const PipelineOptions& options_;
};

} // namespace

Status run_gradient_passes(Graph& graph, const std::vector<OptimizerInstance>& optimizers, bool training,
                           const PipelineOptions& options) {
  Runner runner(graph, options);
  // Statements are what is differentiated, so that saving or recomputing is a choice per value.
  runner.run("expand_calls", expand_calls);
  // Nothing that no output needs may keep a value alive for its gradient.
  runner.run("eliminate_dead_nodes", eliminate_dead_nodes);
  // Before differentiating: the backward pass is derived from the cheaper form.
  runner.run("commute_monotone", commute_monotone);
  if (!training) return {};
  Status status;
  std::map<ValueId, ValueId> gradients;
  runner.run("differentiate", [&](Graph& g) {
    Result<std::map<ValueId, ValueId>> result = differentiate(g);
    if (result) {
      gradients = std::move(*result);
    } else {
      status = result.failure();
    }
  });
  if (!status) return status;
  runner.run("append_updates", [&](Graph& g) { append_updates(g, gradients, optimizers); });
  // The optimizer's update is a call of several statements.
  runner.run("expand_calls", expand_calls);
  runner.run("eliminate_dead_nodes", eliminate_dead_nodes);
  return {};
}

void run_region_passes(Graph& graph, const std::map<std::string, Layout>& fixed,
                       const PipelineOptions& options) {
  Runner runner(graph, options);
  // First, so that every later pass sees chains as one expression.
  runner.run("inline_pointwise", inline_pointwise);
  const LayoutPolicy policy = choose_layout_policy(graph, options.capacity, options.layout);
  // After inlining: what a contraction reads outside of is settled then.
  runner.run("pad_contractions",
             [&](Graph& g) { pad_contractions(g, policy != LayoutPolicy::BatchBlocked); });
  // After inlining, which would undo it: what replaces a parameter or state is computed last, where the old
  // one lies.
  runner.run("settle_persistents", settle_persistents);
  // Once expressions are final; the interpreter runs the same polynomials from here on.
  runner.run("expand_elementary", [](Graph& g) { expand_elementary(g); });
  // Before layouts: the bits must not depend on them.
  runner.run("assign_orders", assign_orders);
  runner.run("assign_layouts", [&](Graph& g) { assign_layouts(g, policy, fixed); });
  // Last: whether two statements can share a nest depends on all of the above.
  runner.run("form_regions", [&](Graph& g) { form_regions(g, options.fuse); });
}

Program run_kernel_passes(Graph& graph, const PersistentPlan& persistents, const PipelineOptions& options) {
  Runner runner(graph, options);
  runner.run("plan_memory", [&](Graph& g) { plan_memory(g, options.capacity, persistents); });
  Program program = schedule(graph, options.capacity, options.target);
  for (const Kernel& kernel : program.kernels) {
    const std::vector<std::string> problems = verify(kernel);
    CHECK(problems.empty(), "kernel {}: {}", kernel.name, problems[0]);
  }
  return program;
}

Graph make_init_graph(const Graph& step) {
  Graph init;
  init.name = step.name;
  init.entry = "init";
  for (const Persistent& persistent : step.persistents) {
    const Value& value = step.values[persistent.value];
    Persistent copy = persistent;
    copy.value = init.add_value(value.name, value.type, value.role, value.location);
    Statement statement;
    for (std::size_t d = 0; d < value.type.shape.size(); ++d) {
      statement.variables.push_back({fmt::format("i{}", d), value.type.shape[d]});
      statement.output.push_back({static_cast<int>(d)});
    }
    statement.free_count = static_cast<int>(value.type.shape.size());
    statement.body = persistent.initial;
    copy.next = add_statement(init, "initial", value.name, value.name + ".initial", value.type, {},
                              std::move(statement), value.location);
    init.persistents.push_back(std::move(copy));
  }
  return init;
}

} // namespace striate
