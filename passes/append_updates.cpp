#include "passes/append_updates.h"

#include "passes/expand_calls.h"

#include <algorithm>
#include <functional>

namespace striate {

namespace {

constexpr const char* kUpdate = "update";

class Updater {
public:
  Updater(Graph& graph, const std::map<ValueId, ValueId>& gradients, bool accumulate)
      : graph_(graph), accumulate_(accumulate) {
    for (const auto& [parameter, gradient] : gradients)
      if (gradient >= 0) gradients_[parameter] = gradient;
  }

  void run(const std::vector<OptimizerInstance>& optimizers) {
    if (accumulate_) accumulate(optimizers);
    // Those of one optimizer together: its totals are known before its first update.
    std::vector<std::string> names;
    for (const OptimizerInstance& optimizer : optimizers) {
      if (std::find(names.begin(), names.end(), optimizer.optimizer) != names.end()) continue;
      names.push_back(optimizer.optimizer);
      std::vector<const OptimizerInstance*> group;
      for (const OptimizerInstance& other : optimizers)
        if (other.optimizer == optimizer.optimizer && gradients_.contains(parameter_of(other)))
          group.push_back(&other);
      update(group);
    }
  }

private:
  ValueId parameter_of(const OptimizerInstance& optimizer) const {
    const ValueId parameter = graph_.find(optimizer.parameter);
    CHECK(parameter >= 0, "no parameter {}", optimizer.parameter);
    return parameter;
  }

  ValueId add_state(const std::string& name, ValueId parameter, ExprRef initial) {
    const Value like = graph_.values[parameter];
    Persistent persistent;
    persistent.value = graph_.add_value(name, like.type, ValueRole::State, like.location);
    persistent.initial = std::move(initial);
    persistent.group = like.name;
    graph_.persistents.push_back(persistent);
    return persistent.value;
  }

  void set_next(ValueId kept, ValueId next) {
    for (Persistent& persistent : graph_.persistents)
      if (persistent.value == kept) persistent.next = next;
  }

  // A value computed element by element from values of the same shape.
  ValueId combine(const char* op, ValueId like, const std::string& name, std::vector<ValueId> inputs,
                  const std::function<ExprRef(const std::vector<ExprRef>&)>& body) {
    const Value model = graph_.values[like];
    Statement statement = pointwise_statement(model.type);
    std::vector<ExprRef> reads;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      reads.push_back(read(static_cast<int>(k), statement.output_indices()));
    statement.body = body(reads);
    return add_statement(graph_, op, "", name, model.type, std::move(inputs), std::move(statement),
                         model.location);
  }

  static ExprRef updates() { return apply(Function::Less, {constant(0), run_time_scalar(kUpdate)}); }

  void accumulate(const std::vector<OptimizerInstance>& optimizers) {
    graph_.scalars.emplace_back(kUpdate, 1);
    for (const OptimizerInstance& optimizer : optimizers) {
      const auto gradient = gradients_.find(parameter_of(optimizer));
      if (optimizer.of_gradient || gradient == gradients_.end()) continue;
      const ValueId parameter = gradient->first;
      const std::string name = graph_.values[parameter].name;
      const ValueId state = add_state(name + "/gradient", parameter, constant(0));
      const ValueId sum = combine("accumulate", parameter, name + ".grad.sum", {state, gradient->second},
                                  [](const auto& x) { return x[0] + x[1]; });
      set_next(state, combine("accumulate", parameter, name + "/gradient.next", {sum},
                              [](const auto& x) { return select(updates(), constant(0), x[0]); }));
      gradient->second = sum;
    }
  }

  // The totals of a group, over its instances in order.
  std::vector<ValueId> totals_of(const std::vector<const OptimizerInstance*>& group,
                                 const std::vector<std::vector<ValueId>>& inputs) {
    std::vector<std::vector<ValueId>> parts;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const Definition& totals = *group[i]->totals;
      Node node;
      node.op = totals.name;
      node.path = group[i]->parameter;
      node.definition = group[i]->totals;
      node.location = graph_.values[parameter_of(*group[i])].location;
      node.inputs = inputs[i];
      std::vector<std::string> names;
      for (int output : totals.outputs)
        names.push_back(group[i]->parameter + "." + totals.operands[static_cast<std::size_t>(output)].name);
      const NodeId added = graph_.add_node(std::move(node), names);
      parts.push_back(graph_.nodes[added].outputs);
    }
    std::vector<ValueId> sums;
    for (std::size_t k = 0; k < parts[0].size(); ++k) {
      std::vector<ValueId> terms;
      for (const std::vector<ValueId>& part : parts) terms.push_back(part[k]);
      const Definition& totals = *group[0]->totals;
      const std::string& name = totals.operands[static_cast<std::size_t>(totals.outputs[k])].name;
      sums.push_back(combine("total", terms[0], group[0]->optimizer + "." + name, terms, [](const auto& x) {
        ExprRef sum = x[0];
        for (std::size_t i = 1; i < x.size(); ++i) sum = sum + x[i];
        return sum;
      }));
    }
    return sums;
  }

  void update(const std::vector<const OptimizerInstance*>& group) {
    if (group.empty()) return;
    std::vector<std::vector<ValueId>> inputs;
    for (const OptimizerInstance* optimizer : group) {
      const ValueId parameter = parameter_of(*optimizer);
      std::vector<ValueId>& own = inputs.emplace_back();
      if (!optimizer->of_gradient) own.push_back(parameter);
      own.push_back(gradients_.at(parameter));
      for (const auto& [name, initial] : optimizer->states)
        own.push_back(add_state(optimizer->parameter + (optimizer->of_gradient ? "/gradient." : "/") + name,
                                parameter, initial));
    }
    const std::vector<ValueId> totals = group[0]->totals ? totals_of(group, inputs) : std::vector<ValueId>();
    for (std::size_t i = 0; i < group.size(); ++i) {
      inputs[i].insert(inputs[i].end(), totals.begin(), totals.end());
      update(*group[i], std::move(inputs[i]));
    }
  }

  void update(const OptimizerInstance& optimizer, std::vector<ValueId> inputs) {
    const ValueId parameter = parameter_of(optimizer);
    const std::size_t first_state = optimizer.of_gradient ? 1 : 2;
    Node node;
    node.op = optimizer.definition->name;
    node.path = optimizer.parameter;
    node.definition = optimizer.definition;
    node.location = graph_.values[parameter].location;
    node.inputs = inputs;
    std::vector<std::string> names = {optimizer.parameter + (optimizer.of_gradient ? ".grad.next" : ".next")};
    for (std::size_t k = 0; k < optimizer.states.size(); ++k)
      names.push_back(graph_.values[inputs[first_state + k]].name + ".next");
    const NodeId added = graph_.add_node(std::move(node), names);
    const std::vector<ValueId> outputs = graph_.nodes[added].outputs;
    if (optimizer.of_gradient)
      gradients_[parameter] = outputs[0];
    else
      replace(parameter, outputs[0]);
    for (std::size_t k = 0; k < optimizer.states.size(); ++k)
      replace(inputs[first_state + k], outputs[k + 1]);
  }

  // `next` takes the place of `kept`; with accumulation, in the last run of an update.
  void replace(ValueId kept, ValueId next) {
    if (accumulate_)
      next = combine("update", kept, graph_.values[kept].name + ".next", {next, kept},
                     [](const auto& x) { return select(updates(), x[0], x[1]); });
    set_next(kept, next);
  }

  Graph& graph_;
  bool accumulate_;
  std::map<ValueId, ValueId> gradients_; // by parameter, as they are by now
};

} // namespace

void append_updates(Graph& graph, const std::map<ValueId, ValueId>& gradients,
                    const std::vector<OptimizerInstance>& optimizers, bool accumulate) {
  Updater(graph, gradients, accumulate).run(optimizers);
}

} // namespace striate
