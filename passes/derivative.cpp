#include "passes/derivative.h"

#include <map>

namespace striate {

static ExprRef less(const ExprRef& a, const ExprRef& b) { return apply(Function::Less, {a, b}); }

static ExprRef negated(const ExprRef& a) { return apply(Function::Neg, {a}); }

// What argument `which` of `e` receives when `e` receives `adjoint`; `e` itself stands for its value unless a
// cheaper expression is given. nullptr: nothing.
static ExprRef chain_to_argument(const ExprRef& e, std::size_t which, const ExprRef& adjoint,
                                 const ExprRef& value) {
  const std::vector<ExprRef>& args = e->arguments;
  const ExprRef& a = args[0];
  switch (e->function) {
  case Function::Add:
    return adjoint;
  case Function::Sub:
    return which == 0 ? adjoint : negated(adjoint);
  case Function::Mul:
    return adjoint * args[1 - which];
  case Function::Div:
    return which == 0 ? adjoint / args[1] : negated(adjoint * e / args[1]);
  case Function::Neg:
    return negated(adjoint);
  case Function::Fma:
    return which == 2 ? adjoint : adjoint * args[1 - which];
  case Function::Max: {
    // a > b, read off the value where one is at hand: max(a, b) > b exactly where a > b.
    const ExprRef first_wins = less(args[1], value ? value : a);
    return which == 0 ? select(first_wins, adjoint, constant(0)) : select(first_wins, constant(0), adjoint);
  }
  case Function::Min: {
    const ExprRef first_wins = less(value ? value : a, args[1]);
    return which == 0 ? select(first_wins, adjoint, constant(0)) : select(first_wins, constant(0), adjoint);
  }
  case Function::Abs:
    return select(less(constant(0), a), adjoint, select(less(a, constant(0)), negated(adjoint), constant(0)));
  case Function::Sqrt: {
    const ExprRef root = value ? value : e;
    return select(less(constant(0), root), adjoint * constant(0.5) / root, constant(0));
  }
  case Function::Exp:
    return adjoint * (value ? value : e);
  case Function::Log:
    return adjoint / a;
  case Function::Tanh: {
    const ExprRef t = value ? value : e;
    return adjoint * (constant(1) - t * t);
  }
  case Function::Erf: // 2 / sqrt(pi) * exp(-x^2)
    return adjoint * (constant(1.1283791670955125739) * apply(Function::Exp, {negated(a * a)}));
  case Function::Sin:
    return adjoint * apply(Function::Cos, {a});
  case Function::Cos:
    return negated(adjoint * apply(Function::Sin, {a}));
  case Function::Pow:
    if (which == 0) return adjoint * (args[1] * apply(Function::Pow, {a, args[1] - constant(1)}));
    return select(less(constant(0), a), adjoint * ((value ? value : e) * apply(Function::Log, {a})),
                  constant(0));
  case Function::Select:
    if (which == 0) return nullptr;
    return which == 1 ? select(a, adjoint, constant(0)) : select(a, constant(0), adjoint);
  case Function::Scale2:
    return which == 0 ? apply(Function::Scale2, {adjoint, args[1]}) : nullptr;
  case Function::Bfloat16: // as if it did not round, as is usual where numbers are kept in fewer bits
    return adjoint;
  case Function::Floor:
  case Function::Round:
  case Function::Less:
  case Function::LessEqual:
  case Function::Equal:
  case Function::And:
  case Function::Or:
  case Function::Not:
  case Function::ToReal:
  case Function::ToInt:
  case Function::Exponent2:
  case Function::Mantissa2:
    return nullptr;
  }
  CHECK(false);
}

ExprRef chain_to_read(const ExprRef& body, const ExprRef& symbol, const ExprRef& seed, const ExprRef& value) {
  // Nodes in an order where arguments come first; walked backwards every node is met after all its users.
  std::vector<ExprRef> order;
  visit(body, [&](const ExprRef& e) { order.push_back(e); });
  std::map<const Expr*, bool> depends;
  for (const ExprRef& e : order) {
    bool& flag = depends[e.get()] = e->kind == Expr::Kind::Read && structurally_equal(e, symbol);
    if (e->kind == Expr::Kind::Apply)
      for (const ExprRef& argument : e->arguments) flag = flag || depends[argument.get()];
  }
  std::map<const Expr*, ExprRef> adjoints;
  adjoints[body.get()] = seed;
  ExprRef total;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const ExprRef& e = *it;
    const auto found = adjoints.find(e.get());
    if (found == adjoints.end() || !depends[e.get()]) continue;
    const ExprRef adjoint = found->second;
    if (e->kind == Expr::Kind::Read) {
      total = total ? total + adjoint : adjoint;
      continue;
    }
    for (std::size_t i = 0; i < e->arguments.size(); ++i) {
      const ExprRef& argument = e->arguments[i];
      if (!depends[argument.get()]) continue;
      const ExprRef part = chain_to_argument(e, i, adjoint, e == body ? value : nullptr);
      if (!part) continue;
      ExprRef& sum = adjoints[argument.get()];
      sum = sum ? sum + part : part;
    }
  }
  return total;
}

std::vector<ExprRef> differentiable_reads(const ExprRef& body) {
  std::vector<ExprRef> reads;
  // Integers have no gradient, so what stands inside a place gets none.
  visit(body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read || e->type != ScalarType::Real || e->stop_gradient) return;
    for (const ExprRef& known : reads)
      if (structurally_equal(known, e)) return;
    reads.push_back(e);
  });
  return reads;
}

} // namespace striate
