// A graph while it is being elaborated: values may still be renamed (`as`), and nodes turn out to be unused.
// `finish` drops those, makes names unique and gives the Graph.
#pragma once

#include "frontend/layer_call.h"
#include "ir/graph/graph.h"
#include "support/parameter_path.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace striate {

class GraphBuilder {
public:
  int add_input(const std::string& name, const TensorType& type, const SourceLocation& location);
  // A parameter or a state; its name is its path.
  int add_persistent(const std::string& path, const TensorType& type, ExprRef initial, bool trainable,
                     const SourceLocation& location);
  // A call; its outputs are named as given, at `depth` of calls.
  std::vector<int> add_call(Node node, const std::vector<std::string>& names, int depth);

  // The same value once more, computed.
  int add_copy(int value, const std::string& name, const SourceLocation& location, int depth);

  // `as`, and the result of a layer: seen from the caller, `depth` calls deep.
  void rename(int value, const std::string& name, int depth);
  void set_next(int persistent, int next);
  int next_of(int persistent) const;    // -1 where there is none
  void freeze(const std::string& path); // the parameter or state, or all below; nothing where there is none
  // States stay as they are whose layer no output needs.
  void drop_idle_states();

  // --- Scans: between begin and end, calls are those of one step.
  struct Carry {
    std::string name;
    SourceLocation location;
    double number = 0; // the first value, where `first` is none
    int first = -1;
    int next = -1;
    int value = -1; // set by add_carry
  };
  bool in_scan() const { return scan_.steps > 0; }
  void begin_scan(int64_t steps);
  // One step of a sequence [N, T, ...].
  int add_slice(int sequence, const std::string& name, const SourceLocation& location, int depth);
  int add_carry(Carry carry, const std::string& name, const TensorType& type, const SourceLocation& location,
                int depth);
  bool is_carry(int value) const;
  bool set_next_carry(int value, int next); // false where it has one
  const std::vector<Carry>& carries() const { return scan_.carries; }
  // Within a scan: whether the value may be another one at another step.
  bool depends_on_step(int value) const;
  // Makes every call that depends on the step compute all steps. Slices are their sequences from then on.
  std::map<int, int> end_scan(const SourceLocation& location);
  // Whether a scan computed it step by step.
  bool has_steps(int value) const;

  // A layer of the library that was expanded: its nodes are those since there were `first_node`. What a scan
  // computes step by step is not told apart.
  struct ExpandedLayer {
    std::string layer;
    std::map<std::string, CompileTimeValue> attributes;
    std::string path;
    std::vector<int> inputs;
    int output = -1;
    int first_node = 0;
    int end_node = 0;
  };
  void add_layer(ExpandedLayer layer) {
    if (!in_scan()) layers_.push_back(std::move(layer));
  }

  void add_output(const std::string& name, int value) { outputs_.emplace_back(name, value); }
  // The path, or the path with a number where it was used before: random draws are keyed by it.
  std::string unique_call_path(const std::string& path);

  int find_persistent(const std::string& path) const; // -1
  bool has_persistents_below(const std::string& path) const;
  std::vector<std::string> persistent_names() const;
  bool is_persistent(int value) const { return persistents_.contains(value); }
  const Value& value(int id) const { return values_[static_cast<std::size_t>(id)].value; }
  // The call that computes a value; nullptr where none does.
  const Node* producer(int id) const {
    const int producer = value(id).producer;
    return producer < 0 ? nullptr : &nodes_[static_cast<std::size_t>(producer)];
  }
  int value_count() const { return static_cast<int>(values_.size()); }
  int node_count() const { return static_cast<int>(nodes_.size()); }
  const Node& node(int id) const { return nodes_[static_cast<std::size_t>(id)]; }
  // "image f32[N,1,28,28] -> conv1 [N,20,24,24] -> ...": how the value came about, as seen `depth` calls
  // deep.
  std::string history(int value, int depth) const;

  // `layers`, where given, gets the library's layers that are left in it, outer ones first.
  Graph finish(const std::string& model, const std::string& entry,
               std::vector<LayerCall>* layers = nullptr) const;

private:
  struct DraftValue {
    Value value;
    int depth = 0;
    bool named = false; // by `as`, or as a layer's result: kept as it is where names clash
  };
  struct Scan {
    int64_t steps = 0; // 0: outside of scans
    std::size_t first_node = 0;
    std::map<int, int> slices; // and their sequences
    std::vector<Carry> carries;
  };
  std::vector<LayerCall> layer_calls(const std::map<int, std::string>& names) const;
  std::vector<bool> needed_by(std::vector<int> open) const;
  std::vector<bool> needed_values() const;
  int add_placeholder(const std::string& name, const TensorType& type, const SourceLocation& location,
                      int depth);
  std::vector<bool> values_by_step() const;

  std::vector<DraftValue> values_;
  std::vector<Node> nodes_;
  std::vector<int> inputs_;
  std::vector<int> order_; // of persistents
  std::map<int, Persistent> persistents_;
  std::vector<std::pair<std::string, int>> outputs_;
  std::vector<ExpandedLayer> layers_;
  std::set<std::string> call_paths_;
  Scan scan_;
  std::vector<int64_t> loops_; // the steps of each
};

} // namespace striate
