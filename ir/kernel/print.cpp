// The kernel's text form; docs/ir.md has its grammar and parse.cpp reads it back.
#include "ir/expression_text.h"
#include "ir/kernel/kernel.h"

#include <algorithm>

namespace striate {

namespace {

class KernelPrinter {
public:
  explicit KernelPrinter(const Kernel& kernel) : kernel_(kernel) {
    number_variables();
    // One name space: tiles and variables both stand in expressions by their bare names.
    std::vector<std::string> names;
    for (int variable : order_) names.push_back(kernel.variables[variable].name);
    for (const KernelTile& tile : kernel.tiles) names.push_back(tile.name);
    names_ = printable_names(names);
    names.clear();
    for (const KernelBuffer& buffer : kernel.buffers) names.push_back(buffer.name);
    buffer_names_ = printable_names(names);
    expression_names_ = {[this](int buffer) { return buffer_name(buffer); },
                         [this](int number) { return names_.at(number); },
                         [this](int tile) { return tile_name(tile); }};
  }

  // The lines of the text (from 0) of the statements.
  const std::vector<int>& lines() const { return lines_; }

  std::string print() {
    text_ = "kernel " + word_or_quoted(kernel_.name);
    if (kernel_.location.known())
      text_ += fmt::format(" loc({}:{}:{}{})", quoted(kernel_.location.file), kernel_.location.line,
                           kernel_.location.column,
                           kernel_.location.length != 1 ? fmt::format("+{}", kernel_.location.length) : "");
    text_ += " {\n";
    for (std::size_t at = 0; at < kernel_.comment.size();) {
      std::size_t end = std::min(kernel_.comment.find('\n', at), kernel_.comment.size());
      line(1, "comment {}", quoted(kernel_.comment.substr(at, end - at)));
      at = end + 1;
    }
    if (kernel_.flops_per_example != 0 || kernel_.flops_fixed != 0)
      line(1, "flops {} per example, {} fixed", number_text(kernel_.flops_per_example),
           number_text(kernel_.flops_fixed));
    if (kernel_.cost) line(1, "{}", cost_text(*kernel_.cost));
    for (std::size_t b = 0; b < kernel_.buffers.size(); ++b) line(1, "{}", buffer_text(static_cast<int>(b)));
    if (axis_count_ > 0) line(1, "axes {}", axes_text());
    for (std::size_t t = 0; t < kernel_.tiles.size(); ++t) {
      ScalarType type = kernel_.tiles[t].type;
      line(1, "tile {}{}", tile_text(static_cast<int>(t)),
           type == ScalarType::Int    ? " int"
           : type == ScalarType::Bool ? " bool"
                                      : "");
    }
    body(kernel_.body, 1);
    return text_ + "}\n";
  }

private:
  // Axes first, then loops as the body meets them: the numbers that reading the text back gives them.
  void number_variables() {
    number_.assign(kernel_.variables.size(), -1);
    for (std::size_t v = 0; v < kernel_.variables.size(); ++v) {
      if (is_axis(kernel_.variables[v].kind)) number(static_cast<int>(v));
    }
    axis_count_ = order_.size();
    number_loops(kernel_.body);
    for (std::size_t v = 0; v < number_.size(); ++v)
      number(static_cast<int>(v)); // used outside of any loop, if at all
  }
  void number_loops(const KernelBody& body) {
    for (const KernelStatement& statement : body) {
      if (statement.kind == KernelStatement::Kind::For) number(statement.variable);
      number_loops(statement.body);
    }
  }
  void number(int variable) {
    if (number_.at(variable) >= 0) return;
    number_[variable] = static_cast<int>(order_.size());
    order_.push_back(variable);
  }
  std::string variable_name(int variable) const { return names_.at(number_.at(variable)); }
  std::string tile_name(int tile) const { return names_.at(order_.size() + tile); }
  const std::string& buffer_name(int buffer) const { return buffer_names_.at(buffer); }

  template <typename... Args>
  void line(int depth, fmt::format_string<Args...> format, Args&&... args) {
    text_.append(2 * depth, ' ');
    text_ += fmt::format(format, std::forward<Args>(args)...);
    text_ += '\n';
  }

  std::string buffer_text(int id) const {
    const KernelBuffer& buffer = kernel_.buffers[id];
    std::string text = buffer.space == BufferSpace::Memory ? "memory " : "scratch ";
    text += fmt::format("{}: {}[{}]", buffer_name(id), name_of(buffer.type), buffer.elements);
    if (buffer.space == BufferSpace::Memory) text += fmt::format(" at {}", buffer.offset);
    return text;
  }

  std::string axes_text() const {
    std::string text;
    for (std::size_t i = 0; i < axis_count_; ++i) {
      const KernelVariable& axis = kernel_.variables[order_[i]];
      if (i > 0) text += ", ";
      text += names_[i] + ": " + axis.extent.text();
      if (axis.kind == VariableKind::Lane) text += " lanes";
      if (axis.kind == VariableKind::Thread) text += " threads";
    }
    return text;
  }

  std::string axis_list(const std::vector<int>& axes) const {
    std::string text;
    for (int axis : axes) text += (text.empty() ? "" : ", ") + variable_name(axis);
    return text;
  }

  std::string tile_text(int tile) const {
    return tile_name(tile) + "[" + axis_list(kernel_.tiles.at(tile).axes) + "]";
  }

  std::string value_text(const ExprRef& e) const {
    ExprRef renumbered =
        substitute(e, [this](int variable) { return IndexExpr::variable(number_.at(variable)); });
    return text_of(renumbered, expression_names_);
  }
  std::string index_text(const IndexExpr& index) const {
    return index.substitute([this](int variable) { return IndexExpr::variable(number_.at(variable)); })
        .text(expression_names_.variable);
  }

  std::string over_text(const std::vector<int>& axes) const {
    return axes.empty() ? "" : " over (" + axis_list(axes) + ")";
  }

  std::string for_text(const KernelStatement& statement) const {
    const KernelVariable& variable = kernel_.variables[statement.variable];
    const char* kind = variable.kind == VariableKind::Parallel   ? "parallel"
                       : variable.kind == VariableKind::Unrolled ? "unroll"
                                                                 : "for";
    std::string text =
        fmt::format("{} {}: 0..{}", kind, variable_name(statement.variable), variable.extent.text());
    if (variable.step != 1) text += fmt::format(" step {}", variable.step);
    if (variable.overlap) text += " overlap";
    if (statement.bound) text += " until " + index_text(*statement.bound);
    return text;
  }

  std::string accumulate_text(const KernelStatement& statement) const {
    std::string text = tile_text(statement.tile);
    text += statement.reducer == Reducer::Sum ? " += " : fmt::format(" {}= ", name_of(statement.reducer));
    text += value_text(statement.value);
    if (statement.index_tile >= 0)
      text += " index " + tile_text(statement.index_tile) + " = " + value_text(statement.index_value);
    return text + over_text(statement.axes);
  }

  void body(const KernelBody& statements, int depth) {
    for (const KernelStatement& statement : statements) {
      lines_.push_back(static_cast<int>(std::ranges::count(text_, '\n')));
      switch (statement.kind) {
      case KernelStatement::Kind::For:
        line(depth, "{} {{", for_text(statement));
        break;
      case KernelStatement::Kind::If:
        line(depth, "if {} {{", value_text(statement.value));
        break;
      case KernelStatement::Kind::Map:
        line(depth, "{} = {}", tile_text(statement.tile), value_text(statement.value));
        continue;
      case KernelStatement::Kind::Accumulate:
        line(depth, "{}", accumulate_text(statement));
        continue;
      case KernelStatement::Kind::Fold:
        line(depth, "{} = fold {} {}", tile_text(statement.tile), name_of(statement.reducer),
             tile_name(statement.source));
        continue;
      case KernelStatement::Kind::Store:
        line(depth, "store {}[{}] = {}{}{}", buffer_name(statement.buffer), index_text(statement.offset),
             value_text(statement.value), statement.guard ? " where " + value_text(statement.guard) : "",
             over_text(statement.axes));
        continue;
      case KernelStatement::Kind::Copy:
        line(depth, "copy {}[{}] = {}{}", buffer_name(statement.buffer), index_text(statement.offset),
             value_text(statement.value), over_text(statement.axes));
        continue;
      case KernelStatement::Kind::Wait:
        line(depth, "wait");
        continue;
      case KernelStatement::Kind::Barrier:
        line(depth, "barrier");
        continue;
      }
      body(statement.body, depth + 1);
      line(depth, "}}");
    }
  }

  const Kernel& kernel_;
  std::string text_;
  std::vector<int> lines_;
  std::vector<int> order_;  // variables by their number in the text
  std::vector<int> number_; // and back
  std::size_t axis_count_ = 0;
  std::vector<std::string> names_; // of variables by number, then tiles
  std::vector<std::string> buffer_names_;
  ExpressionNames expression_names_;
};

} // namespace

std::string print(const Kernel& kernel) { return KernelPrinter(kernel).print(); }

std::string print(const Program& program, std::vector<std::vector<int>>* lines) {
  std::string scalars;
  for (const std::string& name : program.scalars) scalars += (scalars.empty() ? "" : ", ") + quoted(name);
  std::string text = fmt::format("program {} capacity {} arena {} scalars ({})\n", quoted(program.name),
                                 program.capacity, program.arena_bytes, scalars);
  for (const ProgramValue& value : program.values)
    text += fmt::format("{} {} : {}{} offset {}\n", name_of(value.role), value_name_text(value.name),
                        value.type.text(), value.layout.empty() ? "" : " layout " + value.layout.text(),
                        value.offset);
  for (const KernelLoop& loop : program.loops)
    text += fmt::format("loop {} count {} steps {}{}\n", loop.first, loop.count, loop.steps,
                        loop.reverse ? " reverse" : "");
  for (const Kernel& kernel : program.kernels) {
    KernelPrinter printer(kernel);
    text += '\n';
    const auto before = static_cast<int>(std::ranges::count(text, '\n')) + 1;
    text += printer.print();
    if (!lines) continue;
    lines->push_back({before});
    for (int line : printer.lines()) lines->back().push_back(before + line);
  }
  return text;
}

} // namespace striate
