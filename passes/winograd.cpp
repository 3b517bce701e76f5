#include "passes/winograd.h"

#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace striate {

// The coefficients of the product of (x - points[j]) over all j but one (-1: over all), the lowest power
// first.
static std::vector<double> product_without(const std::vector<double>& points, int without) {
  std::vector<double> product = {1};
  for (int j = 0; j < static_cast<int>(points.size()); ++j) {
    if (j == without) continue;
    std::vector<double> next(product.size() + 1, 0);
    for (std::size_t k = 0; k < product.size(); ++k) {
      next[k + 1] += product[k];
      next[k] -= points[static_cast<std::size_t>(j)] * product[k];
    }
    product = std::move(next);
  }
  return product;
}

// Toom and Cook's multiplication of polynomials at points, transposed: the Lagrange polynomials of the points
// make B, the points' powers A and G, and the polynomials' denominators are divided out of G.
WinogradMatrices winograd_matrices(int outputs, int taps) {
  static constexpr std::array kPoints = {0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5};
  const int count = outputs + taps - 1, finite = count - 1;
  CHECK(outputs > 0 && taps > 0 && finite <= static_cast<int>(kPoints.size()));
  const std::vector<double> points(kPoints.begin(), kPoints.begin() + finite);
  const auto rows = [&](int height, int width) {
    return std::vector(static_cast<std::size_t>(height),
                       std::vector<double>(static_cast<std::size_t>(width), 0));
  };
  WinogradMatrices result{rows(outputs, count), rows(count, taps), rows(count, count)};
  for (int i = 0; i < finite; ++i) {
    const auto at = static_cast<std::size_t>(i);
    double denominator = 1;
    for (int j = 0; j < finite; ++j)
      if (j != i) denominator *= points[at] - points[static_cast<std::size_t>(j)];
    const double sign = denominator < 0 ? -1 : 1;
    const std::vector<double> numerator = product_without(points, i);
    for (std::size_t k = 0; k < numerator.size(); ++k) result.b[at][k] = sign * numerator[k];
    for (int k = 0; k < taps; ++k)
      result.g[at][static_cast<std::size_t>(k)] = std::pow(points[at], k) / (sign * denominator);
    for (int k = 0; k < outputs; ++k) result.a[static_cast<std::size_t>(k)][at] = std::pow(points[at], k);
  }
  result.a.back().back() = 1;
  result.g.back().back() = 1;
  result.b.back() = product_without(points, -1);
  return result;
}

namespace {

// One direction of a window: taps along one free variable.
struct Direction {
  int tap = -1, place = -1;         // variables: reduced, free
  int of_data = -1, of_weight = -1; // the dimensions that they walk along
  int of_result = -1;
  int64_t shift = 0;    // the data's index is place + tap + shift,
  bool flipped = false; // where taps count backwards if it is place - tap + ..
  int64_t taps = 0, places = 0;
};

struct Window {
  ExprRef data, weight; // the factors
  bool data_first = false;
  std::array<Direction, 2> along;
};

// What one choice of m costs, in multiply-adds for each example.
struct Estimate {
  int outputs = 0;
  double work = INFINITY;
};

} // namespace

static int uses_of(const ExprRef& read, int variable) {
  return static_cast<int>(
      std::ranges::count_if(read->indices, [&](const IndexExpr& index) { return index.uses(variable); }));
}

static std::optional<Direction> direction_of(const Statement& statement, const ExprRef& data,
                                             const ExprRef& weight, int tap) {
  Direction result;
  result.tap = tap;
  result.taps = statement.variables[static_cast<std::size_t>(tap)].extent.factor;
  if (statement.variables[static_cast<std::size_t>(tap)].extent.batch || result.taps != 3)
    return std::nullopt;
  if (uses_of(data, tap) != 1 || uses_of(weight, tap) != 1) return std::nullopt;
  for (std::size_t d = 0; d < weight->indices.size(); ++d)
    if (weight->indices[d].as_variable() == tap) result.of_weight = static_cast<int>(d);
  for (std::size_t d = 0; d < data->indices.size(); ++d) {
    const IndexExpr& index = data->indices[d];
    if (!index.uses(tap) || !index.is_affine() || index.terms().size() != 2) continue;
    const int64_t sign = index.coefficient(tap);
    for (const IndexExpr::Term& term : index.terms())
      if (term.variable != tap && term.variable < statement.free_count && term.coefficient == 1 &&
          (sign == 1 || sign == -1)) {
        result.of_data = static_cast<int>(d);
        result.place = term.variable;
        result.flipped = sign == -1;
        result.shift = index.constant() - (result.flipped ? result.taps - 1 : 0);
      }
  }
  if (result.of_weight < 0 || result.of_data < 0) return std::nullopt;
  const Size& places = statement.variables[static_cast<std::size_t>(result.place)].extent;
  result.places = places.factor;
  if (places.batch || uses_of(data, result.place) != 1 || uses_of(weight, result.place) != 0)
    return std::nullopt;
  for (std::size_t d = 0; d < statement.output.size(); ++d)
    if (statement.output[d] == std::vector{result.place}) result.of_result = static_cast<int>(d);
  if (result.of_result < 0) return std::nullopt;
  return result;
}

// Whether the data is read outside of itself along the window's directions alone.
static bool stays_inside(const Graph& graph, const Node& node, const Window& window) {
  const TensorType& type = graph.values[node.inputs[static_cast<std::size_t>(window.data->operand)]].type;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    const auto walks = [&](const Direction& along) { return along.of_data == static_cast<int>(d); };
    if (type.shape[d].batch || std::ranges::any_of(window.along, walks)) continue;
    const Interval range = window.data->indices[d].range(statement_of(node).ranges());
    if (range.low < 0 || range.high >= type.shape[d].factor) return false;
  }
  return true;
}

static std::optional<Window> window_of(const Graph& graph, const Node& node) {
  const Statement& statement = statement_of(node);
  if (!is_contraction(statement) || node.loop >= 0) return std::nullopt;
  for (int first = 0; first < 2; ++first) {
    Window window{statement.body->arguments[static_cast<std::size_t>(first)],
                  statement.body->arguments[static_cast<std::size_t>(1 - first)],
                  first == 0,
                  {}};
    const auto plain = [&](const ExprRef& e) {
      return e->kind == Expr::Kind::Read && e->type == ScalarType::Real && !has_places(*e) &&
             graph.values[node.inputs[e->operand]].type.element == ElementType::F32;
    };
    if (!plain(window.data) || !plain(window.weight) || window.weight->has_else) continue;
    if (graph.values[node.inputs[static_cast<std::size_t>(window.weight->operand)]].type.has_batch())
      continue;
    std::size_t found = 0;
    double summed = 1;
    for (int v = statement.free_count; v < static_cast<int>(statement.variables.size()); ++v) {
      std::optional<Direction> direction = direction_of(statement, window.data, window.weight, v);
      if (direction && found < 2)
        window.along[found++] = *direction;
      else
        summed *= static_cast<double>(statement.variables[static_cast<std::size_t>(v)].extent.factor);
    }
    constexpr double kLeastSum = 8; // less is transformed oftener than it is multiplied
    if (found == 2 && window.along[0].place != window.along[1].place && summed >= kLeastSum &&
        stays_inside(graph, node, window))
      return window;
  }
  return std::nullopt;
}

static int64_t tiles(const Direction& along, int outputs) { return (along.places + outputs - 1) / outputs; }

static double elements_of(const TensorType& type) {
  double count = 1;
  for (const Size& size : type.shape) count *= static_cast<double>(size.factor);
  return count;
}

static Estimate estimate(const Graph& graph, const Node& node, const Window& window, int64_t capacity) {
  const Statement& statement = statement_of(node);
  const auto type_of = [&](const ExprRef& read) -> const TensorType& {
    return graph.values[node.inputs[static_cast<std::size_t>(read->operand)]].type;
  };
  double direct = 1, window_size = 1, places = 1;
  for (const IndexVariable& variable : statement.variables)
    direct *= static_cast<double>(variable.extent.factor);
  for (const Direction& along : window.along) {
    window_size *= static_cast<double>(along.taps);
    places *= static_cast<double>(along.places);
  }
  const double data = elements_of(type_of(window.data)), weight = elements_of(type_of(window.weight)),
               result = elements_of(graph.values[node.outputs[0]].type);
  // Moving an element to memory and back, in multiply-adds: at 57 billion of these and 30 GB a second and
  // core (docs/performance.md), twice 4 bytes.
  constexpr double kMove = 16, kWorthIt = 0.9;
  Estimate best{0, kWorthIt * direct};
  for (const int outputs : {2, 4}) {
    double points = 1, covered = 1;
    for (const Direction& along : window.along) {
      points *= static_cast<double>(outputs + along.taps - 1);
      covered *= static_cast<double>(tiles(along, outputs));
    }
    const double multiplied = direct / window_size / places * points * covered;
    const double grown = points * covered / places; // of an element of data or result
    const double moved =
        (data + result) * grown + weight * points / window_size / static_cast<double>(capacity);
    const double work = multiplied + kMove * moved;
    if (work < best.work) best = {outputs, work};
  }
  return best;
}

// The rows of a matrix times the items, as a choice by the row.
static ExprRef transformed(const std::vector<std::vector<double>>& matrix, const std::vector<ExprRef>& items,
                           int row_variable) {
  const ExprRef row = index_value(IndexExpr::variable(row_variable));
  ExprRef chosen;
  for (std::size_t r = matrix.size(); r-- > 0;) {
    ExprRef sum;
    for (std::size_t k = 0; k < items.size(); ++k) {
      const double factor = matrix[r][k];
      if (factor == 0) continue;
      const ExprRef term = std::abs(factor) == 1 ? items[k] : items[k] * constant(std::abs(factor));
      if (!sum)
        sum = factor < 0 ? apply(Function::Neg, {term}) : term;
      else
        sum = factor < 0 ? sum - term : sum + term;
    }
    chosen = chosen
                 ? select(apply(Function::Equal, {row, constant_int(static_cast<int64_t>(r))}), sum, chosen)
                 : sum;
  }
  return chosen;
}

// The same along both directions of items[first][second].
static ExprRef transformed(const std::vector<std::vector<double>>& matrix,
                           const std::vector<std::vector<ExprRef>>& items, int first_row, int second_row) {
  std::vector<ExprRef> columns;
  for (std::size_t second = 0; second < items[0].size(); ++second) {
    std::vector<ExprRef> column;
    for (const std::vector<ExprRef>& row : items) column.push_back(row[second]);
    columns.push_back(transformed(matrix, column, first_row));
  }
  return transformed(matrix, columns, second_row);
}

namespace {

// Rewrites one contraction.
class Rewrite {
public:
  Rewrite(Graph& graph, NodeId id, const Window& window, int outputs)
      : graph_(graph), id_(id), window_(window), outputs_(outputs),
        matrices_(winograd_matrices(outputs, static_cast<int>(window.along[0].taps))),
        points_(outputs + window.along[0].taps - 1) {}

  void run() {
    const Node node = graph_.nodes[id_];
    const Statement statement = statement_of(node);
    const ValueId data = transformed_data(node, padded_data(node));
    const ValueId weight = transformed_weight(node);
    const ValueId products = multiplied(node, statement, data, weight);
    result(node, products);
  }

private:
  const Direction& along(int which) const { return window_.along[static_cast<std::size_t>(which)]; }
  std::string name(const Node& node, const char* part) const {
    return graph_.values[node.outputs[0]].name + "." + part;
  }
  // Which direction walks along a dimension, or -1.
  int direction(int Direction::*dimension, std::size_t d) const {
    for (int which = 0; which < 2; ++which)
      if (along(which).*dimension == static_cast<int>(d)) return which;
    return -1;
  }
  // A type like this one with the points of both directions and the number of the tile in the first place.
  TensorType tiled(const TensorType& type, int Direction::*dimension) const {
    TensorType result = type;
    result.shape.clear();
    for (std::size_t d = 0; d < type.shape.size(); ++d) {
      if (direction(dimension, d) < 0)
        result.shape.push_back(type.shape[d]);
      else if (first_place(dimension) == d)
        for (const int64_t size : {points_, points_, tiles(along(0), outputs_) * tiles(along(1), outputs_)})
          result.shape.push_back(Size::constant(size));
    }
    return result;
  }
  std::size_t first_place(int Direction::*dimension) const {
    return static_cast<std::size_t>(std::min(along(0).*dimension, along(1).*dimension));
  }

  ValueId padded_data(const Node& node) {
    const ValueId source = node.inputs[static_cast<std::size_t>(window_.data->operand)];
    const TensorType type = graph_.values[source].type;
    Padding padding;
    padding.low.assign(type.shape.size(), 0);
    padding.high = padding.low;
    for (int which = 0; which < 2; ++which) {
      const auto d = static_cast<std::size_t>(along(which).of_data);
      const int64_t last = (tiles(along(which), outputs_) - 1) * outputs_ + points_ - 1 + along(which).shift;
      padding.low[d] = std::max<int64_t>(0, -along(which).shift);
      padding.high[d] = std::max<int64_t>(0, last - (type.shape[d].factor - 1));
      shift_[static_cast<std::size_t>(which)] = along(which).shift + padding.low[d];
    }
    return padding.any() ? padded_copy(graph_, source, padding, window_.data->constant) : source;
  }

  ValueId transformed_data(const Node& node, ValueId source) {
    const TensorType type = tiled(graph_.values[source].type, &Direction::of_data);
    Statement statement;
    const auto declare = [&](std::string variable, const Size& extent) {
      statement.variables.push_back({std::move(variable), extent});
      return static_cast<int>(statement.variables.size()) - 1;
    };
    const TensorType& before = graph_.values[source].type;
    std::vector<IndexExpr> base(before.shape.size());
    int point[2] = {-1, -1};
    for (std::size_t d = 0; d < before.shape.size(); ++d) {
      if (direction(&Direction::of_data, d) < 0) {
        const int v = declare(fmt::format("i{}", d), before.shape[d]);
        statement.output.push_back({v});
        base[d] = IndexExpr::variable(v);
      } else if (first_place(&Direction::of_data) == d) {
        std::vector<int> tile;
        for (int p = 0; p < 2; ++p) {
          point[p] = declare(p == 0 ? "a" : "b", Size::constant(points_));
          statement.output.push_back({point[p]});
        }
        for (int which = 0; which < 2; ++which) {
          tile.push_back(declare(which == 0 ? "t" : "u", Size::constant(tiles(along(which), outputs_))));
          base[static_cast<std::size_t>(along(which).of_data)] =
              IndexExpr::variable(tile.back()) * outputs_ + shift_[static_cast<std::size_t>(which)];
        }
        statement.output.push_back(std::move(tile));
      }
    }
    statement.free_count = static_cast<int>(statement.variables.size());
    std::vector<std::vector<ExprRef>> items(static_cast<std::size_t>(points_));
    for (int64_t i = 0; i < points_; ++i)
      for (int64_t j = 0; j < points_; ++j) {
        std::vector<IndexExpr> indices = base;
        for (int which = 0; which < 2; ++which) {
          IndexExpr& index = indices[static_cast<std::size_t>(along(which).of_data)];
          index = index + (which == 0 ? i : j);
        }
        items[static_cast<std::size_t>(i)].push_back(read(0, indices));
      }
    statement.body = transformed(matrices_.b, items, point[0], point[1]);
    return add_statement(graph_, node.op, node.path, name(node, "data_points"), type, {source},
                         std::move(statement), node.location);
  }

  ValueId transformed_weight(const Node& node) {
    const ValueId source = node.inputs[static_cast<std::size_t>(window_.weight->operand)];
    TensorType type = graph_.values[source].type;
    for (int which = 0; which < 2; ++which)
      type.shape[static_cast<std::size_t>(along(which).of_weight)] = Size::constant(points_);
    Statement statement = pointwise_statement(type);
    std::vector<std::vector<ExprRef>> items(static_cast<std::size_t>(along(0).taps));
    for (int64_t r = 0; r < along(0).taps; ++r)
      for (int64_t s = 0; s < along(1).taps; ++s) {
        std::vector<IndexExpr> indices = statement.output_indices();
        indices[static_cast<std::size_t>(along(0).of_weight)] = along(0).flipped ? along(0).taps - 1 - r : r;
        indices[static_cast<std::size_t>(along(1).of_weight)] = along(1).flipped ? along(1).taps - 1 - s : s;
        items[static_cast<std::size_t>(r)].push_back(read(0, indices));
      }
    statement.body = transformed(matrices_.g, items, along(0).of_weight, along(1).of_weight);
    return add_statement(graph_, node.op, node.path, name(node, "weight_points"), type, {source},
                         std::move(statement), node.location);
  }

  ValueId multiplied(const Node& node, const Statement& original, ValueId data, ValueId weight) {
    const TensorType& result = graph_.values[node.outputs[0]].type;
    const TensorType type = tiled(result, &Direction::of_result);
    // The free variables, with the points' before the first place, and what is summed over without the taps.
    Statement statement;
    std::vector<IndexExpr> now(original.variables.size());
    const auto declare = [&](const IndexVariable& variable) {
      statement.variables.push_back(variable);
      return static_cast<int>(statement.variables.size()) - 1;
    };
    std::array<int, 2> point = {-1, -1};
    int tile = -1;
    for (std::size_t d = 0; d < original.output.size(); ++d) {
      if (direction(&Direction::of_result, d) >= 0) {
        if (first_place(&Direction::of_result) != d) continue;
        point = {declare({"a", Size::constant(points_)}), declare({"b", Size::constant(points_)})};
        tile = declare({"t", Size::constant(tiles(along(0), outputs_) * tiles(along(1), outputs_))});
        statement.output.insert(statement.output.end(), {{point[0]}, {point[1]}, {tile}});
        continue;
      }
      std::vector<int> digits;
      for (int v : original.output[d]) {
        digits.push_back(declare(original.variables[static_cast<std::size_t>(v)]));
        now[static_cast<std::size_t>(v)] = IndexExpr::variable(digits.back());
      }
      statement.output.push_back(std::move(digits));
    }
    statement.free_count = static_cast<int>(statement.variables.size());
    for (int v = original.free_count; v < static_cast<int>(original.variables.size()); ++v)
      now[static_cast<std::size_t>(v)] =
          v == along(0).tap || v == along(1).tap
              ? IndexExpr::variable(point[v == along(0).tap ? 0 : 1])
              : IndexExpr::variable(declare(original.variables[static_cast<std::size_t>(v)]));
    const auto moved = [&](const IndexExpr& index) {
      return index.substitute([&](int v) { return now[static_cast<std::size_t>(v)]; });
    };
    std::vector<IndexExpr> of_data, of_weight;
    for (std::size_t d = 0; d < window_.data->indices.size(); ++d) {
      if (direction(&Direction::of_data, d) < 0)
        of_data.push_back(moved(window_.data->indices[d]));
      else if (first_place(&Direction::of_data) == d)
        for (int v : {point[0], point[1], tile}) of_data.push_back(IndexExpr::variable(v));
    }
    for (const IndexExpr& index : window_.weight->indices) of_weight.push_back(moved(index));
    const ExprRef x = read(0, of_data), w = read(1, of_weight);
    statement.reducer = Reducer::Sum;
    statement.body = window_.data_first ? x * w : w * x;
    return add_statement(graph_, node.op, node.path, name(node, "points"), type, {data, weight},
                         std::move(statement), node.location);
  }

  // The value itself; where its size is no multiple of the tiles', through one that is.
  void result(const Node& node, ValueId products) {
    const ValueId value = node.outputs[0];
    const TensorType type = graph_.values[value].type;
    TensorType whole = type;
    for (int which = 0; which < 2; ++which)
      whole.shape[static_cast<std::size_t>(along(which).of_result)] =
          Size::constant(tiles(along(which), outputs_) * outputs_);
    Statement statement;
    const auto declare = [&](std::string variable, const Size& extent) {
      statement.variables.push_back({std::move(variable), extent});
      return static_cast<int>(statement.variables.size()) - 1;
    };
    std::vector<IndexExpr> indices;
    std::size_t points_at = 0;
    std::array<int, 2> row = {-1, -1};
    for (std::size_t d = 0; d < whole.shape.size(); ++d) {
      const int which = direction(&Direction::of_result, d);
      if (which < 0) {
        const int v = declare(fmt::format("i{}", d), whole.shape[d]);
        statement.output.push_back({v});
        indices.push_back(IndexExpr::variable(v));
        continue;
      }
      if (first_place(&Direction::of_result) == d) {
        points_at = indices.size();
        indices.insert(indices.end(), {IndexExpr(0), IndexExpr(0), IndexExpr(0)});
      }
      const int tile = declare(which == 0 ? "t" : "u", Size::constant(tiles(along(which), outputs_)));
      row[static_cast<std::size_t>(which)] = declare(which == 0 ? "p" : "q", Size::constant(outputs_));
      statement.output.push_back({tile, row[static_cast<std::size_t>(which)]});
      IndexExpr& number = indices[points_at + 2]; // of the tile
      number = number + IndexExpr::variable(tile) * (which == 0 ? tiles(along(1), outputs_) : 1);
    }
    statement.free_count = static_cast<int>(statement.variables.size());
    std::vector<std::vector<ExprRef>> items(static_cast<std::size_t>(points_));
    for (int64_t a = 0; a < points_; ++a)
      for (int64_t b = 0; b < points_; ++b) {
        indices[points_at] = a;
        indices[points_at + 1] = b;
        items[static_cast<std::size_t>(a)].push_back(read(0, indices));
      }
    statement.body = transformed(matrices_.a, items, row[0], row[1]);
    if (whole.shape == type.shape) {
      set_statement(graph_, id_, {products}, std::move(statement));
      return;
    }
    const ValueId uncut = add_statement(graph_, node.op, node.path, name(node, "uncut"), whole, {products},
                                        std::move(statement), node.location);
    Statement cut = pointwise_statement(type);
    cut.body = read(0, cut.output_indices());
    set_statement(graph_, id_, {uncut}, std::move(cut));
  }

  Graph& graph_;
  NodeId id_;
  const Window& window_;
  int outputs_;
  WinogradMatrices matrices_;
  int64_t points_; // in each direction
  std::array<int64_t, 2> shift_ = {0, 0};
};

} // namespace

void winograd(Graph& graph, int64_t capacity) {
  const auto count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const Node& node = graph.nodes[id];
    const std::optional<Window> window = window_of(graph, node);
    if (!window) continue;
    const Estimate chosen = estimate(graph, node, *window, capacity);
    const std::string what = graph.values[node.outputs[0]].name;
    if (chosen.outputs == 0) {
      graph.decide("winograd", what, "direct", "transforming weights and data would cost what it saves");
      continue;
    }
    graph.decide("winograd", what,
                 fmt::format("F({0} x {0}, {1} x {1})", chosen.outputs, window->along[0].taps),
                 "fewer multiplications, more memory: estimated to be worth it");
    Rewrite(graph, id, *window, chosen.outputs).run();
  }
  eliminate_dead_nodes(graph);
}

} // namespace striate
