// The graph IR: an SSA graph of operator calls on typed, shaped tensors. The same structure serves three
// stages:
//   graph    nodes are calls; a node's definition may have several statements and outputs
//   grad     the same, with backward and update appended
//   regions  every node is one statement with one output; nodes are partitioned into regions; layouts, orders
//   and
//            arena offsets are assigned, and every decision is recorded
// Names are stable and come from the source: `conv1`, `conv1.weight`, `conv1.weight.grad`.
#pragma once

#include "ir/cost.h"
#include "ir/definition.h"
#include "ir/layout.h"
#include "support/source_location.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace striate {

using ValueId = int;
using NodeId = int;

// What holds a value across steps, or brings it in.
enum class ValueRole {
  Computed,  // by its producer, within the step
  Input,     // a field of the data, given per step
  Parameter, // trained, kept
  State,     // kept: running statistics, momentum
};

struct Value {
  std::string name; // unique in the graph
  TensorType type;
  ValueRole role = ValueRole::Computed;
  SourceLocation location;
  NodeId producer = -1;         // Computed only
  bool zero_in_padding = false; // an adjoint: exactly 0 in the lanes beyond the batch's last example
  Layout layout;                // empty until passes/assign_layouts
  int64_t offset = -1;          // bytes in the arena; -1 until passes/plan_memory, or never materialised
};

using Attribute = std::variant<int64_t, double, bool, std::string, std::vector<int64_t>>;

struct Node {
  std::string op;   // the operator's name, for people
  std::string path; // the layer path it stands in: "features.conv1"
  std::map<std::string, Attribute> attributes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::shared_ptr<const Definition> definition; // operands = inputs, then the rest
  SourceLocation location;
  int loop = -1; // of Graph::loops, or -1
  // Computes again, where it is needed, what the graph has computed before: not beside the first time, then.
  bool again = false;
};

// A scan: its nodes are computed one step after another. Dimension 1 of each of their values (0 where there
// is no batch) counts the steps, and a free variable of each statement runs along it. A node of the loop may
// read a value of the loop that stands behind it, or itself, at an earlier step (a later one in reverse),
// with an `else` for the steps that do not exist: this is the only read of something not computed yet.
struct Loop {
  std::string name; // of the first value in it
  int64_t steps = 0;
  bool reverse = false; // from the last step to the first: the adjoint of a scan
  bool operator==(const Loop&) const = default;
};

// A parameter's or state's persistent value: where it starts, and how each step ends.
struct Persistent {
  ValueId value = -1;
  bool trainable = false;
  ExprRef initial;   // over variables 0 .. rank-1 (one per dimension); reads nothing
  ValueId next = -1; // the computed value that replaces it at the end of the step, or -1
  std::string group; // the parameter a state belongs to ("conv1.weight" for its momentum), or ""
};

// Every choice a pass makes is recorded where it was made, refusals too.
struct Decision {
  std::string pass;
  std::string what;   // names of values or regions: "conv1 + pool1"
  std::string chosen; // "fused", "not fused", "batch-blocked 16"
  std::string reason;
  double estimate_seconds = 0; // predicted cost of what was chosen, 0 where none was computed
  std::vector<std::pair<std::string, double>> alternatives;
};

// A set of nodes computed by one kernel, in order; values only it reads are never stored.
struct Region {
  std::string name;
  std::vector<NodeId> nodes;
  std::vector<ValueId> stored;   // outputs that reach memory
  std::optional<Cost> cost = {}; // absent until passes/estimate_costs
};

// The update of one parameter, or what is done to its gradient before that. Reads run-time scalars
// "optimizer.lr" and the like.
struct OptimizerInstance {
  std::string parameter;
  bool of_gradient = false;
  // Operands: w and g (g alone where `of_gradient`), the states, the totals. Outputs: the next w (or g), then
  // the next states.
  std::shared_ptr<const Definition> definition;
  std::vector<std::pair<std::string, ExprRef>> states; // name and initial value
  // Numbers that are added up over all parameters of one optimizer, in the order of the instances: operands
  // as above without the totals, an output of rank 0 for each; nullptr: none.
  std::shared_ptr<const Definition> totals;
  std::string optimizer; // "optimizer", "optimizer.fc2", "gradient": whose totals are added together
};

struct Graph {
  std::string name;  // the model's
  std::string entry; // "init", "step", "eval"
  std::vector<Value> values;
  std::vector<Node> nodes; // in a valid order of execution; those of a loop stand together
  std::vector<Loop> loops;
  std::vector<ValueId> inputs;
  std::vector<Persistent> persistents;
  std::vector<std::pair<std::string, ValueId>> outputs; // by name: "logits", "loss", "accuracy"
  std::vector<std::pair<std::string, double>> scalars;  // run-time scalars and their first values
  std::vector<Region> regions;                          // empty until passes/form_regions
  std::vector<Decision> decisions;
  int64_t arena_bytes = 0;

  ValueId add_value(const std::string& name, TensorType type, ValueRole role, const SourceLocation& location);
  // Appends a node and its Computed outputs; output names are made unique ("conv1", "conv1.1").
  NodeId add_node(Node node, const std::vector<std::string>& output_names);
  std::string unique_name(const std::string& wanted) const;
  ValueId find(const std::string& name) const;      // -1 where there is none
  std::vector<std::vector<NodeId>> readers() const; // per value

  Decision& decide(std::string pass, std::string what, std::string chosen, std::string reason);

private:
  std::map<std::string, ValueId> by_name_;
};

// The text form (docs/ir.md has the grammar); parse(print(g)) prints the same text.
std::string print(const Graph& graph);

// One line per violation of the rules in docs/ir.md, naming the value or node; empty where the graph is
// sound.
std::vector<std::string> verify(const Graph& graph);

} // namespace striate
