#include "codegen/reference/compile_body.h"

#include <algorithm>
#include <unordered_map>

namespace striate::reference {
namespace {

class BodyCompiler {
public:
  BodyCompiler(const CompileInput& input, const std::vector<int64_t>& extents, SlotTable& slots,
               Program& program)
      : input_(input), extents_(extents), slots_(slots), program_(program) {}

  int scalar(const ExprRef& e);
  void product(const Expr& e);
  void reuse_registers();

private:
  int compute(const Expr& e);
  int apply_function(const Expr& e);
  int read_at(const Expr& e);
  int affine_read(const Expr& e, const std::vector<int64_t>& shape);
  int general_read(const Expr& e, const std::vector<int64_t>& shape);
  int inside(const Expr& e);
  int index(const IndexExpr& index);
  int fill(ScalarType type, double value);
  int emit(Instruction instruction);
  Interval range(const IndexExpr& index) const;

  const CompileInput& input_;
  const std::vector<int64_t>& extents_;
  SlotTable& slots_;
  Program& program_;
  std::unordered_map<const Expr*, int> done_; // shared nodes are computed once
};

Opcode opcode_of(Function function) {
  switch (function) {
#define FUNCTION(kind, text, arity, result)                                                                  \
  case Function::kind:                                                                                       \
    return Opcode::kind;
#include "ir/scalar_functions.def"
#undef FUNCTION
  }
  CHECK(false, "unknown scalar function");
}

Affine affine_part(const IndexExpr& index) {
  Affine result{index.constant(), {}};
  for (const IndexExpr::Term& term : index.terms()) {
    if (term.kind == IndexExpr::TermKind::Variable) result.coefficients[term.variable] += term.coefficient;
  }
  return result;
}

bool affine(const IndexExpr& index) {
  return std::all_of(index.terms().begin(), index.terms().end(),
                     [](const IndexExpr::Term& term) { return term.kind == IndexExpr::TermKind::Variable; });
}

Interval BodyCompiler::range(const IndexExpr& index) const {
  Interval result{index.constant(), index.constant()};
  for (const IndexExpr::Term& term : index.terms()) {
    Interval values{0, term.divisor - 1};
    if (term.kind == IndexExpr::TermKind::Variable) values = {0, extents_[term.variable] - 1};
    if (term.kind == IndexExpr::TermKind::Quotient) {
      const Interval operand = range(*term.operand);
      values = {floor_div(operand.low, term.divisor), floor_div(operand.high, term.divisor)};
    }
    result.low += term.coefficient * (term.coefficient > 0 ? values.low : values.high);
    result.high += term.coefficient * (term.coefficient > 0 ? values.high : values.low);
  }
  return result;
}

int BodyCompiler::emit(Instruction instruction) {
  instruction.target = program_.registers++;
  program_.instructions.push_back(instruction);
  return instruction.target;
}

int BodyCompiler::fill(ScalarType type, double value) {
  program_.fills.push_back({program_.registers, type, value});
  return program_.registers++;
}

int BodyCompiler::index(const IndexExpr& index) {
  if (index.is_constant()) return fill(ScalarType::Int, static_cast<double>(index.constant()));
  program_.values.push_back({program_.registers, slots_.add(affine_part(index))});
  int result = program_.registers++;
  for (const IndexExpr::Term& term : index.terms()) {
    if (term.kind == IndexExpr::TermKind::Variable) continue;
    const bool quotient = term.kind == IndexExpr::TermKind::Quotient;
    const int part = emit({.opcode = quotient ? Opcode::FloorDivide : Opcode::FloorModulo,
                           .type = ScalarType::Int,
                           .a = this->index(*term.operand),
                           .immediate = term.divisor});
    result = emit({.opcode = Opcode::AddScaled,
                   .type = ScalarType::Int,
                   .a = result,
                   .b = part,
                   .immediate = term.coefficient});
  }
  return result;
}

int BodyCompiler::affine_read(const Expr& e, const std::vector<int64_t>& shape) {
  AffineRead result{.target = program_.registers++,
                    .type = e.type,
                    .operand = e.operand,
                    .offset = -1,
                    .otherwise = e.constant,
                    .bounds = {}};
  Affine offset;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const Affine part = affine_part(e.indices[d]);
    offset.constant = offset.constant * shape[d] + part.constant;
    for (auto& [variable, coefficient] : offset.coefficients) coefficient *= shape[d];
    for (const auto& [variable, coefficient] : part.coefficients)
      offset.coefficients[variable] += coefficient;
    const Interval values = range(e.indices[d]);
    if (values.low >= 0 && values.high < shape[d]) continue;
    CHECK(e.has_else, "read of operand {}: dimension {} of size {} at {} to {}", e.operand, d, shape[d],
          values.low, values.high);
    result.bounds.push_back({slots_.add(part), shape[d]});
  }
  result.offset = slots_.add(offset);
  program_.reads.push_back(std::move(result));
  return program_.reads.back().target;
}

int BodyCompiler::general_read(const Expr& e, const std::vector<int64_t>& shape) {
  int guard = -1;
  int offset = fill(ScalarType::Int, 0);
  int64_t stride = 1;
  for (std::size_t d = shape.size(); d-- > 0; stride *= shape[d]) {
    const bool by_data = has_places(e) && !is_constant(e.arguments[d], 0);
    int position = index(e.indices[d]);
    if (by_data)
      position = emit({.opcode = Opcode::AddScaled,
                       .type = ScalarType::Int,
                       .a = position,
                       .b = scalar(e.arguments[d]),
                       .immediate = 1});
    offset = emit({.opcode = Opcode::AddScaled,
                   .type = ScalarType::Int,
                   .a = offset,
                   .b = position,
                   .immediate = stride});
    const Interval values = range(e.indices[d]);
    if (!by_data && values.low >= 0 && values.high < shape[d]) continue;
    // Where there is no `else`, the ranges may be wider than the values: the guard is then checked at every
    // point.
    guard = emit({.opcode = Opcode::InBounds,
                  .type = ScalarType::Int,
                  .a = position,
                  .b = guard,
                  .immediate = shape[d],
                  .required = !e.has_else});
  }
  return emit({.opcode = Opcode::Gather,
               .type = e.type,
               .a = offset,
               .b = guard,
               .immediate = e.operand,
               .otherwise = e.constant});
}

int BodyCompiler::read_at(const Expr& e) {
  CHECK(e.operand >= 0 && e.operand < static_cast<int>(input_.shapes.size()), "read of operand {}",
        e.operand);
  const std::vector<int64_t>& shape = input_.shapes[e.operand];
  CHECK(shape.size() == e.indices.size(), "read of operand {} at {} indices", e.operand, e.indices.size());
  if (!has_places(e) && std::all_of(e.indices.begin(), e.indices.end(), affine)) return affine_read(e, shape);
  return general_read(e, shape);
}

int BodyCompiler::apply_function(const Expr& e) {
  Instruction instruction{.opcode = opcode_of(e.function), .type = e.arguments.back()->type};
  // A choice is typed by its branches, scaling by the value scaled; everything else has arguments of one
  // type.
  if (e.function == Function::Scale2) instruction.type = ScalarType::Real;
  for (std::size_t i = 0; i < e.arguments.size(); ++i) {
    const ScalarType type = e.arguments[i]->type;
    const bool other =
        (e.function == Function::Select && i == 0) || (e.function == Function::Scale2 && i == 1);
    CHECK(other || type == instruction.type, "`{}` of different types", name_of(e.function));
    const int value = scalar(e.arguments[i]);
    (i == 0 ? instruction.a : i == 1 ? instruction.b : instruction.c) = value;
  }
  return emit(instruction);
}

int BodyCompiler::compute(const Expr& e) {
  switch (e.kind) {
  case Expr::Kind::Constant:
    return fill(e.type, e.constant);
  case Expr::Kind::Scalar:
    return fill(e.type, input_.scalar(e.name));
  case Expr::Kind::Index:
    return index(e.indices[0]);
  case Expr::Kind::Read:
    return read_at(e);
  case Expr::Kind::Random:
    if (e.arguments.empty())
      return emit({.opcode = Opcode::Draw,
                   .a = index(e.indices[0]),
                   .immediate = e.stream,
                   .counter = static_cast<uint32_t>(input_.scalar("step"))});
    return emit({.opcode = Opcode::Draw,
                 .a = index(e.indices[0]),
                 .b = scalar(e.arguments[0]),
                 .immediate = e.stream,
                 .counter = static_cast<uint32_t>(input_.scalar("epoch"))});
  case Expr::Kind::Apply:
    return apply_function(e);
  case Expr::Kind::Load:
  case Expr::Kind::Tile:
    break;
  }
  CHECK(false, "a kernel's expression in a statement");
}

int BodyCompiler::scalar(const ExprRef& e) {
  if (const auto found = done_.find(e.get()); found != done_.end()) return found->second;
  const int result = compute(*e);
  done_.emplace(e.get(), result);
  return result;
}

// Where a read stays within its tensor: a register, or -1 where the ranges prove that it always does.
int BodyCompiler::inside(const Expr& e) {
  int guard = -1;
  if (e.kind != Expr::Kind::Read || !e.has_else || e.constant != 0 || has_places(e)) return guard;
  for (std::size_t d = 0; d < e.indices.size(); ++d) {
    const int64_t size = input_.shapes[e.operand][d];
    const Interval values = range(e.indices[d]);
    if (values.low >= 0 && values.high < size) continue;
    guard = emit({.opcode = Opcode::InBounds,
                  .type = ScalarType::Int,
                  .a = index(e.indices[d]),
                  .b = guard,
                  .immediate = size});
  }
  return guard;
}

// The two factors of a sum's term. A term with a factor that is 0 because it is read outside of its tensor is
// left out: fma(-0, 0, acc) is acc, whatever acc is.
void BodyCompiler::product(const Expr& e) {
  int factors[] = {scalar(e.arguments[0]), scalar(e.arguments[1])};
  for (const ExprRef& factor : e.arguments) {
    const int guard = inside(*factor);
    if (guard < 0) continue;
    for (int k : {0, 1})
      factors[k] = emit({.opcode = Opcode::Select,
                         .type = ScalarType::Real,
                         .a = guard,
                         .b = factors[k],
                         .c = fill(ScalarType::Real, k == 0 ? -0.0 : 0.0)});
  }
  program_.result = factors[0];
  program_.second_factor = factors[1];
}

// Results of instructions share registers once their last reader has run: blocks then stay in the L1 cache.
// An instruction's target is never one of its arguments.
void BodyCompiler::reuse_registers() {
  const int end = static_cast<int>(program_.instructions.size());
  std::vector<int> last_use(program_.registers, -1);
  std::vector<bool> temporary(program_.registers, false);
  for (int i = 0; i < end; ++i) {
    const Instruction& instruction = program_.instructions[i];
    temporary[instruction.target] = true;
    for (int argument : {instruction.a, instruction.b, instruction.c}) {
      if (argument >= 0) last_use[argument] = i;
    }
  }
  for (int result : {program_.result, program_.second_factor}) {
    if (result >= 0) last_use[result] = end;
  }

  std::vector<int> home(program_.registers);
  int used = 0;
  for (int r = 0; r < program_.registers; ++r) {
    if (!temporary[r]) home[r] = used++;
  }
  std::vector<int> free;
  for (int i = 0; i < end; ++i) {
    Instruction& instruction = program_.instructions[i];
    const int target = instruction.target;
    if (free.empty()) free.push_back(used++);
    home[target] = free.back();
    free.pop_back();
    std::vector<int> ended{target};
    for (int* argument : {&instruction.a, &instruction.b, &instruction.c}) {
      if (*argument < 0) continue;
      ended.push_back(*argument);
      *argument = home[*argument];
    }
    std::sort(ended.begin(), ended.end());
    ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
    for (int r : ended) {
      if (temporary[r] && last_use[r] <= i) free.push_back(home[r]);
    }
    instruction.target = home[target];
  }
  for (Fill& fill : program_.fills) fill.target = home[fill.target];
  for (AffineRead& read : program_.reads) read.target = home[read.target];
  for (AffineValue& value : program_.values) value.target = home[value.target];
  program_.result = home[program_.result];
  if (program_.second_factor >= 0) program_.second_factor = home[program_.second_factor];
  program_.registers = used;
}

} // namespace

void compile_body(const CompileInput& input, const std::vector<int64_t>& extents, SlotTable& slots,
                  Program& program) {
  BodyCompiler compiler(input, extents, slots, program);
  const ExprRef& body = input.statement->body;
  const bool product =
      body->kind == Expr::Kind::Apply && body->function == Function::Mul && body->type == ScalarType::Real;
  if (program.reducer == Reducer::Sum && product) {
    compiler.product(*body);
  } else {
    program.result = compiler.scalar(body);
  }
  compiler.reuse_registers();
}

} // namespace striate::reference
