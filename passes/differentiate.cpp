#include "passes/differentiate.h"

#include "ir/graph/loops.h"
#include "passes/adjoint.h"
#include "passes/derivative.h"
#include "passes/expand_calls.h"
#include "passes/order_nodes.h"

#include <set>

namespace striate {

namespace {

class Differentiator {
public:
  Differentiator(Graph& graph, const std::vector<ValueId>& inputs) : graph_(graph) {
    forward_count_ = static_cast<NodeId>(graph.nodes.size());
    needs_.assign(graph.values.size(), false);
    for (ValueId input : inputs) needs_[input] = true;
    // Again as long as a loop hands something back to its beginning.
    bool changed = true;
    while (changed) {
      changed = false;
      for (NodeId n = 0; n < forward_count_; ++n) {
        const Node& node = graph.nodes[n];
        const Statement& statement = statement_of(node);
        if (statement.reducer == Reducer::ArgMax || statement.reducer == Reducer::ArgMin) continue;
        for (const ExprRef& symbol : differentiable_reads(statement.body)) {
          if (!needs_[node.inputs[symbol->operand]] || needs_[node.outputs[0]]) continue;
          needs_[node.outputs[0]] = true;
          changed = changed || node.loop >= 0;
        }
      }
    }
  }

  Result<std::map<ValueId, ValueId>> run(ValueId output, ValueId seed, const std::vector<ValueId>& inputs) {
    mark_live(output);
    contributions_[output] = {seed};
    int loop = -1;
    for (NodeId n = forward_count_ - 1; n >= 0; --n) {
      const ValueId value = graph_.nodes[n].outputs[0];
      if (const int entered = graph_.nodes[n].loop; entered != loop) {
        loop = entered;
        const Status status = loop >= 0 ? carry_back(n) : Status();
        if (!status) return status.failure();
      }
      if (!live_.count(value)) continue;
      const Status status = differentiate_node(n, adjoint_of(value), Reads::Settled);
      if (!status) return status.failure();
    }
    std::map<ValueId, ValueId> gradients;
    for (ValueId input : inputs) gradients[input] = live_.count(input) ? adjoint_of(input) : -1;
    order_nodes(graph_);
    return gradients;
  }

private:
  // Reads of what a loop computes behind the reader, at an earlier step; and all others.
  enum class Reads { Carried, Settled };

  bool is_carried(NodeId reader, ValueId value) const {
    return graph_.values[value].producer >= reader && in_same_loop(graph_, graph_.nodes[reader], value);
  }

  // Values on a path from an input that needs a gradient to the output, and how many terms each one's adjoint
  // has.
  void mark_live(ValueId output) {
    if (!needs_[output]) return;
    live_.insert(output);
    const auto see_reads = [&](const std::function<bool(NodeId, ValueId)>& see) {
      bool again = false;
      for (NodeId n = forward_count_ - 1; n >= 0; --n) {
        const Node& node = graph_.nodes[n];
        if (!live_.count(node.outputs[0])) continue;
        for (const ExprRef& symbol : differentiable_reads(statement_of(node).body))
          if (const ValueId value = node.inputs[symbol->operand]; needs_[value])
            again = see(n, value) || again;
      }
      return again;
    };
    // What a loop carries becomes live when its reader, which stands before it, does.
    while (see_reads(
        [&](NodeId n, ValueId value) { return live_.insert(value).second && is_carried(n, value); })) {
    }
    see_reads([&](NodeId, ValueId value) {
      ++terms_[value];
      return false;
    });
  }

  // On entering a loop from its end: what its nodes read of an earlier step gets its share of adjoints that
  // are computed later, by names given to them now.
  Status carry_back(NodeId last) {
    const int loop = graph_.nodes[last].loop;
    for (NodeId n = last; n >= 0 && graph_.nodes[n].loop == loop; --n) {
      const Node node = graph_.nodes[n];
      const ValueId value = node.outputs[0];
      if (!live_.count(value)) continue;
      bool carries = false;
      for (const ExprRef& symbol : differentiable_reads(statement_of(node).body)) {
        const ValueId source = node.inputs[symbol->operand];
        carries = carries || (needs_[source] && live_.count(source) && is_carried(n, source));
      }
      if (!carries) continue;
      const Value target = graph_.values[value];
      announced_[value] = graph_.add_value(graph_.unique_name(target.name + ".grad"), target.type,
                                           ValueRole::Computed, target.location);
      const Status status = differentiate_node(n, announced_[value], Reads::Carried);
      if (!status) return status;
    }
    return {};
  }

  // The adjoint that was announced is this one.
  void keep_promise(ValueId value, ValueId adjoint) {
    const ValueId promised = announced_.at(value);
    const Value target = graph_.values[promised];
    Statement same = pointwise_statement(target.type);
    same.body = read(0, same.output_indices());
    define_value(graph_, promised, "sum", "", {adjoint}, std::move(same), target.location);
  }

  ValueId adjoint_of(ValueId value) {
    std::vector<ValueId>& parts = contributions_[value];
    if (parts.empty()) { // reached only through derivatives that are zero everywhere
      Statement zero = pointwise_statement(graph_.values[value].type);
      zero.body = constant(0);
      parts = {add_statement(graph_, "zero", "", graph_.values[value].name + ".grad",
                             graph_.values[value].type, {}, std::move(zero), graph_.values[value].location)};
    }
    if (parts.size() > 1) {
      const Value target = graph_.values[value];
      Statement sum = pointwise_statement(target.type);
      const std::vector<IndexExpr> here = sum.output_indices();
      sum.body = read(0, here);
      for (std::size_t k = 1; k < parts.size(); ++k) sum.body = sum.body + read(static_cast<int>(k), here);
      parts = {add_statement(graph_, "sum", "", target.name + ".grad", target.type, parts, std::move(sum),
                             target.location)};
    }
    if (announced_.contains(value) && parts[0] != announced_[value]) {
      keep_promise(value, parts[0]);
      parts = {announced_[value]};
    }
    return parts[0];
  }

  Status differentiate_node(NodeId id, ValueId adjoint, Reads reads) {
    const Node node = graph_.nodes[id];
    const Statement statement = statement_of(node);
    const ValueId value = node.outputs[0];

    // Operands of the contribution: the node's own inputs, then the adjoint, the winners, the node's value.
    std::vector<ValueId> operands = node.inputs;
    const int inputs = static_cast<int>(operands.size());
    const std::vector<IndexExpr> here = statement.output_indices();
    operands.insert(operands.end(), {adjoint, adjoint, value});
    ExprRef seed = read(inputs, here);
    ExprRef own_value;
    switch (statement.reducer) {
    case Reducer::None:
      own_value = read(inputs + 2, here);
      break;
    case Reducer::Sum:
      break;
    case Reducer::Max:
    case Reducer::Min: {
      operands[inputs + 1] = winners_of(id);
      IndexExpr flat(0);
      for (std::size_t v = statement.free_count; v < statement.variables.size(); ++v)
        flat = flat * statement.variables[v].extent.factor + IndexExpr::variable(static_cast<int>(v));
      const ExprRef winner = read(inputs + 1, here, ScalarType::Int);
      seed = select(apply(Function::Equal, {winner, index_value(flat)}), seed, constant(0));
      break;
    }
    default:
      return Failure{ExitCode::Failed,
                     fmt::format("{}: `{}` reduces by {}, which has no derivative here", node.location.text(),
                                 graph_.values[value].name, name_of(statement.reducer))};
    }

    for (const ExprRef& symbol : differentiable_reads(statement.body)) {
      const ValueId source = node.inputs[symbol->operand];
      if (!needs_[source] || !live_.count(source)) continue;
      if (is_carried(id, source) != (reads == Reads::Carried)) continue;
      const ExprRef contribution = chain_to_read(statement.body, symbol, seed, own_value);
      if (!contribution) continue;
      add_contribution(node, statement, symbol, contribution, operands, source);
    }
    return {};
  }

  // The flat window index that won a Max or Min, as a statement beside it.
  ValueId winners_of(NodeId id) {
    const Node node = graph_.nodes[id];
    Statement which = statement_of(node);
    which.reducer = which.reducer == Reducer::Max ? Reducer::ArgMax : Reducer::ArgMin;
    TensorType type = graph_.values[node.outputs[0]].type;
    type.element = ElementType::I32;
    return add_statement(graph_, node.op, node.path, graph_.values[node.outputs[0]].name + ".which", type,
                         node.inputs, std::move(which), node.location);
  }

  void add_contribution(const Node& node, const Statement& statement, const ExprRef& symbol,
                        const ExprRef& contribution, const std::vector<ValueId>& operands, ValueId source) {
    const Value target = graph_.values[source];
    std::vector<ValueId>& parts = contributions_[source];
    const std::string name =
        target.name + ".grad" + (terms_[source] > 1 ? fmt::format(".{}", parts.size()) : std::string());
    AdjointStatement adjoint =
        derive_adjoint(statement, symbol, target.type, contribution, [&](int operand) -> const TensorType& {
          return graph_.values[operands[operand]].type;
        });
    TensorType type = target.type;
    type.shape = adjoint.shape;
    const std::string op = node.op + ".adjoint";
    if (adjoint.fits()) {
      parts.push_back(add_statement(graph_, op, node.path, name, type, operands, std::move(adjoint.statement),
                                    node.location));
      return;
    }
    const ValueId whole =
        add_statement(graph_, op, node.path, name + (adjoint.cropped ? ".phases" : ".dense"), type, operands,
                      std::move(adjoint.statement), node.location);
    Statement placed = pointwise_statement(target.type);
    std::vector<IndexExpr> indices = placed.output_indices();
    ExprRef exists = constant_bool(true);
    bool spread = false;
    for (std::size_t d = 0; d < indices.size(); ++d) {
      const AdjointStatement::Spread& by = adjoint.spread[d];
      indices[d] = indices[d] + adjoint.crop[d] - by.first;
      if (by.step == 0) continue;
      spread = true;
      exists = apply(Function::And,
                     {exists, in_range(IndexExpr::remainder(indices[d], by.step), 0, 0, placed.ranges())});
      indices[d] = IndexExpr::quotient(indices[d], by.step);
    }
    placed.body = select(
        exists, read(0, indices, ScalarType::Real, spread ? std::optional(0.0) : std::nullopt), constant(0));
    parts.push_back(
        add_statement(graph_, op, node.path, name, target.type, {whole}, std::move(placed), node.location));
  }

  Graph& graph_;
  NodeId forward_count_ = 0;
  std::vector<bool> needs_;
  std::set<ValueId> live_;
  std::map<ValueId, int> terms_;
  std::map<ValueId, std::vector<ValueId>> contributions_;
  std::map<ValueId, ValueId> announced_; // adjoints that were read before they were computed
};

} // namespace

Result<std::map<ValueId, ValueId>> append_adjoints(Graph& graph, ValueId output, ValueId seed,
                                                   const std::vector<ValueId>& inputs) {
  return Differentiator(graph, inputs).run(output, seed, inputs);
}

static ValueId loss_of(const Graph& graph) {
  for (const auto& [name, value] : graph.outputs)
    if (name == "loss") return value;
  return -1;
}

Result<std::map<ValueId, ValueId>> differentiate(Graph& graph) {
  const ValueId loss = loss_of(graph);
  CHECK(loss >= 0, "{} has no loss", graph.name);
  std::vector<ValueId> parameters;
  for (const Persistent& persistent : graph.persistents)
    if (persistent.trainable) parameters.push_back(persistent.value);

  // The step minimises the mean over the batch's real examples; lanes beyond them start from an exact 0.
  const Value value = graph.values[loss];
  CHECK(value.type.shape.size() == 1 && value.type.shape[0] == Size::n(),
        "the loss is one value per example");
  Statement seed;
  seed.variables = {{"n", Size::n()}};
  seed.free_count = 1;
  seed.output = {{0}};
  const ExprRef is_real = apply(
      Function::Less, {apply(Function::ToReal, {index_value(IndexExpr::variable(0))}), run_time_scalar("N")});
  seed.body = select(is_real, run_time_scalar("1/N"), constant(0));
  // The differentiator's forward part ends before the seed.
  Differentiator differentiator(graph, parameters);
  const ValueId seed_value =
      add_statement(graph, "mean", "", "loss.grad", value.type, {}, std::move(seed), value.location);
  return differentiator.run(loss, seed_value, parameters);
}

} // namespace striate
