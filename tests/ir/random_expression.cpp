#include "tests/ir/random_ir.h"

#include <limits>

namespace striate {

SourceLocation random_location(Draw& draw) {
  if (draw.chance(40)) return {};
  SourceLocation location;
  location.file = draw.chance(80) ? "net.nn" : random_text(draw);
  location.line = static_cast<int>(draw.between(1, 300));
  location.column = static_cast<int>(draw.between(1, 100));
  location.length = static_cast<int>(draw.chance(50) ? 1 : draw.between(2, 40));
  return location;
}

std::string random_word(Draw& draw) {
  static const std::vector<std::string> words = {
      "conv1", "x",    "y", "w",   "loss", "n",    "i",   "fc1.weight", "lane", "step",  "sum", "memory",
      "t0",    "else", "N", "let", "cost", "tile", "a_b", "in",         "d0",   "input", "op",  "layout"};
  return draw.of(words);
}

std::string random_text(Draw& draw) {
  std::string text;
  for (int64_t n = draw.between(0, 12); n > 0; --n)
    text +=
        draw.chance(60) ? static_cast<char>(draw.between('a', 'z')) : static_cast<char>(draw.between(1, 255));
  return text;
}

Cost random_cost(Draw& draw) {
  Cost cost;
  cost.flops =
      draw.chance(10) ? 0 : static_cast<double>(draw.between(0, 1 << 20)) * draw.of({0.5, 1.0, 1e6, 1.0 / 3});
  cost.bytes_read = draw.chance(10) ? 0 : draw.between(0, 1 << 22) * 64;
  cost.bytes_written = draw.chance(10) ? 0 : draw.between(0, 1 << 22) * 64;
  if (draw.chance(50)) cost.predicted = three_digits(static_cast<double>(draw.between(1, 5000)) * 1.7e-7);
  if (draw.chance(30)) cost.measured = static_cast<double>(draw.between(1, 5000)) * 1.7e-7;
  return cost;
}

Layout random_layout(Draw& draw, const TensorType& type) {
  if (type.shape.empty()) return {};
  Layout layout = draw.chance(50) ? Layout::row_major(type)
                                  : Layout::blocked(type, static_cast<int>(draw.between(0, type.rank() - 1)),
                                                    draw.of<int64_t>({2, 3, 8, 16}));
  // The batch stays outermost.
  std::vector<Layout::Digit> rest(layout.digits.begin() + (type.has_batch() ? 1 : 0), layout.digits.end());
  if (draw.chance(40)) draw.shuffle(rest);
  std::copy(rest.begin(), rest.end(), layout.digits.begin() + (type.has_batch() ? 1 : 0));
  return layout;
}

static double random_number(Draw& draw) {
  switch (draw.between(0, 5)) {
  case 0:
    return draw.of({0.0, 1.0, -1.0, 2.0, 3.0, -0.0});
  case 1:
    return draw.of({std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                    std::numeric_limits<double>::quiet_NaN(), 1e300, 5e-324, 16777217.0});
  case 2:
    return static_cast<double>(draw.between(-1000, 1000));
  default:
    return static_cast<double>(draw.between(-1000000, 1000000)) / 3e4;
  }
}

static ExprRef constant_of(Draw& draw, ScalarType type) {
  if (type == ScalarType::Bool) return constant_bool(draw.chance(50));
  return type == ScalarType::Int ? constant_int(draw.between(-20, 20)) : constant(random_number(draw));
}

namespace {

class Generator {
public:
  Generator(Draw& draw, const ExpressionSource& source) : draw_(draw), source_(source) {}

  ExprRef make(ScalarType type, int depth) {
    // Parts that are used several times are named in the text.
    std::vector<ExprRef>& made = made_[static_cast<std::size_t>(type)];
    if (!made.empty() && draw_.chance(15)) return draw_.of(made);
    ExprRef e = depth <= 0 ? leaf(type) : application(type, depth - 1);
    made.push_back(e);
    return e;
  }

private:
  ExprRef leaf(ScalarType type) {
    if (draw_.chance(60))
      if (ExprRef e = source_.leaf(type)) return e;
    if (type == ScalarType::Int && draw_.chance(50)) return index_value(source_.index());
    if (type == ScalarType::Real && draw_.chance(30) && !source_.scalars.empty())
      return run_time_scalar(draw_.of(source_.scalars));
    if (type == ScalarType::Real && source_.random && draw_.chance(20))
      return random_uniform(source_.index(), static_cast<uint32_t>(draw_.between(0, 1 << 20)),
                            draw_.chance(50) ? nullptr : leaf(ScalarType::Int));
    return constant_of(draw_, type);
  }

  ExprRef application(ScalarType type, int depth) {
    if (draw_.chance(20)) return leaf(type);
    if (draw_.chance(15)) {
      ExprRef condition = make(ScalarType::Bool, depth), a = make(type, depth);
      return select(condition, a, make(type, depth));
    }
    switch (type) {
    case ScalarType::Bool:
      return of_bool(depth);
    case ScalarType::Int:
      return of_int(depth);
    case ScalarType::Real:
      break;
    }
    return of_real(depth);
  }

  ExprRef call(Function function, ScalarType type, int depth) {
    std::vector<ExprRef> arguments;
    for (int k = 0; k < arity_of(function); ++k) arguments.push_back(make(type, depth));
    return apply(function, std::move(arguments));
  }

  ExprRef of_bool(int depth) {
    if (draw_.chance(40))
      return call(draw_.of({Function::And, Function::Or, Function::Not}), ScalarType::Bool, depth);
    const Function function = draw_.of({Function::Less, Function::LessEqual, Function::Equal});
    const ScalarType type = draw_.of({ScalarType::Real, ScalarType::Int});
    if (function == Function::Equal && draw_.chance(20)) return call(function, ScalarType::Bool, depth);
    return call(function, type, depth);
  }

  ExprRef of_int(int depth) {
    if (draw_.chance(10)) return apply(Function::ToInt, {make(ScalarType::Real, depth)});
    if (draw_.chance(10)) return apply(Function::Exponent2, {make(ScalarType::Real, depth)});
    return call(draw_.of({Function::Add, Function::Sub, Function::Mul, Function::Div, Function::Neg,
                          Function::Max, Function::Min, Function::Abs}),
                ScalarType::Int, depth);
  }

  ExprRef of_real(int depth) {
    if (draw_.chance(10))
      return apply(Function::ToReal, {make(draw_.of({ScalarType::Int, ScalarType::Bool}), depth)});
    if (draw_.chance(8)) {
      ExprRef x = make(ScalarType::Real, depth);
      return apply(Function::Scale2, {x, make(ScalarType::Int, depth)});
    }
    return call(draw_.of({Function::Add, Function::Sub,      Function::Mul,   Function::Div,  Function::Add,
                          Function::Mul, Function::Neg,      Function::Fma,   Function::Max,  Function::Min,
                          Function::Abs, Function::Floor,    Function::Round, Function::Sqrt, Function::Exp,
                          Function::Log, Function::Tanh,     Function::Erf,   Function::Sin,  Function::Cos,
                          Function::Pow, Function::Mantissa2}),
                ScalarType::Real, depth);
  }

  Draw& draw_;
  const ExpressionSource& source_;
  std::vector<ExprRef> made_[3];
};

} // namespace

ExprRef random_expression(Draw& draw, ScalarType type, const ExpressionSource& source, int depth) {
  return Generator(draw, source).make(type, depth);
}

} // namespace striate
