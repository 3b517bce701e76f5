#include "frontend/definition_builder.h"

#include "frontend/instantiate_op.h"
#include "frontend/print_ast.h"
#include "support/check.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;

DefinitionBuilder::DefinitionBuilder(Reporter& reporter, const Library& library, Scope& scope,
                                     std::map<std::string, std::vector<Size>> runs, std::string name,
                                     std::string call_path)
    : reporter_(reporter), scope_(scope), evaluator_(reporter, library), runs_(std::move(runs)),
      call_path_(std::move(call_path)) {
  evaluator_.runs = &runs_;
  definition_.name = std::move(name);
}

CompileTimeValue OpEvaluator::evaluate_other(const ast::Expr& expr, Scope& scope) {
  const bool counts = expr.kind == ExprKind::Call && expr.operands[0]->text == "count" &&
                      expr.arguments.size() == 1 && expr.arguments[0].value->kind == ExprKind::Run && runs;
  if (!counts) return Evaluator::evaluate_other(expr, scope);
  const auto run = runs->find(expr.arguments[0].value->text);
  const auto size = run == runs->end() ? std::nullopt : product(run->second);
  if (size) return CompileTimeValue::of(*size);
  reporter_.error(Diagnostic::UnknownName, expr.location, "no input has the run `{}`",
                  print_expr(*expr.arguments[0].value));
  return {};
}

int DefinitionBuilder::Context::add(const std::string& name, Size extent) {
  const auto taken = [&](const std::string& candidate) {
    return std::any_of(variables.begin(), variables.end(),
                       [&](const IndexVariable& variable) { return variable.name == candidate; });
  };
  std::string unique = name;
  for (int i = 1; taken(unique); ++i) unique = name + "_" + std::to_string(i);
  variables.push_back({unique, extent});
  return static_cast<int>(variables.size()) - 1;
}

std::function<Interval(int)> DefinitionBuilder::Context::ranges() const {
  constexpr int64_t kLargeBatch = int64_t{1} << 20;
  return [this](int variable) {
    const Size& extent = variables[static_cast<std::size_t>(variable)].extent;
    return Interval{0, extent.at(kLargeBatch) - 1};
  };
}

ElementType element_of(ScalarType type) {
  switch (type) {
  case ScalarType::Int:
    return ElementType::I32;
  case ScalarType::Bool:
    return ElementType::Bool;
  case ScalarType::Real:
    break;
  }
  return ElementType::F32;
}

// As `real(e)`, but a choice between integers becomes one between reals.
ExprRef to_real(const ExprRef& e) {
  if (e->kind == Expr::Kind::Apply && e->function == Function::Select && e->type == ScalarType::Int)
    return select(e->arguments[0], to_real(e->arguments[1]), to_real(e->arguments[2]));
  return apply(Function::ToReal, {e});
}

// Digits of one value say nothing: drops them from groups, and from reductions where other indices remain.
void drop_unit_variables(Statement& statement) {
  const auto is_unit = [&](int variable) {
    return statement.variables[static_cast<std::size_t>(variable)].extent.is_constant(1);
  };
  std::vector<bool> dropped(statement.variables.size(), false);
  for (std::vector<int>& digits : statement.output) {
    std::size_t kept = digits.size();
    std::erase_if(digits, [&](int digit) {
      if (kept == 1 || !is_unit(digit)) return false;
      --kept;
      dropped[static_cast<std::size_t>(digit)] = true;
      return true;
    });
  }
  const int count = static_cast<int>(statement.variables.size());
  int reduced = statement.reduced_count();
  for (int variable = statement.free_count; variable < count && reduced > 1; ++variable) {
    if (!is_unit(variable)) continue;
    dropped[static_cast<std::size_t>(variable)] = true;
    --reduced;
  }
  std::vector<int> renumbered(dropped.size(), -1);
  std::vector<IndexVariable> kept;
  int free_count = 0;
  for (int variable = 0; variable < count; ++variable) {
    if (dropped[static_cast<std::size_t>(variable)]) continue;
    renumbered[static_cast<std::size_t>(variable)] = static_cast<int>(kept.size());
    kept.push_back(statement.variables[static_cast<std::size_t>(variable)]);
    free_count += variable < statement.free_count;
  }
  for (std::vector<int>& digits : statement.output)
    for (int& digit : digits) digit = renumbered[static_cast<std::size_t>(digit)];
  statement.body = substitute(statement.body, [&](int variable) {
    const int number = renumbered[static_cast<std::size_t>(variable)];
    return number < 0 ? IndexExpr(0) : IndexExpr::variable(number);
  });
  statement.variables = std::move(kept);
  statement.free_count = free_count;
}

int DefinitionBuilder::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? -1 : found->second;
}

std::string DefinitionBuilder::unique_operand_name(const std::string& wanted) const {
  const auto taken = [&](const std::string& name) {
    return std::any_of(definition_.operands.begin(), definition_.operands.end(),
                       [&](const Operand& operand) { return operand.name == name; });
  };
  std::string name = wanted;
  for (int i = 1; taken(name); ++i) name = wanted + "_" + std::to_string(i);
  return name;
}

int DefinitionBuilder::add_operand(const std::string& name, TensorType type) {
  definition_.operands.push_back({unique_operand_name(name), std::move(type)});
  tensors_.emplace_back();
  tensors_.back().groups.resize(definition_.operands.back().type.shape.size());
  return static_cast<int>(definition_.operands.size()) - 1;
}

void DefinitionBuilder::add_input(const std::string& name, const TensorType& type,
                                  std::vector<std::vector<Size>> groups, bool as_real) {
  const int operand = add_operand(name, type);
  CHECK(operand == definition_.input_count, "inputs come first");
  ++definition_.input_count;
  tensors_.back() = {std::move(groups), as_real};
  by_name_[name] = operand;
}

void DefinitionBuilder::add_row_numbers() {
  rows_ = add_operand("row", {ElementType::I32, {Size::n()}});
  CHECK(rows_ == definition_.input_count, "inputs come first");
  ++definition_.input_count;
}

void DefinitionBuilder::add_number(const std::string& name, double value) { numbers_[name] = value; }

void DefinitionBuilder::add_run_time_scalar(const std::string& name, const std::string& scalar) {
  scalars_[name] = run_time_scalar(scalar);
}

void DefinitionBuilder::declare_output(const std::string& name, ElementType element, DeclaredTensor tensor,
                                       const std::string& operand_name) {
  outputs_[name] = {element, std::move(tensor), operand_name, -1};
}

// The branch that an `if` of known condition takes; nullptr after an error.
const ast::Expr* DefinitionBuilder::resolve(const ast::Expr& expr) {
  const ast::Expr* current = &expr;
  while (current->kind == ExprKind::If) {
    const auto condition = evaluator_.evaluate_condition(*current->operands[0], scope_);
    if (!condition) return nullptr;
    const ast::BlockPtr& block = *condition ? current->block : current->otherwise;
    const bool is_value =
        block && block->statements.size() == 1 && block->statements[0].kind == ast::StmtKind::Value;
    if (!is_value) {
      reporter_
          .error(Diagnostic::MissingValue, block ? block->location : current->location,
                 "an `if` in index notation has one value in each branch")
          .help("write `if condition {{ a }} else {{ b }}`; a choice element by element is "
                "`select(condition, a, b)`");
      return nullptr;
    }
    current = block->statements[0].value.get();
  }
  return current;
}

bool DefinitionBuilder::add_statement(const ast::Stmt& statement) {
  if (!reporter_.spend(1, statement.location)) return false;
  if (statement.kind == ast::StmtKind::Value && statement.value->kind == ExprKind::If) {
    const auto condition = evaluator_.evaluate_condition(*statement.value->operands[0], scope_);
    if (!condition) return false;
    const ast::BlockPtr& block = *condition ? statement.value->block : statement.value->otherwise;
    return !block || std::all_of(block->statements.begin(), block->statements.end(),
                                 [&](const ast::Stmt& inner) { return add_statement(inner); });
  }
  if (statement.kind != ast::StmtKind::Assign) {
    reporter_.error(Diagnostic::NotSupported, statement.location,
                    "this statement is not supported in an `op` yet");
    return false;
  }
  const ast::Expr& target = *statement.targets[0];
  if (target.kind == ExprKind::Call) {
    index_functions_[target.operands[0]->text] = &statement;
    return true;
  }
  const ast::Expr& value = *statement.value;
  if (value.kind == ExprKind::Call && value.operands[0]->kind == ExprKind::Name) {
    const ast::Item* op = evaluator_.library().find(ast::ItemKind::Op, value.operands[0]->text);
    const bool is_function = function_named(value.operands[0]->text).has_value() ||
                             value.operands[0]->text == "random" ||
                             index_functions_.contains(value.operands[0]->text);
    if (op && !is_function) return define_by_call(statement, *op);
  }
  if (statement.targets.size() > 1) {
    reporter_.error(Diagnostic::WrongType, statement.location, "one value is assigned to {} names",
                    statement.targets.size());
    return false;
  }
  if (target.kind == ExprKind::Name) {
    if (!outputs_.contains(target.text)) {
      Context none;
      if (is_compile_time(value, none))
        if (auto known = evaluator_.try_evaluate(value, scope_)) {
          if (scope_.bind(target.text, *known, target.location)) return true;
          reporter_.error(Diagnostic::DuplicateName, target.location, "`{}` is defined twice", target.text);
          return false;
        }
    }
    return define(target.text, nullptr, value, statement.location);
  }
  const std::vector<ast::ExprPtr> elements(target.operands.begin() + 1, target.operands.end());
  return define(target.operands[0]->text, &elements, value, target.location);
}

bool DefinitionBuilder::define(const std::string& name, const std::vector<ast::ExprPtr>* elements,
                               const ast::Expr& whole, const SourceLocation& place) {
  const ast::Expr* value = resolve(whole);
  if (!value) return false;
  const auto found = outputs_.find(name);
  Output* declared = found == outputs_.end() ? nullptr : &found->second;
  const bool taken =
      declared ? declared->operand >= 0
               : find(name) >= 0 || numbers_.contains(name) || scalars_.contains(name) || scope_.find(name);
  if (taken) {
    reporter_.error(Diagnostic::DuplicateName, place, "`{}` is defined twice", name)
        .note("each name is given one value; give the new value a name of its own");
    return false;
  }
  target_ = name;
  Context context;
  Statement statement;
  if (!add_target(elements, declared, *value, context, statement)) return false;
  statement.free_count = static_cast<int>(context.variables.size());
  if (value->kind == ExprKind::Reduce) {
    const auto reducer = reducer_of(*value);
    if (!reducer) return false;
    statement.body = reduced_body(*value, context);
    // Over a run of no dimensions there is nothing to reduce.
    if (static_cast<int>(context.variables.size()) > statement.free_count) statement.reducer = *reducer;
  } else {
    statement.body = scalar(*value, context);
  }
  if (!statement.body) return false;
  // A value that depends on no element (`c = 1 - beta ** step`) is kept as a scalar.
  if (!elements && !declared && !statement.reduces()) {
    bool per_element = false;
    visit(statement.body, [&](const ExprRef& e) {
      per_element |=
          e->kind == Expr::Kind::Read || e->kind == Expr::Kind::Random || e->kind == Expr::Kind::Index;
    });
    if (!per_element) {
      scalars_[name] = statement.body;
      return true;
    }
  }
  return finish_statement(name, declared, std::move(context), std::move(statement), place);
}

// The target's dimensions: free variables, their ranges and the digits of each dimension.
bool DefinitionBuilder::add_target(const std::vector<ast::ExprPtr>* elements, const Output* declared,
                                   const ast::Expr& value, Context& context, Statement& statement) {
  static const ast::ExprPtr kWholeRun = [] {
    auto run = std::make_shared<ast::Expr>();
    run->kind = ExprKind::Run;
    return run;
  }();
  static const std::vector<ast::ExprPtr> kWhole = {kWholeRun};
  if (!elements) elements = &kWhole;
  if (!elements->empty() && elements->size() == 1 && (*elements)[0] == kWholeRun && !runs_.contains("")) {
    static const std::vector<ast::ExprPtr> kScalar;
    elements = &kScalar;
  }

  // Ranges of named indices: by the declared shape where there is one, else from the reads.
  Extents extents;
  std::set<std::string> wanted;
  std::size_t d = 0;
  const std::size_t rank = declared ? declared->tensor.shape.size() : 0;
  const auto members_of = [](const ast::ExprPtr& element) {
    return element->kind == ExprKind::Group ? element->operands : std::vector<ast::ExprPtr>{element};
  };
  for (const ast::ExprPtr& element : *elements) {
    for (const ast::ExprPtr& member : members_of(element)) {
      if (member->kind == ExprKind::Run) {
        if (runs_.contains(member->text)) continue;
        reporter_.error(Diagnostic::UnknownName, member->location, "no input has the run `{}`",
                        print_expr(*member));
        return false;
      }
      if (member->kind != ExprKind::Name || scope_.find(member->text)) {
        reporter_.error(Diagnostic::BadIndex, member->location,
                        "the left side names an index for each dimension, not `{}`", print_expr(*member));
        return false;
      }
      if (wanted.insert(member->text).second) continue;
      reporter_.error(Diagnostic::BadIndex, member->location, "the index `{}` occurs twice on the left side",
                      member->text);
      return false;
    }
    const std::size_t covers = element->kind == ExprKind::Run ? runs_.at(element->text).size() : 1;
    if (declared && d + covers <= rank) {
      if (element->kind == ExprKind::Name) extents[element->text] = declared->tensor.shape[d];
      const std::vector<Size> group =
          element->kind == ExprKind::Group ? declared->tensor.groups[d] : std::vector<Size>();
      if (group.size() == element->operands.size())
        for (std::size_t i = 0; i < group.size(); ++i)
          if (element->operands[i]->kind == ExprKind::Name) extents[element->operands[i]->text] = group[i];
    }
    d += covers;
  }
  if (declared && d != rank) {
    reporter_.error(Diagnostic::ShapeMismatch, elements->empty() ? value.location : (*elements)[0]->location,
                    "`{}` has {} dimensions, and the left side names {}", target_, rank, d);
    return false;
  }
  if (!infer_ranges(wanted, value, extents)) return false;
  for (const ast::ExprPtr& element : *elements)
    for (const ast::ExprPtr& member : members_of(element))
      if (member->kind == ExprKind::Name && !extents.contains(member->text))
        return report_unknown_range(member->text, member->location);

  for (const ast::ExprPtr& element : *elements) {
    std::vector<int> digits;
    for (const ast::ExprPtr& member : members_of(element)) {
      if (member->kind == ExprKind::Name) {
        digits.push_back(context.add(member->text, extents.at(member->text)));
        context.indices[member->text] = IndexExpr::variable(digits.back());
        continue;
      }
      std::vector<int>& run = context.runs[member->text];
      for (const auto& [name, extent] : run_extents(member->text)) run.push_back(context.add(name, extent));
      digits.insert(digits.end(), run.begin(), run.end());
    }
    if (element->kind == ExprKind::Run)
      for (int digit : digits) statement.output.push_back({digit});
    else
      statement.output.push_back(std::move(digits));
  }
  return true;
}

bool DefinitionBuilder::finish_statement(const std::string& name, Output* declared, Context context,
                                         Statement statement, const SourceLocation& place) {
  ScalarType type = statement.body->type;
  if (statement.reducer == Reducer::ArgMax || statement.reducer == Reducer::ArgMin) type = ScalarType::Int;
  std::vector<Size> shape;
  for (const std::vector<int>& digits : statement.output) {
    std::vector<Size> sizes;
    for (int digit : digits) sizes.push_back(context.variables[static_cast<std::size_t>(digit)].extent);
    const auto size = product(sizes);
    if (!size) {
      reporter_.error(Diagnostic::BadSize, place, "`{}`: {} is too large for one dimension", name,
                      shape_text(sizes));
      return false;
    }
    shape.push_back(*size);
  }
  if (const std::string problem = problem_with_shape(shape); !problem.empty()) {
    reporter_.error(Diagnostic::BadSize, place, "`{}` {}", name, problem);
    return false;
  }
  for (std::size_t d = 1; d < shape.size(); ++d)
    if (shape[d].batch) {
      reporter_.error(Diagnostic::BadSize, place,
                      "`{}` would be {}: the batch size is the first dimension of a tensor, and no other",
                      name, shape_text(shape));
      return false;
    }
  if (declared) {
    if (shape != declared->tensor.shape) {
      reporter_.error(Diagnostic::ShapeMismatch, place, "`{}` is {}, and the left side makes {}", name,
                      shape_text(declared->tensor.shape), shape_text(shape));
      return false;
    }
    const ScalarType wanted = scalar_type_of(declared->element);
    if (type == ScalarType::Int && wanted == ScalarType::Real && !statement.reduces()) {
      statement.body = to_real(statement.body);
      type = ScalarType::Real;
    }
    if (type != wanted) {
      DiagnosticMessage& message =
          reporter_.error(Diagnostic::WrongType, place, "`{}` is {}, and its value is {}", name,
                          wanted == ScalarType::Real ? "real" : "an integer",
                          type == ScalarType::Bool  ? "true or false"
                          : type == ScalarType::Int ? "an integer"
                                                    : "real");
      message.help("{}", type == ScalarType::Bool ? "write `select(condition, 1, 0)`"
                                                  : "write `int(...)` or `real(...)`");
      return false;
    }
  }
  statement.variables = std::move(context.variables);
  drop_unit_variables(statement);
  statement.target = add_operand(declared ? declared->operand_name : name,
                                 {declared ? declared->element : element_of(type), std::move(shape)});
  if (declared) {
    declared->operand = statement.target;
    tensors_.back().groups = declared->tensor.groups;
  }
  by_name_[name] = statement.target;
  definition_.statements.push_back(std::move(statement));
  return true;
}

// `y = relu(x)`: the statements of another op, written in place.
bool DefinitionBuilder::define_by_call(const ast::Stmt& statement, const ast::Item& op) {
  const ast::Expr& value = *statement.value;
  OpCall called;
  called.item = &op;
  called.location = value.location;
  called.path = call_path_ + "." + op.name + (draws_ ? "." + std::to_string(draws_) : "");
  called.of_rows = rows_ >= 0;
  ++draws_;
  std::vector<int> operands; // of the inputs that are tensors
  CallSite site;
  site.location = value.location;
  std::vector<ast::Argument> attributes;
  for (const ast::Argument& argument : value.arguments) {
    const bool is_input = argument.name.empty() && called.inputs.size() < op.inputs.size();
    if (!is_input) {
      attributes.push_back(argument);
      continue;
    }
    if (argument.value->kind == ExprKind::Read && find(argument.value->operands[0]->text) >= 0) {
      reporter_
          .error(Diagnostic::WrongType, argument.value->location,
                 "`{}` takes a whole tensor, not the element `{}`", op.name, print_expr(*argument.value))
          .note("an op is called on whole tensors, in a statement of its own")
          .help("write `t = {}({})`, and read `t[...]`", op.name, argument.value->operands[0]->text);
      return false;
    }
    const int operand = argument.value->kind == ExprKind::Name ? find(argument.value->text) : -1;
    if (operand >= 0) {
      called.inputs.push_back({definition_.operands[static_cast<std::size_t>(operand)].type, std::nullopt});
      operands.push_back(operand);
      continue;
    }
    const CompileTimeValue number = evaluator_.evaluate(*argument.value, scope_);
    if (!number.number()) {
      if (!number.is_unknown())
        reporter_.error(Diagnostic::WrongType, argument.location, "an op is called with tensors, not {}",
                        description_of(number));
      return false;
    }
    called.inputs.push_back({{}, number.number()});
  }
  if (called.inputs.size() != op.inputs.size()) {
    reporter_.error(Diagnostic::WrongArgument, value.location, "`{}` takes {} inputs, not {}", op.name,
                    op.inputs.size(), called.inputs.size());
    return false;
  }
  site.arguments = &attributes;
  auto bound = bind_call(evaluator_, scope_, op, Takes::Attributes, site);
  if (!bound) return false;
  called.attributes = std::move(bound->attributes);
  auto inner = instantiate(called, reporter_, evaluator_.library());
  if (!inner) return false;
  if (inner->outputs.size() != statement.targets.size()) {
    reporter_.error(Diagnostic::WrongType, statement.location, "`{}` has {} outputs, not {}", op.name,
                    inner->outputs.size(), statement.targets.size());
    return false;
  }

  std::map<int, std::string> targets; // output operand of `inner` -> its name here
  for (std::size_t i = 0; i < statement.targets.size(); ++i) {
    if (statement.targets[i]->kind != ExprKind::Name) {
      reporter_
          .error(Diagnostic::BadIndex, statement.targets[i]->location,
                 "the result of an op has no indices here")
          .help("write `name = {}(...)`, and read it at indices", op.name);
      return false;
    }
    targets[inner->outputs[i]] = statement.targets[i]->text;
  }
  if (inner->input_count > static_cast<int>(operands.size())) operands.push_back(rows_);
  for (std::size_t i = static_cast<std::size_t>(inner->input_count); i < inner->operands.size(); ++i) {
    const auto target = targets.find(static_cast<int>(i));
    const std::string name =
        target == targets.end() ? op.name + "_" + inner->operands[i].name : target->second;
    const auto output = target == targets.end() ? outputs_.end() : outputs_.find(name);
    const TensorType& type = inner->operands[i].type;
    if (target != targets.end() &&
        (find(name) >= 0 || (output != outputs_.end() && output->second.operand >= 0))) {
      reporter_.error(Diagnostic::DuplicateName, statement.location, "`{}` is defined twice", name);
      return false;
    }
    const int operand = add_operand(output == outputs_.end() ? name : output->second.operand_name, type);
    if (output != outputs_.end()) {
      if (type.shape != output->second.tensor.shape || type.element != output->second.element) {
        reporter_.error(Diagnostic::ShapeMismatch, statement.location, "`{}` is {}, and `{}` makes {}", name,
                        shape_text(output->second.tensor.shape), op.name, shape_text(type.shape));
        return false;
      }
      output->second.operand = operand;
    }
    if (target != targets.end()) by_name_[name] = operand;
    operands.push_back(operand);
  }
  for (Statement copy : inner->statements) {
    copy.target = operands[static_cast<std::size_t>(copy.target)];
    copy.body = rewrite(copy.body, [&](const ExprRef& e) -> ExprRef {
      if (e->kind != Expr::Kind::Read) return e;
      Expr moved = *e;
      moved.operand = operands[static_cast<std::size_t>(e->operand)];
      return std::make_shared<const Expr>(std::move(moved));
    });
    definition_.statements.push_back(std::move(copy));
  }
  return true;
}

// Row numbers that nothing reads are no input.
static void drop_input(Definition& definition, int input) {
  bool used = false;
  for (const Statement& statement : definition.statements)
    visit(statement.body,
          [&](const ExprRef& e) { used = used || (e->kind == Expr::Kind::Read && e->operand == input); });
  if (used) return;
  definition.operands.erase(definition.operands.begin() + input);
  --definition.input_count;
  for (Statement& statement : definition.statements) {
    --statement.target;
    statement.body = rewrite(statement.body, [&](const ExprRef& e) -> ExprRef {
      if (e->kind != Expr::Kind::Read || e->operand < input) return e;
      Expr moved = *e;
      --moved.operand;
      return std::make_shared<const Expr>(std::move(moved));
    });
  }
  for (int& output : definition.outputs) --output;
}

Definition DefinitionBuilder::finish(const std::vector<std::string>& outputs) {
  for (const std::string& output : outputs) definition_.outputs.push_back(outputs_.at(output).operand);
  if (rows_ >= 0) drop_input(definition_, rows_);
  return std::move(definition_);
}

} // namespace striate
