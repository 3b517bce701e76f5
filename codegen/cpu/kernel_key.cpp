#include "codegen/cpu/kernel_key.h"

#include "support/check.h"

#include <algorithm>
#include <unordered_map>

namespace striate {

// Writes a kernel as numbers; every list is preceded by its length, so different kernels never read alike.
class KeyWriter {
public:
  explicit KeyWriter(const std::vector<std::string>& scalars) : scalars_(scalars) {}

  std::string write(const Kernel& kernel) {
    add(kernel.variables.size());
    for (const KernelVariable& variable : kernel.variables)
      add(variable.kind, variable.extent.factor, variable.extent.batch, variable.step, variable.overlap);
    add(kernel.buffers.size());
    for (const KernelBuffer& buffer : kernel.buffers) add(buffer.type, buffer.space, buffer.elements);
    for (const KernelBuffer& a : kernel.buffers)
      for (const KernelBuffer& b : kernel.buffers) add(distance(a, b));
    add(kernel.tiles.size());
    for (const KernelTile& tile : kernel.tiles) {
      add(tile.type);
      add(tile.axes);
    }
    add(kernel.body);
    return std::move(text_);
  }

private:
  // How far apart two buffers are, where they share bytes.
  static int64_t distance(const KernelBuffer& a, const KernelBuffer& b) {
    constexpr int64_t kApart = INT64_MIN;
    if (a.space != BufferSpace::Memory || b.space != BufferSpace::Memory) return kApart;
    const bool apart = a.offset >= b.offset + b.elements * byte_size(b.type) ||
                       b.offset >= a.offset + a.elements * byte_size(a.type);
    return apart ? kApart : b.offset - a.offset;
  }

  template <typename Number>
  void add(Number number) requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>) {
    fmt::format_to(std::back_inserter(text_), "{} ", to_printable(number));
  }
  template <typename Number>
  static auto to_printable(Number number) {
    if constexpr (std::is_enum_v<Number>)
      return static_cast<int>(number);
    else
      return number;
  }
  template <typename First, typename Second, typename... Rest>
  void add(First first, Second second, Rest... rest) {
    add(first);
    add(second);
    if constexpr (sizeof...(rest) > 0) add(rest...);
  }
  void add(const std::vector<int>& numbers) {
    add(numbers.size());
    for (int number : numbers) add(number);
  }

  void add(const IndexExpr& index) {
    add(index.constant(), index.terms().size());
    for (const IndexExpr::Term& term : index.terms()) {
      add(term.coefficient, term.kind);
      if (term.kind == IndexExpr::TermKind::Variable) {
        add(term.variable);
      } else {
        add(term.divisor);
        add(*term.operand);
      }
    }
  }

  // A node met before is its number.
  void add(const ExprRef& e) {
    if (!e) return add(-1);
    const auto [place, first] = nodes_.emplace(e.get(), nodes_.size());
    add(place->second);
    if (!first) return;
    add(e->kind, e->type, e->constant, e->has_else, e->operand, e->stream, e->function);
    if (e->kind == Expr::Kind::Scalar) {
      const auto slot = std::find(scalars_.begin(), scalars_.end(), e->name);
      add(slot - scalars_.begin());
    }
    add(e->indices.size());
    for (const IndexExpr& index : e->indices) add(index);
    add(e->arguments.size());
    for (const ExprRef& argument : e->arguments) add(argument);
  }

  void add(const KernelBody& body) {
    add(body.size());
    for (const KernelStatement& s : body) {
      add(s.kind, s.variable, s.bound.has_value());
      if (s.bound) add(*s.bound);
      add(s.tile, s.source, s.index_tile, s.reducer, s.buffer);
      add(s.axes);
      for (const ExprRef& e : {s.index_value, s.value, s.guard}) add(e);
      add(s.offset);
      add(s.body);
    }
  }

  const std::vector<std::string>& scalars_;
  std::unordered_map<const Expr*, std::size_t> nodes_;
  std::string text_;
};

std::string kernel_key(const Kernel& kernel, const std::vector<std::string>& scalars) {
  return KeyWriter(scalars).write(kernel);
}

} // namespace striate
