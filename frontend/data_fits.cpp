// What a field takes from the training split: `standardize`, `whiten`.
#include "frontend/data_builder.h"
#include "frontend/print_ast.h"
#include "support/check.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using Kind = CompileTimeValue::Kind;

// Arguments: `over = train`, `per = "channel"`, `method = "zca"`, `keep = 100`, `eps = 1e-5`.
bool DataBuilder::read_fit(const std::string& what, const ast::Expr& call, Scope& scope,
                           NetworkBuilder& network, const TensorType& type, FitDescription& fit,
                           bool& by_channel) {
  const bool whitens = what == "whiten";
  int64_t features = 1;
  for (std::size_t d = 1; d < type.shape.size(); ++d) features *= type.shape[d].factor;
  fit.kind = whitens ? FitDescription::Kind::Pca : FitDescription::Kind::Standardize;
  fit.count = features;
  fit.epsilon = whitens ? 1e-5 : 0;
  const auto refuse = [&](const ast::Argument& argument, const std::string& rule) {
    reporter_.error(Diagnostic::WrongArgument, argument.location, "`{}`: {}", what, rule);
    return false;
  };
  static const std::vector<ast::Argument> kNone;
  for (const ast::Argument& argument : call.kind == ExprKind::Call ? call.arguments : kNone) {
    const std::string name = argument.name;
    if (name == "over") {
      if (argument.value->kind != ExprKind::Name || argument.value->text != "train")
        return refuse(argument, "what is fitted is fitted on the training split: `over = train`");
      continue;
    }
    const bool known = whitens ? name == "method" || name == "keep" || name == "eps" : name == "per";
    if (!known)
      return refuse(argument, whitens ? "it takes `over = train`, `method`, `keep` and `eps`"
                                      : "it takes `over = train` and `per = \"channel\"`");
    const CompileTimeValue value = network.evaluate(*argument.value, scope);
    if (value.is_unknown()) return false;
    if (name == "per") {
      if (value.kind != Kind::Text || (value.text != "feature" && value.text != "channel"))
        return refuse(argument, "`per` is \"feature\" or \"channel\"");
      if (value.text != "channel") continue;
      if (type.shape.size() < 2) return refuse(argument, "a column of single numbers has no channels");
      fit.count = type.shape[1].factor;
      by_channel = true;
    } else if (name == "method") {
      if (value.kind != Kind::Text || (value.text != "pca" && value.text != "zca"))
        return refuse(argument, "`method` is \"pca\" or \"zca\"");
      if (value.text == "zca") fit.kind = FitDescription::Kind::Zca;
    } else if (name == "keep") {
      const auto kept = value.integer();
      if (!kept || *kept < 1 || *kept > features)
        return refuse(argument, fmt::format("`keep` is a number of directions from 1 to {}", features));
      fit.count = *kept;
    } else {
      const auto epsilon = value.number();
      if (!epsilon || *epsilon < 0) return refuse(argument, "`eps` is not negative");
      fit.epsilon = *epsilon;
    }
  }
  constexpr int64_t kMostFeatures = 4096;
  if (whitens && features > kMostFeatures) {
    reporter_.error(Diagnostic::TooMuchWork, call.location, "`whiten` of {} numbers: at most {} are allowed",
                    features, kMostFeatures);
    return false;
  }
  if (fit.kind == FitDescription::Kind::Zca && fit.count < features) {
    reporter_
        .error(Diagnostic::WrongArgument, call.location,
               "`whiten`: with the method \"zca\", the result is as large as what goes in")
        .note("`keep` is for the method \"pca\"");
    return false;
  }
  return true;
}

std::optional<CompileTimeValue> DataBuilder::fitted_stage(const CompileTimeValue& input,
                                                          const ast::Expr& call, Scope& scope,
                                                          NetworkBuilder& network, GraphBuilder& graph,
                                                          const std::vector<InputBinding>& bindings) {
  const ast::Expr& callee = call.kind == ExprKind::Call ? *call.operands[0] : call;
  const std::string& what = callee.text;
  if (callee.kind != ExprKind::Name || (what != "standardize" && what != "whiten")) return std::nullopt;
  const auto binding = std::ranges::find_if(bindings, [&](const InputBinding& candidate) {
    return input.is_tensor() && candidate.column >= 0 && graph.value(input.tensor).role == ValueRole::Input &&
           graph.value(input.tensor).name == candidate.input;
  });
  if (binding == bindings.end()) {
    reporter_.error(Diagnostic::BadSetting, call.location, "`{}` stands right after a column", what)
        .note("it is fitted to the numbers of the file; what is done to them before makes no difference to "
              "its result, or is to be done after it");
    return CompileTimeValue();
  }
  const TensorType type = graph.value(input.tensor).type;
  FitDescription fit;
  bool channels = false;
  fit.column = binding->column;
  if (!read_fit(what, call, scope, network, type, fit, channels)) return CompileTimeValue();
  const bool whitens = fit.kind != FitDescription::Kind::Standardize;
  std::vector<Size> inner(type.shape.begin() + 1, type.shape.end());
  if (channels) inner.resize(1);
  std::vector<Size> scales = inner;
  if (whitens) {
    int64_t features = 1;
    for (const Size& size : inner) features *= size.factor;
    scales = {Size::constant(fit.count), Size::constant(features)};
  }
  fit.mean = fmt::format("data.{}.mean", binding->input);
  fit.scale = fmt::format("data.{}.{}", binding->input, whitens ? "basis" : "scale");
  const auto state = [&](const std::string& name, const std::vector<Size>& shape, double first) {
    return CompileTimeValue::of_tensor(graph.add_persistent(name, {ElementType::F32, shape}, constant(first),
                                                            false, reporter_.user_place(call.location)));
  };
  const CompileTimeValue mean = state(fit.mean, inner, 0), scale = state(fit.scale, scales, 1);
  if (std::ranges::find(description_.fits, fit) == description_.fits.end()) description_.fits.push_back(fit);
  const auto apply = [&](const std::string& stage, const std::vector<CompileTimeValue>& inputs) {
    const ast::Item* op = library_.find_fitted(stage);
    CHECK(op, "no operator is fitted by {}", stage);
    return network.apply(*op, inputs, call.location);
  };
  CompileTimeValue result = apply(channels ? what + " channels" : what, {input, mean, scale});
  if (fit.kind != FitDescription::Kind::Zca || result.is_unknown()) return result;
  return apply(what + " in place", {input, result});
}

} // namespace striate
