#include "passes/pass.h"

#include "passes/append_updates.h"
#include "passes/assign_orders.h"
#include "passes/check_places.h"
#include "passes/commute_monotone.h"
#include "passes/differentiate.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/estimate_costs.h"
#include "passes/expand_calls.h"
#include "passes/expand_elementary.h"
#include "passes/form_regions.h"
#include "passes/inline_pointwise.h"
#include "passes/lower_precision.h"
#include "passes/pad_contractions.h"
#include "passes/recompute.h"
#include "passes/settle_persistents.h"
#include "passes/split_sums.h"
#include "passes/winograd.h"
#include "support/time_trace.h"

#include <algorithm>

namespace striate {

template <auto function>
static Status plain(Graph& graph, PassState&) {
  function(graph);
  return {};
}

// The layouts that a decision of the graph asks for: an earlier pass's, or somebody's.
static std::optional<LayoutPolicy> decided_policy(const Graph& graph) {
  for (const Decision& decision : graph.decisions)
    for (const LayoutPolicy policy :
         {LayoutPolicy::BatchBlocked, LayoutPolicy::ChannelBlocked, LayoutPolicy::Plain})
      if (decision.pass == "assign_layouts" && decision.what == graph.name &&
          decision.chosen == name_of(policy))
        return policy;
  return std::nullopt;
}

static void choose_policy(Graph& graph, PassState& state) {
  if (state.policy) return;
  const auto [suits, reason] = choose_layouts(graph, state.options.capacity);
  state.suits = suits;
  if (!state.options.layout)
    if (state.policy = decided_policy(graph); state.policy) return;
  state.policy = state.options.layout.value_or(suits);
  const bool asked = state.options.layout.has_value();
  // There are no blocks of examples where a batch counts several rows of each.
  if (suits == LayoutPolicy::Plain && state.policy == LayoutPolicy::BatchBlocked) state.policy = suits;
  graph.decide("assign_layouts", graph.name, name_of(*state.policy),
               asked && state.policy == state.options.layout ? "asked for" : reason);
}

static LayoutPolicy policy_of(Graph& graph, PassState& state) {
  choose_policy(graph, state);
  return *state.policy;
}

static Status run_assign_orders(Graph& graph, PassState& state) {
  choose_policy(graph, state);
  assign_orders(graph, state.suits == LayoutPolicy::BatchBlocked);
  return {};
}

static Status run_differentiate(Graph& graph, PassState& state) {
  if (std::ranges::none_of(graph.outputs, [](const auto& output) { return output.first == "loss"; }))
    return bad_data("{}.{} has no output called `loss` to differentiate", graph.name, graph.entry);
  Result<std::map<ValueId, ValueId>> gradients = differentiate(graph);
  if (!gradients) return gradients.failure();
  state.gradients = std::move(*gradients);
  if (!state.optimizers)
    for (const auto& [parameter, gradient] : state.gradients)
      if (gradient >= 0) graph.outputs.emplace_back(graph.values[parameter].name + ".grad", gradient);
  return {};
}

static Status run_append_updates(Graph& graph, PassState& state) {
  if (!state.optimizers)
    return bad_data("append_updates needs the optimizers of a program; a graph has none");
  append_updates(graph, state.gradients, *state.optimizers, state.options.accumulate);
  return {};
}

static Status run_pad_contractions(Graph& graph, PassState& state) {
  pad_contractions(graph, policy_of(graph, state) != LayoutPolicy::BatchBlocked,
                   !state.options.target.many_threads);
  return {};
}

static Status run_split_sums(Graph& graph, PassState& state) {
  choose_policy(graph, state);
  if (state.suits != LayoutPolicy::BatchBlocked) split_sums(graph, state.options.capacity);
  return {};
}

static Status run_winograd(Graph& graph, PassState& state) {
  policy_of(graph, state); // chosen by the contractions as they are written
  winograd(graph, state.options.capacity);
  return {};
}

static Status run_assign_layouts(Graph& graph, PassState& state) {
  LayoutPolicy policy = policy_of(graph, state);
  if (state.plain && policy != LayoutPolicy::Plain) {
    policy = LayoutPolicy::Plain;
    graph.decide("assign_layouts", graph.name, name_of(policy), "beyond the limit of passes");
  }
  assign_layouts(graph, policy, state.options.capacity, state.fixed);
  return {};
}

static Status run_recompute(Graph& graph, PassState& state) {
  if (!state.options.memory) return bad_data("recompute needs a limit of memory: --mem");
  if (const Status fits = check_sizes(graph, state.options.capacity); !fits) return fits;
  recompute(graph, {*state.options.memory, state.options.capacity, state.options.fuse && !state.plain},
            state.persistents ? *state.persistents : plan_persistents(graph));
  return {};
}

static Status run_form_regions(Graph& graph, PassState& state) {
  form_regions(graph, state.options.fuse && !state.plain);
  return {};
}

static Status run_plan_memory(Graph& graph, PassState& state) {
  if (const Status fits = check_sizes(graph, state.options.capacity); !fits) return fits;
  plan_memory(graph, state.options.capacity, state.persistents ? *state.persistents : plan_persistents(graph),
              !state.plain);
  const Status placed = check_places(graph, state.options.capacity);
  CHECK(placed, "after plan_memory: {}", placed.failure().message);
  return {};
}

static Status run_estimate_costs(Graph& graph, PassState& state) {
  if (const Status fits = check_sizes(graph, state.options.capacity); !fits) return fits;
  estimate_costs(graph, state.options.capacity, state.options.speed);
  return {};
}

const std::vector<Pass>& graph_passes() {
  static const std::vector<Pass> passes = {
      {"expand_calls", "every call becomes the statements of its definition", Needs::Anything, Beyond::Runs,
       plain<expand_calls>},
      {"eliminate_dead_nodes", "what no output needs goes; inputs come first, loops are found",
       Needs::Anything, Beyond::Runs, plain<eliminate_dead_nodes>},
      {"commute_monotone", "a clamp from below moves behind a window's maximum", Needs::Statements,
       Beyond::LeftOut, plain<commute_monotone>},
      {"differentiate", "appends the gradients of `loss` by every trainable parameter", Needs::Statements,
       Beyond::Runs, run_differentiate},
      {"append_updates", "appends the optimizers' updates of parameters and states", Needs::Statements,
       Beyond::Runs, run_append_updates},
      {"lower_precision", "convolutions and matrices multiply numbers of bf16", Needs::Statements,
       Beyond::LeftOut,
       [](Graph& graph, PassState& state) -> Status {
         lower_precision(graph, state.options.capacity);
         return {};
       }},
      {"inline_pointwise", "views and element-wise statements move into their readers", Needs::Statements,
       Beyond::LeftOut, plain<inline_pointwise>},
      {"winograd", "convolutions with windows of 3 x 3 by fewer multiplications", Needs::Statements,
       Beyond::LeftOut, run_winograd},
      {"pad_contractions", "contractions read padded copies instead of testing bounds", Needs::Statements,
       Beyond::LeftOut, run_pad_contractions},
      {"split_sums", "long sums with few results become sums of parts", Needs::Statements, Beyond::LeftOut,
       run_split_sums},
      {"settle_persistents", "what replaces a parameter or state is computed last, in place",
       Needs::Statements, Beyond::Runs, plain<settle_persistents>},
      {"expand_elementary", "exp, log, tanh and the like become polynomials", Needs::Statements, Beyond::Runs,
       [](Graph& graph, PassState&) -> Status {
         expand_elementary(graph);
         return {};
       }},
      {"assign_orders", "declares the order of evaluation of every reduction", Needs::Statements,
       Beyond::Runs, run_assign_orders},
      {"assign_layouts", "decides how each value lies in memory", Needs::Statements, Beyond::Plain,
       run_assign_layouts},
      {"recompute", "values are computed again instead of kept, until memory suffices", Needs::Layouts,
       Beyond::LeftOut, run_recompute},
      {"form_regions", "fuses statements into regions, one kernel each", Needs::Layouts, Beyond::Plain,
       run_form_regions},
      {"plan_memory", "gives every stored value its place in one arena", Needs::Regions, Beyond::Plain,
       run_plan_memory},
      {"estimate_costs", "says what each region computes and moves, and the least time for it",
       Needs::Regions, Beyond::Runs, run_estimate_costs},
  };
  return passes;
}

const Pass* pass_named(const std::string& name) {
  for (const Pass& pass : graph_passes())
    if (pass.name == name) return &pass;
  return nullptr;
}

std::vector<std::string> gradient_pipeline(bool training, const PipelineOptions& options) {
  // Statements are what is differentiated, so that saving or recomputing is a choice per value. Nothing that
  // no output needs may keep a value alive for its gradient. The backward pass is derived from the form that
  // commute_monotone leaves, which is cheaper.
  std::vector<std::string> names = {"expand_calls", "eliminate_dead_nodes", "commute_monotone"};
  // The optimizer's update is a call of several statements.
  if (training)
    names.insert(names.end(), {"differentiate", "append_updates", "expand_calls", "eliminate_dead_nodes"});
  // The backward pass has contractions of its own.
  if (options.bfloat16) names.emplace_back("lower_precision");
  return names;
}

std::vector<std::string> region_pipeline(const PipelineOptions& options) {
  // First, so that every later pass sees chains as one expression.
  std::vector<std::string> names = {"inline_pointwise"};
  // Before padding, which its tiles need more of; after inlining, which would undo it.
  if (options.winograd) names.emplace_back("winograd");
  // What a contraction reads outside of is settled by inlining.
  names.emplace_back("pad_contractions");
  // Where many threads wait for work; before orders, which it makes two of one.
  if (options.target.many_threads) names.emplace_back("split_sums");
  for (const char* name :
       {// After inlining, which would undo it: what replaces a parameter or state is computed last, where the
        // old one lies.
        "settle_persistents",
        // Once expressions are final; the interpreter runs the same polynomials from here on.
        "expand_elementary",
        // Before layouts: the bits must not depend on them.
        "assign_orders", "assign_layouts"})
    names.emplace_back(name);
  // Once orders and layouts are settled: what is computed again has the same bits.
  if (options.memory) names.emplace_back("recompute");
  // Last: whether two statements can share a nest depends on all of the above.
  names.emplace_back("form_regions");
  return names;
}

std::string unmet(Needs needs, const Graph& graph) {
  if (needs != Needs::Regions && !graph.regions.empty()) return "its regions are formed already";
  if (needs == Needs::Anything) return "";
  for (const Node& node : graph.nodes) {
    const std::string& name = graph.values[node.outputs[0]].name;
    if (node.outputs.size() != 1 || node.definition->statements.size() != 1)
      return fmt::format("`{}` is a call of several statements: expand_calls makes them nodes", name);
    if (needs == Needs::Statements) continue;
    const Statement& statement = node.definition->statements[0];
    if (statement.reduces() && statement.order.loops.empty() && !statement.order.lanes)
      return fmt::format("the reduction of `{}` has no order: assign_orders declares it", name);
  }
  if (needs == Needs::Statements) return "";
  for (const Value& value : graph.values)
    if (value.layout.empty() && !value.type.shape.empty())
      return fmt::format("`{}` has no layout: assign_layouts decides it", value.name);
  if (needs == Needs::Regions && graph.regions.empty()) return "it has no regions: form_regions makes them";
  return "";
}

// Counts the pass, where it is one that counts.
static bool within_limit(const Pass& pass, const Graph& graph, const PipelineOptions& options) {
  if (!options.limit || pass.beyond == Beyond::Runs) return true;
  PassLimit& limit = *options.limit;
  const bool runs = ++limit.count <= limit.most || limit.most < 0;
  if (limit.tell) limit.tell(limit.count, pass.name, graph, runs);
  return runs;
}

// What a pass would decide is decided already: by an earlier run of it, or by hand. Deciding it anew would
// undo that without a word.
static std::string decided(const Pass& pass, const Graph& graph) {
  const auto any_value = [&](auto&& has) { return std::ranges::any_of(graph.values, has); };
  if (pass.run == run_assign_layouts && any_value([](const Value& v) { return !v.layout.empty(); }))
    return "its values have layouts already";
  if (pass.run == run_plan_memory && any_value([](const Value& v) { return v.offset >= 0; }))
    return "its values have places in memory already";
  return "";
}

Status run_passes(Graph& graph, const std::vector<std::string>& names, PassState& state) {
  for (const std::string& name : names) {
    const Pass* pass = pass_named(name);
    CHECK(pass, "no pass is called {}", name);
    if (const std::string problem = unmet(pass->needs, graph); !problem.empty())
      return bad_data("{} does not apply to {}.{}: {}", name, graph.name, graph.entry, problem);
    if (const std::string problem = decided(*pass, graph); !problem.empty())
      return bad_data("{} does not apply to {}.{}: {}", name, graph.name, graph.entry, problem);
    const bool within = within_limit(*pass, graph, state.options);
    if (!within && pass->beyond == Beyond::LeftOut) continue;
    if (state.options.before_pass) state.options.before_pass(pass->name, graph);
    state.plain = !within;
    const std::string entry = graph.name + "." + graph.entry;
    {
      const TimedSpan span("pass", name, entry);
      if (const Status status = pass->run(graph, state); !status) return status;
    }
    const TimedSpan span("verify", "verify", entry);
    const std::vector<std::string> problems = verify(graph);
    CHECK(problems.empty(), "after {}: {}", name, problems[0]);
    if (state.options.after_pass) state.options.after_pass(pass->name, graph);
  }
  return {};
}

} // namespace striate
