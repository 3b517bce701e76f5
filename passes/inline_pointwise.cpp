#include "passes/inline_pointwise.h"

#include "ir/graph/loops.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"

#include <algorithm>
#include <numeric>

namespace striate {

static bool is_view(const Statement& statement) {
  return !statement.reduces() && statement.body->kind == Expr::Kind::Read && !has_places(*statement.body);
}

static int64_t points(const std::vector<IndexVariable>& variables, bool& batch) {
  int64_t count = 1;
  for (const IndexVariable& variable : variables) {
    count *= variable.extent.factor;
    batch = batch || variable.extent.batch;
  }
  return count;
}

// More than a few cycles per element.
static bool is_expensive(const ExprRef& body) {
  bool found = false;
  visit(body, [&](const ExprRef& e) {
    if (e->kind == Expr::Kind::Random) found = true;
    if (e->kind != Expr::Kind::Apply) return;
    switch (e->function) {
    case Function::Div:
    case Function::Sqrt:
    case Function::Exp:
    case Function::Log:
    case Function::Tanh:
    case Function::Erf:
    case Function::Sin:
    case Function::Cos:
    case Function::Pow:
      found = true;
      break;
    default:
      break;
    }
  });
  return found;
}

// The producer's body as seen through a read of its value at `indices` in a statement with these ranges.
static ExprRef seen_through(const Statement& producer, const TensorType& type, const ExprRef& through,
                            const std::function<Interval(int)>& range_of,
                            const std::vector<int>& operand_numbers,
                            const std::function<const TensorType&(int)>& type_of_operand) {
  std::vector<IndexExpr> value_of(producer.variables.size());
  ExprRef condition = constant_bool(true);
  for (std::size_t d = 0; d < producer.output.size(); ++d) {
    const IndexExpr& index = through->indices[d];
    if (through->has_else && !type.shape[d].batch)
      condition = apply(Function::And, {condition, in_range(index, 0, type.shape[d].factor - 1, range_of)});
    IndexExpr rest = index;
    const std::vector<int>& digits = producer.output[d];
    for (std::size_t k = digits.size(); k-- > 0;) {
      const Size& extent = producer.variables[digits[k]].extent;
      if (k == 0) {
        value_of[digits[k]] = rest.simplify(range_of);
      } else {
        value_of[digits[k]] = IndexExpr::remainder(rest, extent.factor).simplify(range_of);
        rest = IndexExpr::quotient(rest, extent.factor);
      }
    }
  }
  ExprRef body = substitute(producer.body, [&](int v) { return value_of[v]; });
  const bool guarded = !is_constant(condition, 1);
  body = rewrite(body, [&](const ExprRef& e) -> ExprRef {
    if (e->kind != Expr::Kind::Read) return e;
    Expr copy = *e;
    if (guarded && !e->has_else) {
      const TensorType& source = type_of_operand(e->operand);
      for (std::size_t d = 0; d < source.shape.size(); ++d) {
        if (source.shape[d].batch) continue;
        const Interval interval = e->indices[d].range(range_of);
        if (interval.low < 0 || interval.high >= source.shape[d].factor) copy.has_else = true;
      }
    }
    copy.operand = operand_numbers[e->operand];
    copy.stop_gradient = copy.stop_gradient || through->stop_gradient;
    return std::make_shared<const Expr>(std::move(copy));
  });
  if (!guarded) return body;
  // A view shifted within its source: the source's own bounds say the same, where it has no other value
  // outside.
  if (producer.body->kind == Expr::Kind::Read && body->kind == Expr::Kind::Read && body->has_else &&
      !producer.body->has_else) {
    bool same_bounds = true;
    for (std::size_t d = 0; d < type.shape.size(); ++d) {
      const ExprRef inside = type.shape[d].batch
                                 ? constant_bool(true)
                                 : in_range(through->indices[d], 0, type.shape[d].factor - 1, range_of);
      if (is_constant(inside, 1)) continue;
      bool found = false;
      const TensorType& source = type_of_operand(producer.body->operand);
      for (std::size_t s = 0; s < source.shape.size(); ++s)
        found = found || (body->indices[s] == through->indices[d] && source.shape[s] == type.shape[d]);
      same_bounds = same_bounds && found;
    }
    if (same_bounds) {
      Expr copy = *body;
      copy.constant = through->constant;
      return std::make_shared<const Expr>(std::move(copy));
    }
  }
  return select(condition, body,
                through->type == ScalarType::Int ? constant_int(static_cast<int64_t>(through->constant))
                                                 : constant(through->constant));
}

static void inline_into(Graph& graph, NodeId producer_id, NodeId reader_id) {
  const Node& producer = graph.nodes[producer_id];
  const Statement& source = statement_of(producer);
  const ValueId value = producer.outputs[0];
  const Node& reader = graph.nodes[reader_id];
  Statement statement = statement_of(reader);
  std::vector<ValueId> inputs = reader.inputs;
  std::vector<int> numbers;
  for (ValueId input : producer.inputs) {
    numbers.push_back(static_cast<int>(inputs.size()));
    inputs.push_back(input);
  }
  const auto ranges = statement.ranges();
  const TensorType& type = graph.values[value].type;
  const auto type_of = [&](int operand) -> const TensorType& {
    return graph.values[producer.inputs[operand]].type;
  };
  // Equal reads share what they become: it is computed once.
  std::vector<std::pair<ExprRef, ExprRef>> seen;
  statement.body = rewrite(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read || inputs[e->operand] != value ||
        e->operand >= static_cast<int>(reader.inputs.size()))
      return e;
    for (const auto& [known, replacement] : seen)
      if (structurally_equal(known, e)) return replacement;
    seen.emplace_back(e, seen_through(source, type, e, ranges, numbers, type_of));
    return seen.back().second;
  });
  set_statement(graph, reader_id, std::move(inputs), std::move(statement));
}

// How many different reads of an operand a body has.
static int64_t different_reads(const ExprRef& body, int operand) {
  std::vector<ExprRef> reads;
  visit(body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read || e->operand != operand) return;
    if (std::none_of(reads.begin(), reads.end(),
                     [&](const ExprRef& known) { return structurally_equal(known, e); }))
      reads.push_back(e);
  });
  return static_cast<int64_t>(reads.size());
}

// The last steps of a contraction: they are computed before its result leaves the registers, and rows of them
// can stay in cache until a window reduces them.
static bool finishes_contraction(const Graph& graph, const Node& node) {
  const Statement& statement = statement_of(node);
  const std::vector<IndexExpr> here = statement.output_indices();
  bool found = false;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read || e->has_else || e->indices != here) return;
    const NodeId source = graph.values[node.inputs[e->operand]].producer;
    found = found || (source >= 0 && is_contraction(statement_of(graph.nodes[source])));
  });
  return found;
}

static bool reads_earlier_steps(const Graph& graph, const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
    return in_same_loop(graph, node, input) && step_reads(graph, node, input).other;
  });
}

// Whether the value is read as a factor of the product that a contraction sums, and nowhere else.
static bool is_factor(const Node& contraction, ValueId value) {
  const Statement& statement = statement_of(contraction);
  bool only = true;
  const auto reads_it = [&](const ExprRef& e) {
    return e->kind == Expr::Kind::Read && contraction.inputs[e->operand] == value;
  };
  for (const ExprRef& factor : statement.body->arguments)
    if (!reads_it(factor)) visit(factor, [&](const ExprRef& e) { only = only && !reads_it(e); });
  return only;
}

static bool is_read_at_places(const Node& reader, ValueId value) {
  bool found = false;
  visit(statement_of(reader).body, [&](const ExprRef& e) {
    found = found || (e->kind == Expr::Kind::Read && has_places(*e) && reader.inputs[e->operand] == value);
  });
  return found;
}

// Whether a factor that is 0 outside a view would become a choice between what the view's source has there
// and 0: that would stand in the contraction's inner loop.
static bool becomes_a_test(const Graph& graph, const Node& producer, const Node& contraction) {
  const Statement &source = statement_of(producer), &target = statement_of(contraction);
  const ValueId value = producer.outputs[0];
  std::vector<int> numbers(producer.inputs.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto type_of = [&](int operand) -> const TensorType& {
    return graph.values[producer.inputs[static_cast<std::size_t>(operand)]].type;
  };
  bool found = false;
  visit(target.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read || !e->has_else || contraction.inputs[e->operand] != value) return;
    const ExprRef seen = seen_through(source, graph.values[value].type, e, target.ranges(), numbers, type_of);
    found = found || seen->kind != Expr::Kind::Read;
  });
  return found;
}

// Why the producer must stay a statement of its own as far as this reader is concerned, or "".
static std::string refusal(const Graph& graph, NodeId producer_id, NodeId reader_id,
                           std::size_t reader_count) {
  const Node &producer = graph.nodes[producer_id], &reader = graph.nodes[reader_id];
  const Statement &source = statement_of(producer), &target = statement_of(reader);
  if (reader_id <= producer_id) return "the next step reads it";
  // A contraction leaves out whole loops where a factor is 0 outside; nothing else is tested in its inner
  // loop.
  if (producer.loop >= 0 && is_contraction(target) && reads_earlier_steps(graph, producer) &&
      !(is_view(source) && source.body->has_else && source.body->constant == 0 &&
        is_factor(reader, producer.outputs[0])))
    return "it reads an earlier step";
  if (is_read_at_places(reader, producer.outputs[0])) return "data decides where it is read";
  if (is_view(source))
    return is_contraction(target) && becomes_a_test(graph, producer, reader)
               ? "its bounds would be tested many times"
               : "";
  if (graph.values[producer.outputs[0]].type.element == ElementType::BF16) return "it is kept as bf16";
  if (target.reduces() && reads_at_places(source.body)) return "it reads where data decides";
  if (reader_count > 1) return "it has several readers";
  bool source_batch = false, target_batch = false;
  const auto operand =
      std::find(reader.inputs.begin(), reader.inputs.end(), producer.outputs[0]) - reader.inputs.begin();
  const int64_t loads =
      points(target.variables, target_batch) * different_reads(target.body, static_cast<int>(operand));
  const int64_t elements = points(source.variables, source_batch);
  const bool repeated = loads > elements || source_batch != target_batch;
  const std::string times =
      fmt::format("`{}` would compute each element {}{} times", graph.values[reader.outputs[0]].name,
                  loads / std::max<int64_t>(elements, 1), source_batch != target_batch ? "*N" : "");
  if (!target.reduces()) return repeated && is_expensive(source.body) ? times : "";
  if (target.body->kind == Expr::Kind::Read && source.body->kind == Expr::Kind::Apply &&
      source.body->function == Function::Mul)
    return "a product would change how the sum accumulates";
  if (repeated) return times;
  if (finishes_contraction(graph, producer)) return "it finishes a contraction";
  return "";
}

// `readers` as Graph::readers() would say it again after the inputs of one node changed.
static void update_readers(std::vector<std::vector<NodeId>>& readers, NodeId node,
                           const std::vector<ValueId>& before, const std::vector<ValueId>& now) {
  for (ValueId value : before) std::erase(readers[value], node);
  for (ValueId value : now) {
    std::vector<NodeId>& list = readers[value];
    const auto place = std::lower_bound(list.begin(), list.end(), node);
    if (place == list.end() || *place != node) list.insert(place, node);
  }
}

void inline_pointwise(Graph& graph) {
  const std::vector<bool> escapes = escaping_values(graph);
  std::vector<std::vector<NodeId>> all_readers = graph.readers();
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const Node& producer = graph.nodes[id];
    const ValueId value = producer.outputs[0];
    if (escapes[value] || statement_of(producer).reduces()) continue;
    const std::vector<NodeId> readers = all_readers[value];
    for (NodeId reader : readers) {
      const std::string reason = refusal(graph, static_cast<NodeId>(id), reader, readers.size());
      if (reason.empty()) {
        const std::vector<ValueId> before = graph.nodes[reader].inputs;
        inline_into(graph, static_cast<NodeId>(id), reader);
        update_readers(all_readers, reader, before, graph.nodes[reader].inputs);
      } else if (readers.size() == 1) {
        graph.decide("inline_pointwise", graph.values[value].name, "kept", reason);
      }
    }
  }
  eliminate_dead_nodes(graph);
}

} // namespace striate
