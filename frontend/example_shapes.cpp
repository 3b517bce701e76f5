#include "frontend/example_shapes.h"

#include "frontend/bind_call.h"
#include "frontend/definition_builder.h"
#include "frontend/elaborate.h"
#include "frontend/gradient_clause.h"
#include "frontend/instantiate_op.h"
#include "frontend/parser.h"

#include <algorithm>
#include <set>

namespace striate {

using ast::ExprKind;

namespace {

// Something the op leaves open, with what it may be, the most readable first.
struct Choice {
  enum class Kind { Size, Run, Attribute };
  struct Candidate {
    std::vector<Size> shape; // of a run; one size for a Size
    std::string text;        // of an attribute
  };
  Kind kind;
  std::string name;
  std::vector<Candidate> candidates;
};

struct Example {
  std::vector<TensorType> operands;
  std::map<std::string, std::string> attributes;
};

} // namespace

static Choice::Candidate shape_of(std::vector<Size> shape) { return {std::move(shape), ""}; }

// Sizes as they are usual for the letter: few channels, a small image, a 3x3 window.
static Choice size_choice(const std::string& name) {
  static const std::map<std::string, int64_t> kUsual = {{"A", 4},  {"B", 6}, {"C", 8}, {"D", 5}, {"G", 2},
                                                        {"H", 12}, {"I", 4}, {"J", 6}, {"K", 8}, {"O", 16},
                                                        {"R", 3},  {"S", 3}, {"T", 5}, {"W", 12}};
  Choice choice{Choice::Kind::Size, name, {}};
  if (name == "N") {
    choice.candidates = {shape_of({Size::n()})};
    return choice;
  }
  const auto usual = kUsual.find(name);
  const int64_t first = usual == kUsual.end() ? 4 : usual->second;
  choice.candidates = {shape_of({Size::constant(first)})};
  for (int64_t other : {2, 1, 3, 4, 6, 8, 12, 16})
    if (other != first) choice.candidates.push_back(shape_of({Size::constant(other)}));
  return choice;
}

// What a run stands for: the examples of a batch where it leads, two dimensions where a group joins it.
static Choice run_choice(const std::string& name, bool leads, bool in_group) {
  const auto one = shape_of({Size::constant(12)}), two = shape_of({Size::constant(4), Size::constant(6)});
  const auto batch = shape_of({Size::n()}), none = shape_of({});
  Choice choice{Choice::Kind::Run, name, {}};
  if (leads) {
    choice.candidates = {batch, none, one, two};
  } else if (in_group) {
    choice.candidates = {two, one, none};
  } else {
    choice.candidates = {one, two, none};
  }
  return choice;
}

static Choice attribute_choice(const ast::Parameter& attribute) {
  Choice choice{Choice::Kind::Attribute, attribute.name, {}};
  const std::string& type = attribute.type.name;
  std::vector<std::string> texts = {"0.5", "2.0", "1.0"};
  if (type == "int" || type == "i32" || type == "u8") texts = {"2", "1", "3", "4", "6", "8", "12"};
  if (type == "bool") texts = {"false", "true"};
  if (type == "string") texts = {"\"\""};
  for (std::string& text : texts) choice.candidates.push_back({{}, std::move(text)});
  return choice;
}

// The tensors whose shapes are asked for: the inputs, or, for an initializer, its result.
static const std::vector<ast::Parameter>& operands_of(const ast::Item& item) {
  return item.inputs.empty() ? item.outputs : item.inputs;
}

static std::vector<Choice> choices_of(const ast::Item& item) {
  std::vector<Choice> choices;
  std::set<std::string> sizes, runs, runs_in_groups, runs_inside;
  for (const ast::Parameter& attribute : item.attributes) {
    sizes.insert({attribute.name, attribute.size_name});
    if (!attribute.default_value) choices.push_back(attribute_choice(attribute));
  }
  const auto all = {&item.inputs, &item.outputs};
  for (const std::vector<ast::Parameter>* parameters : all)
    for (const ast::Parameter& parameter : *parameters)
      for (std::size_t d = 0; d < parameter.type.dimensions.size(); ++d) {
        const ast::Expr& dimension = *parameter.type.dimensions[d];
        if (dimension.kind == ExprKind::Run && d > 0) runs_inside.insert(dimension.text);
        if (dimension.kind == ExprKind::Group)
          for (const ast::ExprPtr& member : dimension.operands)
            if (member->kind == ExprKind::Run) runs_in_groups.insert(member->text);
      }
  const auto open = [&](const ast::Expr& dimension) {
    if (dimension.kind == ExprKind::Name && sizes.insert(dimension.text).second)
      choices.push_back(size_choice(dimension.text));
    if (dimension.kind == ExprKind::Run && runs.insert(dimension.text).second)
      choices.push_back(run_choice(dimension.text,
                                   !item.inputs.empty() && !runs_inside.contains(dimension.text),
                                   runs_in_groups.contains(dimension.text)));
  };
  for (const ast::Parameter& operand : operands_of(item))
    for (const ast::ExprPtr& dimension : operand.type.dimensions) {
      if (dimension->kind != ExprKind::Group) {
        open(*dimension);
        continue;
      }
      for (const ast::ExprPtr& member : dimension->operands) open(*member);
    }
  return choices;
}

static ElementType element_of(const ast::Parameter& operand) {
  const std::string& type = operand.type.name;
  if (type == "u8") return ElementType::U8;
  return type == "int" || type == "i32" ? ElementType::I32 : ElementType::F32;
}

// The operands for one way to choose, or nullopt with the reason in `diagnostics`.
static std::optional<Example> attempt(const Library& library, const ast::Item& item,
                                      const std::vector<Choice>& choices,
                                      const std::vector<std::size_t>& chosen, Diagnostics& diagnostics) {
  Example example;
  Reporter reporter(diagnostics);
  OpEvaluator evaluator(reporter, library);
  std::vector<ast::Argument> arguments;
  for (std::size_t k = 0; k < choices.size(); ++k) {
    if (choices[k].kind != Choice::Kind::Attribute) continue;
    const std::string& text = choices[k].candidates[chosen[k]].text;
    example.attributes[choices[k].name] = text;
    ast::Argument argument;
    argument.location = item.location;
    argument.name = choices[k].name;
    argument.value = parse_expression(choices[k].name, text, diagnostics);
    if (!argument.value) return std::nullopt;
    arguments.push_back(std::move(argument));
  }
  Scope empty;
  CallSite site;
  site.arguments = &arguments;
  site.location = item.location;
  const auto bound = bind_call(evaluator, empty, item, Takes::Attributes, site);
  if (!bound) return std::nullopt;

  Scope scope = attribute_scope(item, bound->attributes);
  ShapeUnifier shapes(evaluator, scope, item, item.location);
  evaluator.runs = &shapes.runs();
  for (std::size_t k = 0; k < choices.size(); ++k) {
    if (choices[k].kind == Choice::Kind::Attribute) continue;
    auto dimension = std::make_shared<ast::Expr>();
    dimension->kind = choices[k].kind == Choice::Kind::Size ? ExprKind::Name : ExprKind::Run;
    dimension->text = choices[k].name;
    ast::Parameter pattern;
    pattern.type.has_dimensions = true;
    pattern.type.dimensions = {dimension};
    if (!shapes.match(pattern, choices[k].candidates[chosen[k]].shape)) return std::nullopt;
  }
  for (const ast::Parameter& operand : operands_of(item)) {
    auto declared = shapes.declare(operand);
    if (!declared) return std::nullopt;
    example.operands.push_back({element_of(operand), std::move(declared->shape)});
  }
  if (!shapes.check_preconditions()) return std::nullopt;
  // As a call would see them: an attribute may decide where a run ends.
  Scope called = attribute_scope(item, bound->attributes);
  ShapeUnifier call(evaluator, called, item, item.location);
  for (std::size_t k = 0; k < item.inputs.size(); ++k)
    if (!call.match(item.inputs[k], example.operands[k].shape)) return std::nullopt;
  for (const ast::Parameter& output : item.outputs)
    if (!shapes.declare(output)) return std::nullopt;
  return example;
}

namespace {

// Tries everything as usual; else one choice different, then two.
class Search {
public:
  Search(const Library& library, const ast::Item& item)
      : library_(library), item_(item), choices_(choices_of(item)), chosen_(choices_.size(), 0) {}

  std::optional<Example> run() {
    for (int different = 0; different <= 2; ++different)
      if (auto example = run(0, different)) return example;
    return std::nullopt;
  }
  const std::string& reason() const { return reason_; } // why the usual sizes do not do

private:
  std::optional<Example> run(std::size_t from, int different) {
    if (different == 0) {
      Diagnostics diagnostics;
      auto example = attempt(library_, item_, choices_, chosen_, diagnostics);
      if (!example && reason_.empty() && diagnostics.has_errors()) reason_ = diagnostics.messages()[0].text;
      return example;
    }
    for (std::size_t k = from; k < choices_.size(); ++k) {
      for (chosen_[k] = 1; chosen_[k] < choices_[k].candidates.size(); ++chosen_[k])
        if (auto example = run(k + 1, different - 1)) return example;
      chosen_[k] = 0;
    }
    return std::nullopt;
  }

  const Library& library_;
  const ast::Item& item_;
  std::vector<Choice> choices_;
  std::vector<std::size_t> chosen_; // per choice: the candidate
  std::string reason_;
};

} // namespace

// nullopt, with an error, where no shapes were found.
static std::optional<Example> example_of(const Library& library, const ast::Item& item,
                                         Diagnostics& diagnostics) {
  Search search(library, item);
  auto example = search.run();
  if (!example)
    diagnostics
        .error(Diagnostic::Precondition, item.location,
               "no small shapes were found that `{}` takes as an example", item.name)
        .note("{}", search.reason());
  return example;
}

std::optional<OperatorExample> instantiate_example(const ast::File* file, const std::string& op,
                                                   Diagnostics& diagnostics) {
  const Library library(file, diagnostics);
  const ast::Item* item = library.find(ast::ItemKind::Op, op);
  OperatorExample result;
  if (!item) {
    // Nothing to choose for an unknown name: instantiate_op says what it may have meant.
    result.definition = instantiate_op(file, op, {}, {}, diagnostics);
  } else if (const auto example = example_of(library, *item, diagnostics)) {
    result.attributes = example->attributes;
    result.definition = instantiate_item(library, *item, example->operands, example->attributes, diagnostics);
  }
  if (!result.definition) return std::nullopt;
  return result;
}

std::optional<GradientClauseExample> instantiate_gradient_example(const ast::File& file, const ast::Item& op,
                                                                  Diagnostics& diagnostics) {
  const Library library(&file, diagnostics);
  Reporter reporter(diagnostics);
  const auto clause = gradient_item(op, reporter);
  const auto example = clause ? example_of(library, op, diagnostics) : std::nullopt;
  if (!example) return std::nullopt;
  GradientClauseExample result;
  result.op = instantiate_item(library, op, example->operands, example->attributes, diagnostics);
  if (!result.op) return std::nullopt;
  std::vector<TensorType> operands = example->operands;
  for (int round = 0; round < 2; ++round) // the outputs, then their adjoints
    for (int output : result.op->outputs) {
      operands.push_back(result.op->operands[output].type);
      if (round == 1) operands.back().element = ElementType::F32;
    }
  result.clause = instantiate_item(library, *clause, operands, example->attributes, diagnostics);
  if (!result.clause) return std::nullopt;
  for (const ast::Parameter& adjoint : clause->outputs)
    for (std::size_t k = 0; k < op.inputs.size(); ++k)
      if (adjoint.name == op.inputs[k].name + ".grad") result.adjoints_of.push_back(static_cast<int>(k));
  return result;
}

} // namespace striate
