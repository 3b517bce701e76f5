#include "exchange/write_statements.h"

#include "exchange/index_tensor.h"
#include "exchange/notation_operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace striate {

static constexpr int64_t kFloat = 1, kInt64 = 7, kBool = 9;

namespace {

// A part of a statement: a tensor with one dimension for each variable that it depends on, in their order.
struct Term {
  std::vector<int> axes;
  int64_t element = kFloat;
  std::string name;           // "" of a constant
  std::vector<double> values; // of a constant

  bool constant() const { return name.empty(); }
};

class StatementWriter {
public:
  StatementWriter(OnnxWriter& out, const std::function<std::string()>& batch_size, const Statement& statement,
                  const std::vector<OnnxSource>& sources, const std::string& base)
      : out_(out), batch_size_(batch_size), statement_(statement), sources_(sources), base_(base) {
    for (const IndexVariable& variable : statement.variables) extents_.push_back(variable.extent);
  }

  // The target, whose dimensions have these digits; "" where it cannot be said.
  std::string write(const std::vector<std::vector<int>>& digits, ElementType element) {
    Term value = statement_.reduces() ? reduced() : term(statement_.body);
    if (failed()) return "";
    return placed(cast(std::move(value), onnx_element(element)), digits);
  }
  const std::string& problem() const { return problem_; }

private:
  bool failed() const { return !problem_.empty(); }
  Term no(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return {};
  }
  int64_t extent(int variable) const { return extents_[static_cast<std::size_t>(variable)].factor; }
  bool is_batch(int variable) const { return extents_[static_cast<std::size_t>(variable)].batch; }
  std::vector<int64_t> shape_of(const std::vector<int>& axes) const {
    std::vector<int64_t> shape;
    for (int axis : axes) shape.push_back(extent(axis));
    return shape;
  }
  std::string node(const std::string& op, std::vector<std::string> inputs,
                   OnnxAttributesOut attributes = {}) {
    return out_.node(op, std::move(inputs), std::move(attributes), base_ + "/" + op);
  }

  // --- terms

  Term term(const ExprRef& e) {
    if (failed()) return {};
    if (const auto known = terms_.find(e); known != terms_.end()) return known->second;
    if (e->kind == Expr::Kind::Read) // the same read once more
      for (const auto& [other, value] : terms_)
        if (other->kind == Expr::Kind::Read && structurally_equal(e, other)) return value;
    Term value = new_term(e);
    terms_[e] = value;
    return value;
  }

  Term new_term(const ExprRef& e) {
    if (std::optional<ConstantTensor> known = constant_tensor(e, extents_))
      return {known->variables, element_of(e->type), "", std::move(known->values)};
    switch (e->kind) {
    case Expr::Kind::Read:
      return read(*e);
    case Expr::Kind::Apply:
      return applied(*e);
    case Expr::Kind::Scalar:
      return no(fmt::format("it reads `{}`, which is known only while it runs", e->name));
    case Expr::Kind::Random:
      return no("it draws random numbers");
    case Expr::Kind::Index:
      return no("it computes with the number of an example in its batch, or with too many numbers");
    default:
      return no("it is no index notation");
    }
  }

  static int64_t element_of(ScalarType type) {
    return type == ScalarType::Real ? kFloat : type == ScalarType::Int ? kInt64 : kBool;
  }

  Term cast(Term value, int64_t element) {
    if (value.element == element || failed()) return value;
    if (!value.constant() || (element != kFloat && element != kInt64 && element != kBool))
      value.name = node("Cast", {named(value)}, {{"to", element}});
    value.element = element;
    return value;
  }

  // The tensor's name; of a constant, it is made.
  std::string named(const Term& value, std::optional<std::vector<int64_t>> shape = std::nullopt) {
    if (!value.constant()) return value.name;
    const std::vector<int64_t> sizes = shape ? *shape : shape_of(value.axes);
    if (value.element == kInt64) return out_.integers({value.values.begin(), value.values.end()}, sizes);
    if (value.element == kBool) {
      std::vector<uint8_t> truths;
      for (double one : value.values) truths.push_back(one != 0);
      return out_.truths(truths, sizes);
    }
    std::vector<float> reals;
    for (double one : value.values) reals.push_back(static_cast<float>(one));
    return out_.reals(reals, sizes);
  }

  // With dimensions of size 1 where others have variables that it lacks, as broadcasting wants it.
  std::string among(const Term& value, const std::vector<int>& axes, bool leading = false) {
    std::vector<int64_t> shape, missing;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const bool has = std::ranges::binary_search(value.axes, axes[i]);
      if (!has && shape.empty() && !leading) continue;
      if (!has) missing.push_back(static_cast<int64_t>(shape.size()));
      shape.push_back(has ? extent(axes[i]) : 1);
    }
    if (value.constant()) return named(value, shape);
    return missing.empty() ? value.name : node("Unsqueeze", {value.name, out_.integers(missing)});
  }

  static std::vector<int> together(const std::vector<Term>& terms) {
    std::set<int> axes;
    for (const Term& one : terms) axes.insert(one.axes.begin(), one.axes.end());
    return {axes.begin(), axes.end()};
  }

  Term applied(const Expr& e) {
    std::vector<Term> arguments;
    for (const ExprRef& argument : e.arguments) arguments.push_back(term(argument));
    if (failed()) return {};
    if (e.function == Function::ToReal) return cast(std::move(arguments[0]), kFloat);
    if (e.function == Function::ToInt) return cast(std::move(arguments[0]), kInt64);
    if (e.function == Function::Fma)
      return combined("Add", {combined("Mul", {arguments[0], arguments[1]}, kFloat), arguments[2]}, kFloat);
    if (e.function == Function::Div && e.type == ScalarType::Int) return no("it divides integers");
    const char* op = onnx_operator_of(e.function);
    if (!op) return no(fmt::format("ONNX has no `{}`", name_of(e.function)));
    for (std::size_t i = 0; i < arguments.size(); ++i)
      arguments[i] = cast(std::move(arguments[i]), element_of(e.arguments[i]->type));
    return combined(op, arguments, element_of(e.type));
  }

  Term combined(const char* op, const std::vector<Term>& arguments, int64_t element) {
    Term result{together(arguments), element, "", {}};
    std::vector<std::string> inputs;
    for (const Term& one : arguments) inputs.push_back(among(one, result.axes));
    result.name = node(op, inputs);
    return result;
  }

  // --- reads

  // A tensor whose dimensions become variables one by one, from the last to the first.
  struct Reading {
    std::string name;
    std::vector<Size> shape;
    std::vector<int> axes; // of the dimensions behind the one at hand
    double otherwise = 0;
    int64_t element = kFloat;
  };

  Term read(const Expr& e) {
    const OnnxSource& source = sources_[static_cast<std::size_t>(e.operand)];
    Reading reading{source.whole, source.type.shape, {}, e.constant, onnx_element(source.type.element)};
    std::vector<IndexExpr> indices = e.indices;
    const auto outside = [&] { return Term{{}, element_of(e.type), "", {e.constant}}; };
    if (!source.steps.empty()) {
      const auto step = static_cast<std::size_t>(source.step_dimension);
      if (!indices[step].is_constant()) return no("it reads several steps of a loop within the loop");
      const int64_t at = indices[step].constant();
      if (at < 0 || at >= static_cast<int64_t>(source.steps.size())) return outside();
      reading.name = source.steps[static_cast<std::size_t>(at)];
      CHECK(!reading.name.empty(), "step {} is read before it is computed", at);
      indices.erase(indices.begin() + source.step_dimension);
      reading.shape.erase(reading.shape.begin() + source.step_dimension);
    }
    for (std::size_t d = indices.size(); d-- > 0;)
      if (indices[d].is_constant() && e.arguments.empty() &&
          (indices[d].constant() < 0 || indices[d].constant() >= reading.shape[d].factor))
        return outside();
    for (std::size_t d = indices.size(); d-- > 0 && !failed();) {
      const bool data = !e.arguments.empty() && !is_constant(e.arguments[d], 0);
      if (data)
        gather_by_data(reading, d, indices[d], e.arguments[d]);
      else
        index(reading, d, indices[d]);
    }
    if (failed()) return {};
    return sorted(std::move(reading.name), std::move(reading.axes), reading.element);
  }

  // One dimension of a read.
  void index(Reading& reading, std::size_t d, const IndexExpr& index) {
    const auto axis = static_cast<int64_t>(d);
    const Size size = reading.shape[d];
    if (const auto variable = index.as_variable();
        variable && extents_[static_cast<std::size_t>(*variable)] == size)
      return became(reading, {*variable});
    std::vector<int> variables;
    index.collect_variables(variables);
    if (size.batch || std::ranges::any_of(variables, [&](int v) { return is_batch(v); })) {
      no("it moves numbers between examples");
      return;
    }
    const std::optional<IndexTensor> places = index_tensor(index, variables, extents_);
    if (!places) {
      no("it reads at too many places");
      return;
    }
    if (variables.empty()) {
      if (size.factor == 1)
        reading.name = node("Squeeze", {reading.name, out_.integers({axis})});
      else
        reading.name =
            node("Gather", {reading.name, out_.integers({index.constant()}, {})}, {{"axis", axis}});
      reading.shape.erase(reading.shape.begin() + axis);
      return;
    }
    if (places->step > 0 && (places->step == 1 || places->within(size.factor))) {
      const int64_t before = std::max<int64_t>(0, -places->first);
      const int64_t behind = std::max<int64_t>(0, places->last - size.factor + 1);
      pad(reading, d, before, behind);
      slice(reading, d, places->first + before, places->last + before + 1, places->step);
      if (variables.size() > 1) split(reading, d, places->variables);
      return became(reading, places->variables);
    }
    // One place more, for all that lie outside.
    std::vector<int64_t> indices = places->indices;
    if (!places->within(size.factor)) {
      pad(reading, d, 0, 1);
      for (int64_t& one : indices)
        if (one < 0 || one >= size.factor) one = size.factor;
    }
    reading.name =
        node("Gather", {reading.name, out_.integers(indices, shape_of(places->variables))}, {{"axis", axis}});
    replace(reading, d, places->variables);
    became(reading, places->variables);
  }

  void gather_by_data(Reading& reading, std::size_t d, const IndexExpr& index, const ExprRef& place) {
    const int64_t size = reading.shape[d].factor;
    if (reading.shape[d].batch) {
      no("data decides which example it reads");
      return;
    }
    Term at = cast(term(apply(Function::Add, {index_value(index), place})), kInt64);
    if (failed()) return;
    const Term below{{}, kInt64, "", {0.0}}, beyond{{}, kInt64, "", {static_cast<double>(size)}};
    const Term inside = combined(
        "And", {combined("LessOrEqual", {below, at}, kBool), combined("Less", {at, beyond}, kBool)}, kBool);
    at = combined("Where", {inside, at, beyond}, kInt64);
    pad(reading, d, 0, 1);
    reading.name = node("Gather", {reading.name, at.name}, {{"axis", static_cast<int64_t>(d)}});
    replace(reading, d, at.axes);
    became(reading, at.axes);
  }

  static void became(Reading& reading, const std::vector<int>& variables) {
    reading.axes.insert(reading.axes.begin(), variables.begin(), variables.end());
  }
  void replace(Reading& reading, std::size_t d, const std::vector<int>& variables) const {
    auto at = reading.shape.erase(reading.shape.begin() + static_cast<std::ptrdiff_t>(d));
    for (int variable : variables)
      at = reading.shape.insert(at, extents_[static_cast<std::size_t>(variable)]) + 1;
  }

  void pad(Reading& reading, std::size_t d, int64_t before, int64_t behind) {
    if (before == 0 && behind == 0) return;
    Term value{{}, reading.element, "", {reading.otherwise}};
    if (reading.element != kFloat && reading.element != kInt64) {
      reading.name = node("Cast", {reading.name}, {{"to", kInt64}});
      reading.element = value.element = kInt64;
    }
    reading.name = node("Pad", {reading.name, out_.integers({before, behind}), named(value),
                                out_.integers({static_cast<int64_t>(d)})});
    reading.shape[d].factor += before + behind;
  }

  void slice(Reading& reading, std::size_t d, int64_t start, int64_t end, int64_t step) {
    if (start == 0 && end == reading.shape[d].factor && step == 1) return;
    const auto axis = static_cast<int64_t>(d);
    reading.name = node("Slice", {reading.name, out_.integers({start}), out_.integers({end}),
                                  out_.integers({axis}), out_.integers({step})});
    reading.shape[d].factor = (end - start + step - 1) / step;
  }

  void split(Reading& reading, std::size_t d, const std::vector<int>& variables) {
    replace(reading, d, variables);
    reading.name = reshape(reading.name, reading.shape);
  }

  // A batch stays where it is.
  std::string reshape(const std::string& name, const std::vector<Size>& sizes) {
    std::vector<int64_t> shape;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i].batch && i > 0) no("the batch is not its first dimension");
      shape.push_back(sizes[i].batch ? 0 : sizes[i].factor);
    }
    return node("Reshape", {name, out_.integers(shape)});
  }

  // Its dimensions in the order of the variables.
  Term sorted(std::string name, std::vector<int> axes, int64_t element) {
    std::vector<int64_t> order(axes.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](int64_t at) { return axes[static_cast<std::size_t>(at)]; });
    if (!std::ranges::is_sorted(order)) name = node("Transpose", {name}, {{"perm", order}});
    std::ranges::sort(axes);
    if (std::ranges::adjacent_find(axes) != axes.end()) return no("it reads along a diagonal");
    return {axes, element, std::move(name), {}};
  }

  // --- reductions

  static void factors_of(const ExprRef& e, std::vector<ExprRef>& factors) {
    if (e->kind != Expr::Kind::Apply || e->function != Function::Mul) return factors.push_back(e);
    for (const ExprRef& argument : e->arguments) factors_of(argument, factors);
  }

  bool is_reduced(int variable) const { return variable >= statement_.free_count; }

  Term reduced() {
    for (std::size_t v = static_cast<std::size_t>(statement_.free_count); v < extents_.size(); ++v)
      if (extents_[v].batch) return no("it adds up over the batch");
    if (statement_.reducer == Reducer::Sum && statement_.body->type == ScalarType::Real) {
      std::vector<ExprRef> factors;
      factors_of(statement_.body, factors);
      std::vector<Term> terms;
      for (const ExprRef& factor : factors) terms.push_back(cast(term(factor), kFloat));
      if (failed()) return {};
      const bool contracts =
          std::ranges::any_of(terms, [&](const Term& one) { return one.axes != terms[0].axes; });
      if (contracts && terms.size() > 1) return summed_product(std::move(terms));
    }
    Term body = term(statement_.body);
    if (failed()) return {};
    // What does not depend on a reduced variable is repeated along it.
    std::vector<int> axes = body.axes;
    for (int v = statement_.free_count; v < static_cast<int>(extents_.size()); ++v)
      if (!std::ranges::binary_search(axes, v)) axes.insert(std::ranges::upper_bound(axes, v), v);
    body = repeated(std::move(body), axes);
    if (statement_.reducer == Reducer::ArgMax || statement_.reducer == Reducer::ArgMin) return place_of(body);
    return reduce(std::move(body));
  }

  Term reduce(Term body) {
    const bool truth = statement_.reducer == Reducer::Any || statement_.reducer == Reducer::All;
    if (truth) body = cast(std::move(body), kFloat);
    std::vector<int64_t> places;
    Term result{{}, body.element, "", {}};
    for (std::size_t i = 0; i < body.axes.size(); ++i)
      if (is_reduced(body.axes[i]))
        places.push_back(static_cast<int64_t>(i));
      else
        result.axes.push_back(body.axes[i]);
    result.name = places.empty() ? named(body)
                                 : node(onnx_operator_of(statement_.reducer),
                                        {named(body), out_.integers(places)}, {{"keepdims", int64_t{0}}});
    return truth ? cast(std::move(result), kBool) : result;
  }

  // The first of the largest, counted over all reduced variables.
  Term place_of(const Term& body) {
    Term result{{}, kInt64, named(body), {}};
    std::vector<Size> shape;
    Size places = Size::constant(1);
    for (int axis : body.axes) {
      if (is_reduced(axis)) {
        places.factor *= extent(axis);
        continue;
      }
      result.axes.push_back(axis);
      shape.push_back(extents_[static_cast<std::size_t>(axis)]);
    }
    shape.push_back(places);
    if (statement_.reduced_count() > 1) result.name = reshape(result.name, shape);
    result.name = node(onnx_operator_of(statement_.reducer), {result.name},
                       {{"axis", static_cast<int64_t>(result.axes.size())}, {"keepdims", int64_t{0}}});
    return result;
  }

  Term summed_product(std::vector<Term> terms) {
    // Numbers that nothing of the sum depends on are multiplied afterwards.
    const auto in_sum = [&](const Term& one) {
      return std::ranges::any_of(one.axes, [&](int v) { return is_reduced(v); });
    };
    const auto rest = std::ranges::stable_partition(terms, in_sum);
    std::vector<Term> behind(rest.begin(), rest.end());
    terms.erase(rest.begin(), rest.end());
    const std::vector<int> axes = together(terms);
    for (int v = statement_.free_count; v < static_cast<int>(extents_.size()); ++v)
      if (!std::ranges::binary_search(axes, v))
        behind.push_back({{}, kFloat, "", {static_cast<double>(extent(v))}});
    Term result;
    if (terms.size() == 1) {
      result = reduce(std::move(terms[0]));
    } else {
      std::string equation;
      std::vector<std::string> inputs;
      for (const Term& one : terms) {
        if (!inputs.empty()) equation += ',';
        for (int v : one.axes) equation += letter(v);
        inputs.push_back(named(one));
      }
      equation += "->";
      for (int v : axes)
        if (!is_reduced(v)) {
          equation += letter(v);
          result.axes.push_back(v);
        }
      if (extents_.size() > 52) return no("it has too many indices");
      result.name = node("Einsum", inputs, {{"equation", equation}});
    }
    for (const Term& one : behind) result = combined("Mul", {result, one}, kFloat);
    return result;
  }

  static char letter(int variable) {
    return static_cast<char>(variable < 26 ? 'a' + variable : 'A' + variable - 26);
  }

  // --- the target

  // With all of `axes`, repeated along those that it lacks.
  Term repeated(Term value, const std::vector<int>& axes) {
    if (value.axes == axes || failed()) return value;
    std::vector<std::string> parts;
    std::vector<int64_t> shape;
    bool grows = false, batch = false;
    for (int axis : axes) {
      const bool has = std::ranges::binary_search(value.axes, axis);
      grows |= !has && (is_batch(axis) || extent(axis) != 1);
      batch |= !has && is_batch(axis);
      shape.push_back(has ? 1 : extent(axis));
    }
    std::string name = among(value, axes, true);
    if (grows) {
      std::string sizes;
      if (!batch) {
        sizes = out_.integers(shape);
      } else if (is_batch(axes[0])) {
        const std::vector<int64_t> others(shape.begin() + 1, shape.end());
        sizes = others.empty()
                    ? batch_size_()
                    : node("Concat", {batch_size_(), out_.integers(others)}, {{"axis", int64_t{0}}});
      } else {
        return no("the batch is not its first dimension");
      }
      name = node("Expand", {name, sizes});
    }
    return {axes, value.element, std::move(name), {}};
  }

  std::string placed(Term value, const std::vector<std::vector<int>>& digits) {
    std::vector<int> order, all;
    bool views = false;
    std::vector<Size> shape;
    for (const std::vector<int>& dimension : digits) {
      views |= dimension.size() != 1;
      Size size = Size::constant(1);
      for (int digit : dimension) {
        const Size extent = extents_[static_cast<std::size_t>(digit)];
        size = {size.factor * extent.factor, size.batch || extent.batch};
        order.push_back(digit);
      }
      if (size.batch && dimension.size() > 1) no("it moves numbers between examples");
      shape.push_back(size);
    }
    all = order;
    std::ranges::sort(all);
    value = repeated(std::move(value), all);
    if (failed()) return "";
    std::string name = named(value);
    std::vector<int64_t> places;
    for (int axis : order) places.push_back(std::ranges::find(all, axis) - all.begin());
    if (!std::ranges::is_sorted(places)) name = node("Transpose", {name}, {{"perm", places}});
    return views ? reshape(name, shape) : name;
  }

  OnnxWriter& out_;
  const std::function<std::string()>& batch_size_;
  const Statement& statement_;
  const std::vector<OnnxSource>& sources_;
  const std::string& base_;
  std::vector<Size> extents_; // of the variables
  std::map<ExprRef, Term> terms_;
  std::string problem_;
};

} // namespace

// The statement of one step: the variable that counts steps has its value.
static Statement at_step(const Statement& statement, const LoopStep& loop) {
  const std::vector<int>& counter = statement.output[static_cast<std::size_t>(loop.dimension)];
  CHECK(counter.size() == 1, "a loop's steps are no variable");
  Statement one = statement;
  one.body = substitute(statement.body, [&](int variable) {
    return variable == counter[0] ? IndexExpr(loop.step) : IndexExpr::variable(variable);
  });
  one.output.erase(one.output.begin() + loop.dimension);
  return one;
}

Status StatementsWriter::write(const Definition& definition, std::vector<OnnxSource>& sources,
                               const std::string& base, std::optional<LoopStep> loop) {
  for (const Statement& statement : definition.statements) {
    const Operand& target = definition.operands[static_cast<std::size_t>(statement.target)];
    const Statement one = loop ? at_step(statement, *loop) : statement;
    StatementWriter writer(out_, batch_size_, one, sources, base);
    const std::string name = writer.write(one.output, target.type.element);
    if (!writer.problem().empty()) return Failure{ExitCode::Failed, writer.problem()};
    OnnxSource& source = sources[static_cast<std::size_t>(statement.target)];
    if (!loop) {
      source = {target.type, name, {}, -1};
      continue;
    }
    const int64_t steps = target.type.shape[static_cast<std::size_t>(loop->dimension)].factor;
    source.type = target.type;
    source.steps.resize(static_cast<std::size_t>(steps));
    source.steps[static_cast<std::size_t>(loop->step)] = name;
    source.step_dimension = loop->dimension;
  }
  return {};
}

std::string StatementsWriter::joined(const OnnxSource& source, const std::string& base) {
  const int64_t axis = source.step_dimension;
  std::vector<std::string> parts;
  for (const std::string& step : source.steps)
    parts.push_back(out_.node("Unsqueeze", {step, out_.integers({axis})}, {}, base + "/Unsqueeze"));
  return out_.node("Concat", parts, {{"axis", axis}}, base + "/Concat");
}

} // namespace striate
