#include "exchange/index_tensor.h"

#include <algorithm>
#include <functional>
#include <map>

namespace striate {

static constexpr int64_t kMostNumbers = int64_t{1} << 22;

// Calls `see` with the values of all variables at each point of `variables`, row-major. False: too many.
static bool for_each_point(const std::vector<int>& variables, const std::vector<Size>& extents,
                           const std::function<void(const std::vector<int64_t>&)>& see) {
  int64_t count = 1;
  for (int variable : variables)
    if (__builtin_mul_overflow(count, extents[static_cast<std::size_t>(variable)].factor, &count))
      return false;
  if (count > kMostNumbers) return false;
  std::vector<int64_t> values(extents.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i;
    for (std::size_t k = variables.size(); k-- > 0;) {
      const auto variable = static_cast<std::size_t>(variables[k]);
      values[variable] = rest % extents[variable].factor;
      rest /= extents[variable].factor;
    }
    see(values);
  }
  return true;
}

std::optional<IndexTensor> index_tensor(const IndexExpr& index, const std::vector<int>& variables,
                                        const std::vector<Size>& extents) {
  IndexTensor tensor;
  tensor.variables = variables;
  std::ranges::stable_sort(tensor.variables, std::greater(), [&](int v) { return index.coefficient(v); });
  if (!for_each_point(tensor.variables, extents, [&](const std::vector<int64_t>& values) {
        tensor.indices.push_back(index.evaluate(values.data()));
      }))
    return std::nullopt;
  const auto [low, high] = std::ranges::minmax(tensor.indices);
  tensor.first = low;
  tensor.last = high;
  const auto& at = tensor.indices;
  const int64_t step = at.size() > 1 ? at[1] - at[0] : 1;
  bool even = step > 0 && at[0] == low;
  for (std::size_t i = 1; i < at.size() && even; ++i) even = at[i] - at[i - 1] == step;
  if (even) tensor.step = step;
  return tensor;
}

std::optional<ConstantTensor> constant_tensor(const ExprRef& e, const std::vector<Size>& extents) {
  ConstantTensor tensor;
  bool known = true;
  visit(e, [&](const ExprRef& part) {
    known &= part->kind == Expr::Kind::Constant || part->kind == Expr::Kind::Index ||
             part->kind == Expr::Kind::Apply;
    if (part->kind == Expr::Kind::Index) part->indices[0].collect_variables(tensor.variables);
  });
  if (!known) return std::nullopt;
  std::ranges::sort(tensor.variables);
  tensor.variables.erase(std::unique(tensor.variables.begin(), tensor.variables.end()),
                         tensor.variables.end());
  for (int variable : tensor.variables)
    if (extents[static_cast<std::size_t>(variable)].batch) return std::nullopt;
  const auto evaluate = [&](const std::vector<int64_t>& values) {
    const ExprRef value =
        substitute(e, [&](int v) { return IndexExpr(values[static_cast<std::size_t>(v)]); });
    if (value->kind == Expr::Kind::Constant)
      tensor.values.push_back(value->constant);
    else if (value->kind == Expr::Kind::Index && value->indices[0].is_constant())
      tensor.values.push_back(static_cast<double>(value->indices[0].constant()));
    else
      known = false;
  };
  if (!for_each_point(tensor.variables, extents, evaluate) || !known) return std::nullopt;
  return tensor;
}

} // namespace striate
