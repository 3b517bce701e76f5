// Scalar expressions: what one element of a statement (graph) or one point of a tile (kernel) is computed as.
// Immutable shared trees; sharing is by pointer, so a pass that keeps sub-trees keeps sharing.
#pragma once

#include "ir/index_expression.h"
#include "support/check.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

enum class Function {
#define FUNCTION(kind, text, arity, result) kind,
#include "ir/scalar_functions.def"
#undef FUNCTION
};
const char* name_of(Function function);
int arity_of(Function function);
std::optional<Function> function_named(const std::string& text);

enum class ScalarType { Real, Int, Bool };

struct Expr;
using ExprRef = std::shared_ptr<const Expr>;

struct Expr {
  enum class Kind {
    Constant, // `constant` (Real, Int or Bool by `type`)
    Index,    // the value of `indices[0]` (Int)
    Scalar,   // a run-time scalar by `name`: "N" (examples in this batch), "step", "epoch", "optimizer.lr"
              // (Real)
    Read,     // graph only: operand number `operand` at `indices`, or `constant` outside it where `has_else`.
              // Where data decides the place, `arguments` has one Int per dimension, to be added to `indices`
    Random,   // uniform in [0, 1): Philox4x32-10, key = seed, counter = (indices[0], step, stream); with
              // arguments[0] (Int), the number of a row of the data: (indices[0], row, epoch, stream)
    Apply,    // `function` of `arguments`
    Load, // kernel only: buffer `operand` at flat offset indices[0]; where arguments[0] (a guard) is present
          // and false, `constant`, and memory is not touched. arguments[1] (Int), where present, is added to
          // the offset: a place that data decides
    Tile, // kernel only: the point of tile `operand` (axes the tile lacks are broadcast)
  };
  Kind kind = Kind::Constant;
  ScalarType type = ScalarType::Real;
  double constant = 0;
  bool has_else = false;
  bool stop_gradient = false; // Read: `stop(x[..])`, no gradient passes
  int operand = -1;
  uint32_t stream = 0;
  Function function = Function::Add;
  std::string name;
  std::vector<IndexExpr> indices;
  std::vector<ExprRef> arguments;
};

// Builders. Arithmetic on constants is folded (in f64 for reals), x + 0, x * 1, select(true, ..) and the like
// vanish; x * 0 does not (x may not be finite).
ExprRef constant(double value);
ExprRef constant_int(int64_t value);
ExprRef constant_bool(bool value);
ExprRef index_value(const IndexExpr& index);
ExprRef run_time_scalar(const std::string& name);
ExprRef read(int operand, std::vector<IndexExpr> indices, ScalarType type = ScalarType::Real,
             std::optional<double> otherwise = std::nullopt);
// `places`: empty, or one Int per dimension; all-zero places are none.
ExprRef read_at_places(int operand, std::vector<IndexExpr> indices, std::vector<ExprRef> places,
                       ScalarType type, double otherwise);
// `row`: of the data, or none.
ExprRef random_uniform(const IndexExpr& element, uint32_t stream, ExprRef row = nullptr);
ExprRef apply(Function function, std::vector<ExprRef> arguments);
ExprRef load(int buffer, const IndexExpr& offset, ScalarType type, ExprRef guard = nullptr,
             double otherwise = 0, ExprRef place = nullptr);
ExprRef tile_point(int tile, ScalarType type);

inline ExprRef operator+(const ExprRef& a, const ExprRef& b) { return apply(Function::Add, {a, b}); }
inline ExprRef operator-(const ExprRef& a, const ExprRef& b) { return apply(Function::Sub, {a, b}); }
inline ExprRef operator*(const ExprRef& a, const ExprRef& b) { return apply(Function::Mul, {a, b}); }
inline ExprRef operator/(const ExprRef& a, const ExprRef& b) { return apply(Function::Div, {a, b}); }
inline ExprRef select(const ExprRef& c, const ExprRef& a, const ExprRef& b) {
  return apply(Function::Select, {c, a, b});
}
// low <= index <= high, as a Bool expression; true where `range` proves it, and only the halves it does not
// prove.
ExprRef in_range(const IndexExpr& index, int64_t low, int64_t high,
                 const std::function<Interval(int)>& range_of);

// Whether it is a read or a load at a place that data decides.
inline bool has_places(const Expr& e) {
  return (e.kind == Expr::Kind::Read && !e.arguments.empty()) ||
         (e.kind == Expr::Kind::Load && e.arguments.size() > 1);
}
bool reads_at_places(const ExprRef& root); // anywhere in it

bool is_constant(const ExprRef& e, double value);
bool structurally_equal(const ExprRef& a, const ExprRef& b);

// Rebuilds bottom-up (through the builders, so constants fold). `replace` sees each node with its arguments
// already rebuilt and returns the replacement, or the node itself. Shared nodes are visited once.
ExprRef rewrite(const ExprRef& root, const std::function<ExprRef(const ExprRef&)>& replace);
// Substitutes index variables everywhere (reads, index values, loads, random counters).
ExprRef substitute(const ExprRef& root, const std::function<IndexExpr(int)>& replacement);
// Visits every node once, arguments first.
void visit(const ExprRef& root, const std::function<void(const ExprRef&)>& see);

} // namespace striate
