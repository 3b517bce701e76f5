#include "ir/expression_text.h"
#include "tests/ir/random_ir.h"

#include <algorithm>
#include <set>

namespace striate {

namespace {

class GraphGenerator {
public:
  explicit GraphGenerator(uint64_t seed) : draw_(seed) {}

  Graph make() {
    graph_.name = draw_.chance(80) ? "Net" : random_text(draw_) + "n";
    graph_.entry = draw_.of({std::string("step"), std::string("eval"), std::string("init")});
    single_ = draw_.chance(60);
    for (int64_t n = draw_.between(0, 2); n > 0; --n) add_scalar();
    for (int64_t n = draw_.between(1, 3); n > 0; --n)
      graph_.inputs.push_back(
          graph_.add_value(new_name(), random_type(), ValueRole::Input, random_location(draw_)));
    for (int64_t n = draw_.between(0, 3); n > 0; --n) add_persistent();
    for (int64_t n = draw_.between(1, 5); n > 0; --n) {
      if (draw_.chance(20))
        add_scan();
      else
        add_call();
    }
    choose_next_values();
    for (int64_t n = draw_.between(0, 3); n > 0; --n) add_output();
    if (draw_.chance(60)) add_places();
    if (single_ && draw_.chance(70)) add_regions();
    for (int64_t n = draw_.between(0, 3); n > 0; --n) add_decision();
    return std::move(graph_);
  }

private:
  std::string new_name() {
    const std::string name = draw_.chance(90) ? random_word(draw_) : random_text(draw_) + "v";
    return graph_.unique_name(name);
  }

  Size constant_size() { return Size::constant(draw_.of<int64_t>({1, 2, 3, 4, 5, 7, 16, 20, 33})); }

  TensorType random_type() {
    TensorType type;
    type.element = draw_.of({ElementType::F32, ElementType::F32, ElementType::F32, ElementType::F64,
                             ElementType::I32, ElementType::U8, ElementType::Bool});
    for (int64_t d = draw_.between(0, 4); d > 0; --d) type.shape.push_back(constant_size());
    if (!type.shape.empty() && draw_.chance(60))
      type.shape[0] = Size::n(draw_.chance(80) ? 1 : draw_.between(2, 4));
    return type;
  }

  void add_scalar() {
    const std::string name =
        draw_.of({std::string("optimizer.lr"), std::string("update"), std::string("odd name")});
    for (const auto& [known, value] : graph_.scalars)
      if (known == name) return;
    graph_.scalars.emplace_back(name, draw_.of({0.01, 1.0, -0.0, 1e-300}));
  }

  std::vector<std::string> scalar_names() {
    std::vector<std::string> names = {"N", "1/N", "step", "epoch"};
    for (const auto& [name, value] : graph_.scalars) names.push_back(name);
    return names;
  }

  void add_persistent() {
    Persistent persistent;
    const bool parameter = draw_.chance(60);
    const TensorType type = random_type();
    persistent.value = graph_.add_value(new_name(), type, parameter ? ValueRole::Parameter : ValueRole::State,
                                        random_location(draw_));
    persistent.trainable = parameter && draw_.chance(70);
    if (draw_.chance(30)) persistent.group = random_word(draw_);
    if (draw_.chance(70)) {
      ExpressionSource source;
      source.leaf = [](ScalarType) { return ExprRef(); };
      source.index = [&] {
        return type.shape.empty()
                   ? IndexExpr(3)
                   : draw_.between(1, 5) *
                         IndexExpr::variable(static_cast<int>(draw_.between(0, type.rank() - 1)));
      };
      source.random = true;
      persistent.initial = random_expression(draw_, scalar_type_of(type.element), source, 2);
    }
    graph_.persistents.push_back(std::move(persistent));
  }

  // What replaces a parameter or state has its type.
  void choose_next_values() {
    for (Persistent& persistent : graph_.persistents)
      for (const Node& node : graph_.nodes)
        for (ValueId output : node.outputs)
          if (graph_.values[output].type == graph_.values[persistent.value].type && draw_.chance(50))
            persistent.next = output;
  }

  // --- calls ---

  struct Call {
    Definition definition;
    std::vector<ValueId> inputs;
  };

  void add_call() {
    Call call;
    call.definition.name = draw_.chance(85) ? random_word(draw_) : random_text(draw_);
    for (int64_t n = draw_.between(0, 3); n > 0; --n) {
      const auto id = static_cast<ValueId>(draw_.between(0, static_cast<int64_t>(graph_.values.size()) - 1));
      call.inputs.push_back(id);
      call.definition.operands.push_back({random_word(draw_), graph_.values[id].type});
    }
    call.definition.input_count = static_cast<int>(call.inputs.size());
    const int64_t statements = single_ ? 1 : draw_.between(1, 3);
    for (int64_t s = 0; s < statements; ++s) add_statement(call.definition);
    const int defined = call.definition.input_count;
    for (int operand = defined; operand < static_cast<int>(call.definition.operands.size()); ++operand)
      if (single_ || draw_.chance(60)) call.definition.outputs.push_back(operand);
    if (call.definition.outputs.empty()) call.definition.outputs.push_back(defined);
    Node node = described_node();
    node.inputs = call.inputs;
    std::vector<std::string> names;
    for (std::size_t k = 0; k < call.definition.outputs.size(); ++k) names.push_back(new_name());
    node.definition = std::make_shared<const Definition>(std::move(call.definition));
    const NodeId id = graph_.add_node(std::move(node), names);
    for (ValueId output : graph_.nodes[id].outputs)
      if (draw_.chance(20)) graph_.values[output].location = random_location(draw_);
  }

  Node described_node() {
    Node node;
    node.op = draw_.chance(85) ? random_word(draw_) : random_text(draw_);
    if (draw_.chance(40)) node.path = random_word(draw_);
    node.location = random_location(draw_);
    for (int64_t n = draw_.between(0, 3); n > 0; --n) {
      Attribute attribute;
      switch (draw_.between(0, 4)) {
      case 0:
        attribute = draw_.between(-5, 1 << 20);
        break;
      case 1:
        attribute = draw_.of({0.5, 1.0, -0.0, 1e300, -2.0});
        break;
      case 2:
        attribute = draw_.chance(50);
        break;
      case 3:
        attribute = random_text(draw_);
        break;
      default:
        attribute = std::vector<int64_t>(static_cast<std::size_t>(draw_.between(0, 3)), draw_.between(-3, 9));
      }
      node.attributes[draw_.chance(80) ? random_word(draw_) : random_text(draw_)] = attribute;
    }
    return node;
  }

  // Adds an operand and the statement that defines it.
  void add_statement(Definition& definition) {
    Statement statement;
    TensorType type;
    type.element = draw_.of({ElementType::F32, ElementType::F32, ElementType::F32, ElementType::I32,
                             ElementType::Bool, ElementType::U8});
    const int64_t rank = draw_.between(0, 4);
    const int batch =
        static_cast<int>(draw_.between(0, 2)); // 0: none, 1: free, 2: reduced, where there is one
    for (int64_t d = 0; d < rank; ++d) add_dimension(statement, type, d == 0 && batch == 1);
    statement.free_count = static_cast<int>(statement.variables.size());
    if (draw_.chance(50)) add_reduction(statement, type, batch == 2);
    statement.target = static_cast<int>(definition.operands.size());
    statement.body = body_of(definition, statement, type);
    definition.operands.push_back({random_word(draw_), type});
    definition.statements.push_back(std::move(statement));
  }

  int add_variable(Statement& statement, Size extent) {
    statement.variables.push_back({random_word(draw_), extent});
    return static_cast<int>(statement.variables.size()) - 1;
  }

  void add_dimension(Statement& statement, TensorType& type, bool batch) {
    std::vector<int> digits;
    Size whole = Size::constant(1);
    const int64_t count = draw_.chance(75) ? 1 : draw_.between(0, 3);
    for (int64_t k = 0; k < std::max<int64_t>(count, batch); ++k) {
      const Size extent = batch && k == 0 ? Size::n(draw_.chance(80) ? 1 : 2) : constant_size();
      digits.push_back(add_variable(statement, extent));
      whole.factor *= extent.factor;
      whole.batch = whole.batch || extent.batch;
    }
    statement.output.push_back(digits);
    type.shape.push_back(whole);
  }

  void add_reduction(Statement& statement, TensorType& type, bool batch) {
    const ScalarType scalar = scalar_type_of(type.element);
    statement.reducer =
        scalar == ScalarType::Bool ? draw_.of({Reducer::Any, Reducer::All})
        : scalar == ScalarType::Int
            ? draw_.of({Reducer::Sum, Reducer::Max, Reducer::ArgMax, Reducer::ArgMin})
            : draw_.of({Reducer::Sum, Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min});
    for (int64_t n = draw_.between(1, 3); n > 0; --n)
      add_variable(statement, batch && n == 1 ? Size::n() : constant_size());
    if (draw_.chance(60)) statement.order = random_order(statement);
  }

  ReductionOrder random_order(const Statement& statement) {
    ReductionOrder order;
    for (int v = statement.free_count; v < static_cast<int>(statement.variables.size()); ++v) {
      const Size extent = statement.variables[static_cast<std::size_t>(v)].extent;
      const bool splits = extent.batch || extent.factor > 4;
      if (!order.lanes && draw_.chance(25)) {
        order.lanes = ReductionLoop{v, 1, Size::constant(kLaneCount)};
        if (extent.batch || extent.factor > kLaneCount)
          order.loops.push_back({v, kLaneCount, highest_digit(extent, kLaneCount)});
      } else if (splits && draw_.chance(50)) {
        const int64_t low = draw_.between(2, 3);
        const bool three = (extent.batch || extent.factor > low * 2) && draw_.chance(40);
        const int64_t high = three ? low * 2 : low;
        const bool whole = !extent.batch && extent.factor % low == 0;
        order.loops.push_back({v, 1, Size::constant(low), whole && draw_.chance(30)});
        if (three) order.loops.push_back({v, low, Size::constant(2)});
        order.loops.push_back({v, high, highest_digit(extent, high)});
      } else {
        order.loops.push_back({v, 1, extent, !extent.batch && draw_.chance(20)});
      }
    }
    draw_.shuffle(order.loops);
    return order;
  }

  ExprRef body_of(const Definition& definition, const Statement& statement, const TensorType& type) {
    ScalarType scalar = scalar_type_of(type.element);
    if (statement.reducer == Reducer::ArgMax || statement.reducer == Reducer::ArgMin)
      scalar = draw_.of({ScalarType::Real, ScalarType::Int});
    ExpressionSource source;
    source.scalars = scalar_names();
    source.random = true;
    source.index = [&] { return any_index(statement); };
    source.leaf = [&](ScalarType wanted) { return random_read(definition, statement, wanted); };
    return random_expression(draw_, scalar, source, static_cast<int>(draw_.between(1, 4)));
  }

  IndexExpr any_index(const Statement& statement) {
    IndexExpr index(draw_.between(-2, 2));
    for (int64_t n = statement.variables.empty() ? 0 : draw_.between(0, 2); n > 0; --n)
      index = index + variable_of(statement) * draw_.of<int64_t>({1, 1, 2, -1, 16});
    if (draw_.chance(15)) index = IndexExpr::quotient(index, draw_.between(2, 20));
    if (draw_.chance(15)) index = IndexExpr::remainder(index, draw_.between(2, 20));
    return index;
  }

  IndexExpr variable_of(const Statement& statement) {
    return IndexExpr::variable(
        static_cast<int>(draw_.between(0, static_cast<int64_t>(statement.variables.size()) - 1)));
  }

  ExprRef random_read(const Definition& definition, const Statement& statement, ScalarType wanted) {
    std::vector<int> operands;
    for (std::size_t k = 0; k < definition.operands.size(); ++k)
      if (scalar_type_of(definition.operands[k].type.element) == wanted)
        operands.push_back(static_cast<int>(k));
    if (operands.empty()) return nullptr;
    const int operand = draw_.of(operands);
    const std::vector<Size>& shape = definition.operands[static_cast<std::size_t>(operand)].type.shape;
    const bool guarded = !shape.empty() && draw_.chance(30);
    std::vector<IndexExpr> indices;
    for (const Size& size : shape) {
      const std::optional<IndexExpr> index = size.batch ? batch_index(statement, size.factor)
                                             : guarded  ? any_index(statement)
                                                        : index_within(statement, size.factor);
      if (!index) return nullptr;
      indices.push_back(*index);
    }
    const double otherwise = wanted == ScalarType::Bool ? 0 : draw_.of({0.0, 1.0, -3.0});
    if (guarded && !shape[0].batch && draw_.chance(30)) {
      std::vector<ExprRef> places(shape.size(), constant_int(0));
      places[static_cast<std::size_t>(draw_.between(0, static_cast<int64_t>(places.size()) - 1))] =
          apply(Function::ToInt, {run_time_scalar("step")});
      return read_at_places(operand, indices, places, wanted, otherwise);
    }
    ExprRef e = read(operand, indices, wanted, guarded ? std::optional<double>(otherwise) : std::nullopt);
    if (!draw_.chance(5)) return e;
    Expr stopped = *e;
    stopped.stop_gradient = true;
    return std::make_shared<const Expr>(std::move(stopped));
  }

  // Over exactly the examples; nothing where the statement has no such variable.
  std::optional<IndexExpr> batch_index(const Statement& statement, int64_t factor) {
    for (std::size_t v = 0; v < statement.variables.size(); ++v) {
      const Size& extent = statement.variables[v].extent;
      if (!extent.batch || factor % extent.factor != 0) continue;
      const int64_t step = factor / extent.factor;
      return IndexExpr::variable(static_cast<int>(v)) * step + draw_.between(0, step - 1);
    }
    return std::nullopt;
  }

  IndexExpr index_within(const Statement& statement, int64_t size) {
    const IndexExpr any = any_index(statement);
    if (draw_.chance(15)) return IndexExpr::remainder(any, size);
    std::vector<IndexExpr> fitting = {IndexExpr(draw_.between(0, size - 1))};
    for (std::size_t v = 0; v < statement.variables.size(); ++v) {
      const Size& extent = statement.variables[v].extent;
      if (!extent.batch && extent.factor <= size)
        fitting.push_back(IndexExpr::variable(static_cast<int>(v)) + draw_.between(0, size - extent.factor));
      if (!extent.batch && extent.factor == size)
        fitting.push_back(IndexExpr(size - 1) - IndexExpr::variable(static_cast<int>(v)));
    }
    return draw_.of(fitting);
  }

  // --- scans ---

  // carry, some pointwise nodes, and the one that the next step's carry reads.
  void add_scan() {
    const int64_t steps = draw_.between(1, 9), features = draw_.between(1, 5);
    TensorType type;
    if (draw_.chance(70)) type.shape.push_back(Size::n());
    type.shape.push_back(Size::constant(steps));
    type.shape.push_back(Size::constant(features));
    const auto loop = static_cast<int>(graph_.loops.size());
    const bool reverse = draw_.chance(30);
    const auto count = static_cast<std::size_t>(draw_.between(2, 4));
    std::vector<ValueId> values;
    for (std::size_t k = 0; k < count; ++k)
      values.push_back(graph_.add_value(new_name(), type, ValueRole::Computed, {}));
    graph_.loops.push_back({graph_.values[values[0]].name, steps, reverse});
    for (std::size_t k = 0; k < count; ++k) {
      Node node = described_node();
      node.loop = loop;
      // The first reads the last at the step before; each other one reads some before it at its own step.
      const std::size_t source =
          k == 0 ? count - 1 : static_cast<std::size_t>(draw_.between(0, static_cast<int64_t>(k) - 1));
      node.inputs = {values[source]};
      node.outputs = {values[k]};
      graph_.values[values[k]].location = node.location;
      graph_.values[values[k]].producer = static_cast<NodeId>(graph_.nodes.size());
      node.definition = std::make_shared<const Definition>(
          scan_definition(type, k == 0 ? (reverse ? 1 : -1) * draw_.between(1, 3) : 0));
      graph_.nodes.push_back(std::move(node));
    }
  }

  Definition scan_definition(const TensorType& type, int64_t offset) {
    Definition definition;
    definition.name = random_word(draw_);
    definition.operands = {{"x", type}, {"y", type}};
    definition.input_count = 1;
    definition.outputs = {1};
    Statement statement;
    statement.target = 1;
    std::vector<IndexExpr> index;
    for (std::size_t d = 0; d < type.shape.size(); ++d) {
      statement.output.push_back({add_variable(statement, type.shape[d])});
      index.push_back(IndexExpr::variable(static_cast<int>(d)));
    }
    statement.free_count = static_cast<int>(type.shape.size());
    const std::size_t step = type.has_batch() ? 1 : 0;
    index[step] = index[step] + offset;
    const ExprRef x =
        read(0, index, ScalarType::Real, offset != 0 ? std::optional<double>(0.5) : std::nullopt);
    ExpressionSource source;
    source.leaf = [&](ScalarType wanted) { return wanted == ScalarType::Real ? x : nullptr; };
    source.index = [&] { return any_index(statement); };
    statement.body = x + random_expression(draw_, ScalarType::Real, source, 2);
    definition.statements.push_back(std::move(statement));
    return definition;
  }

  // --- what passes add ---

  void add_output() {
    const std::string name = draw_.chance(80) ? random_word(draw_) : random_text(draw_) + "o";
    for (const auto& [known, value] : graph_.outputs)
      if (known == name) return;
    graph_.outputs.emplace_back(
        name, static_cast<ValueId>(draw_.between(0, static_cast<int64_t>(graph_.values.size()) - 1)));
  }

  void add_places() {
    int64_t end = 0;
    for (Value& value : graph_.values) {
      if (draw_.chance(80)) value.layout = random_layout(draw_, value.type);
      const bool kept = value.role == ValueRole::Parameter || value.role == ValueRole::State;
      if (draw_.chance(60)) value.offset = kept ? end : draw_.between(0, end / 64) * 8;
      if (value.offset >= 0)
        end = std::max(end, value.offset + value.layout.storage(1) * byte_size(value.type.element));
      end = (end + 7) / 8 * 8;
      value.zero_in_padding = value.type.has_batch() && draw_.chance(20);
    }
    if (end > 0 && draw_.chance(80)) graph_.arena_bytes = end + draw_.between(0, 9) * 8;
  }

  void add_regions() {
    std::vector<int> region_of;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const bool same_loop = n > 0 && graph_.nodes[n].loop == graph_.nodes[n - 1].loop;
      if (!same_loop || draw_.chance(50)) graph_.regions.push_back({random_text(draw_), {}, {}});
      graph_.regions.back().nodes.push_back(static_cast<NodeId>(n));
      region_of.push_back(static_cast<int>(graph_.regions.size()) - 1);
    }
    std::set<ValueId> needed;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      for (ValueId input : graph_.nodes[n].inputs)
        if (const NodeId producer = graph_.values[input].producer;
            producer >= 0 && region_of[static_cast<std::size_t>(producer)] != region_of[n])
          needed.insert(input);
    for (const auto& [name, output] : graph_.outputs) needed.insert(output);
    for (const Persistent& persistent : graph_.persistents)
      if (persistent.next >= 0) needed.insert(persistent.next);
    for (Region& region : graph_.regions) {
      for (NodeId node : region.nodes)
        for (ValueId output : graph_.nodes[static_cast<std::size_t>(node)].outputs)
          if (needed.contains(output) || draw_.chance(20)) region.stored.push_back(output);
      if (draw_.chance(60)) region.cost = random_cost(draw_);
    }
  }

  void add_decision() {
    Decision& decision =
        graph_.decide(random_word(draw_), random_text(draw_), random_text(draw_), random_text(draw_));
    if (draw_.chance(50)) decision.estimate_seconds = static_cast<double>(draw_.between(0, 1000)) * 1.3e-6;
    for (int64_t n = draw_.between(0, 2); n > 0; --n)
      decision.alternatives.emplace_back(random_text(draw_), static_cast<double>(draw_.between(0, 99)) / 7);
  }

  static constexpr int64_t kLaneCount = 16;
  Draw draw_;
  Graph graph_;
  bool single_ = false; // every node is one statement with one output
};

} // namespace

Graph random_graph(uint64_t seed) { return GraphGenerator(seed).make(); }

} // namespace striate
