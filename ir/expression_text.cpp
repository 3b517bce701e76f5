#include "ir/expression_text.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>

namespace striate {

static constexpr std::size_t kSmall =
    3; // shared parts of at most this many nodes are printed wherever they occur

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (value == 0 && std::signbit(value)) return "-0.0";
  return fmt::format("{}", value);
}

static bool reads_as_integer(const std::string& number) {
  return std::all_of(number.begin(), number.end(),
                     [](unsigned char c) { return std::isdigit(c) || c == '-'; });
}

std::string real_text(double value) {
  std::string text = number_text(value);
  return reads_as_integer(text) ? text + ".0" : text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      (result += '\\') += static_cast<char>(c);
    else if (c == '\n')
      result += "\\n";
    else if (c < 0x20 || c == 0x7f)
      result += fmt::format("\\x{:02x}", c);
    else
      result += static_cast<char>(c);
  }
  return result + '"';
}

std::string value_name_text(const std::string& name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '/';
  });
  return "%" + (bare ? name : quoted(name));
}

static bool is_reserved(const std::string& word) {
  static const std::set<std::string> words = {
      "N",     "and",     "at",      "axes",     "barrier", "comment", "copy",    "cost",  "else",
      "false", "flops",   "fold",    "for",      "if",      "in",      "index",   "inf",   "instead",
      "int",   "lanes",   "let",     "load",     "memory",  "nan",     "not",     "op",    "or",
      "order", "over",    "overlap", "parallel", "random",  "real",    "scratch", "step",  "stop",
      "store", "threads", "tile",    "true",     "unroll",  "until",   "wait",    "where",
  };
  return words.contains(word);
}

static bool starts_name(unsigned char c) { return std::isalpha(c) || c == '_'; }
static bool continues_name(unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; }

bool is_word(const std::string& text) {
  return !text.empty() && starts_name(text[0]) && std::all_of(text.begin(), text.end(), continues_name);
}

std::string word_or_quoted(const std::string& text) { return is_word(text) ? text : quoted(text); }

std::vector<std::string> printable_names(const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (std::string name : wanted) {
    if (name.empty() || !starts_name(name[0])) name.insert(0, "_");
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !continues_name(c); }, '_');
    if (is_reserved(name)) name += '_';
    std::string unique = name;
    for (int i = 1; !taken.insert(unique).second; ++i) unique = name + "_" + std::to_string(i);
    names.push_back(unique);
  }
  return names;
}

Size highest_digit(const Size& whole, int64_t step) {
  return whole.batch ? whole : Size::constant((whole.factor + step - 1) / step);
}

std::string digit_text(const std::string& name, int64_t step, const Size& extent, const Size& whole) {
  std::string text = name;
  if (step != 1) text += "/" + std::to_string(step);
  if (extent != highest_digit(whole, step)) text += "%" + extent.text();
  return text;
}

static Binding binding_of(const IndexExpr& index) {
  const auto& terms = index.terms();
  if (terms.size() > 1 || (terms.size() == 1 && index.constant() != 0)) return Binding::Add;
  if (terms.empty() || terms[0].coefficient == 1) return Binding::Primary;
  return terms[0].coefficient > 1 ? Binding::Multiply : Binding::Add;
}

namespace {

struct Operator {
  const char* text;
  Binding binding;
  Binding left;
  Binding right;
};

class Printer {
public:
  Printer(const ExprRef& root, const ExpressionNames& names) : names_(names) { find_shared(root); }

  std::string root(const ExprRef& e, Binding at_least) {
    std::string lets;
    for (const ExprRef& shared : shared_) {
      std::string name = "t" + std::to_string(let_names_.size());
      while (taken_.contains(name)) name += '_';
      std::string value = print(shared, Binding::Or);
      lets += "let " + name + " = " + value + " in ";
      let_names_.emplace(shared.get(), name);
    }
    if (lets.empty()) return print(e, at_least);
    std::string text = lets + print(e, Binding::Loosest);
    return at_least == Binding::Loosest ? text : "(" + text + ")";
  }

private:
  // Parts with several users, arguments before users; and the names that a `let` must not take.
  void find_shared(const ExprRef& root) {
    std::unordered_map<const Expr*, int> uses;
    std::unordered_map<const Expr*, std::size_t> sizes;
    std::vector<ExprRef> order;
    visit(root, [&](const ExprRef& e) {
      std::size_t size = 1;
      for (const ExprRef& argument : e->arguments) {
        ++uses[argument.get()];
        size = std::min<std::size_t>(size + sizes[argument.get()], 1000);
      }
      sizes[e.get()] = size;
      order.push_back(e);
      for (const IndexExpr& index : e->indices) {
        std::vector<int> variables;
        index.collect_variables(variables);
        for (int variable : variables) taken_.insert(names_.variable(variable));
      }
      if (e->kind == Expr::Kind::Tile) taken_.insert(names_.tile(e->operand));
    });
    for (const ExprRef& e : order)
      if (uses[e.get()] > 1 && sizes[e.get()] > kSmall) shared_.push_back(e);
  }

  std::string print(const ExprRef& e, Binding at_least, bool real = false) {
    if (auto let = let_names_.find(e.get()); let != let_names_.end()) return let->second;
    auto [text, binding] = bare(e, real);
    return binding < at_least ? "(" + text + ")" : text;
  }

  std::string index_text(const IndexExpr& index) { return index.text(names_.variable); }

  // A value among index expressions: `@(token[n])`.
  std::string place_text(const ExprRef& place) { return "@(" + print(place, Binding::Loosest) + ")"; }

  std::string index_and_place(const IndexExpr& index, const ExprRef& place) {
    if (!place || is_constant(place, 0)) return index_text(index);
    return place_text(place) + (index == IndexExpr(0) ? "" : " + " + index_text(index));
  }

  static std::string constant_text(const Expr& e, bool real) {
    return real && e.type == ScalarType::Real ? real_text(e.constant) : typed_number(e);
  }

  std::pair<std::string, Binding> bare(const ExprRef& e, bool real) {
    switch (e->kind) {
    case Expr::Kind::Constant:
      return {constant_text(*e, real), Binding::Primary};
    case Expr::Kind::Index:
      return {index_text(e->indices[0]), binding_of(e->indices[0])};
    case Expr::Kind::Scalar:
      return {"$" + word_or_quoted(e->name), Binding::Primary};
    case Expr::Kind::Tile:
      return {names_.tile(e->operand), Binding::Primary};
    case Expr::Kind::Random: {
      const std::string row = e->arguments.empty() ? "" : ", " + place_text(e->arguments[0]);
      return {fmt::format("random({}{}; {})", index_text(e->indices[0]), row, e->stream), Binding::Primary};
    }
    case Expr::Kind::Read: {
      std::string text = names_.operand(e->operand) + "[";
      for (std::size_t i = 0; i < e->indices.size(); ++i)
        text += (i ? ", " : "") +
                index_and_place(e->indices[i], e->arguments.empty() ? nullptr : e->arguments[i]);
      text += "]";
      if (e->has_else) text += " else " + typed_number(*e);
      if (e->stop_gradient) return {"stop(" + text + ")", Binding::Primary};
      return {e->has_else ? "(" + text + ")" : text, Binding::Primary};
    }
    case Expr::Kind::Load: {
      std::string text = "load " + names_.operand(e->operand) + "[" +
                         index_and_place(e->indices[0], e->arguments.size() > 1 ? e->arguments[1] : nullptr) +
                         "]";
      if (e->arguments.empty()) return {text, Binding::Primary};
      text += " if " + print(e->arguments[0], Binding::Or) + " else " + typed_number(*e);
      return {"(" + text + ")", Binding::Primary};
    }
    case Expr::Kind::Apply:
      return application(*e);
    }
    CHECK(false);
  }

  static std::string typed_number(const Expr& e) {
    if (e.type == ScalarType::Bool) return e.constant != 0 ? "true" : "false";
    if (e.type == ScalarType::Int) return std::to_string(static_cast<int64_t>(e.constant));
    return number_text(e.constant);
  }

  std::pair<std::string, Binding> application(const Expr& e) {
    // The first value argument says that it is real where no other argument does.
    std::size_t first = e.function == Function::Select ? 1 : 0;
    bool real = std::all_of(e.arguments.begin() + first, e.arguments.end(), [](const ExprRef& argument) {
      return argument->kind == Expr::Kind::Constant && argument->type == ScalarType::Real &&
             reads_as_integer(number_text(argument->constant));
    });
    if (e.function == Function::Neg)
      return {"-" + print(e.arguments[0], Binding::Primary, real), Binding::Unary};
    if (e.function == Function::Not) return {"not " + print(e.arguments[0], Binding::Compare), Binding::Not};
    if (auto infix = operator_of(e.function))
      return {print(e.arguments[0], infix->left, real) + infix->text + print(e.arguments[1], infix->right),
              infix->binding};
    std::string text = std::string(name_of(e.function)) + "(";
    for (std::size_t i = 0; i < e.arguments.size(); ++i)
      text += (i ? ", " : "") + print(e.arguments[i], Binding::Or, real && i == first);
    return {text + ")", Binding::Primary};
  }

  static std::optional<Operator> operator_of(Function function) {
    switch (function) {
    case Function::Add:
      return Operator{" + ", Binding::Add, Binding::Add, Binding::Multiply};
    case Function::Sub:
      return Operator{" - ", Binding::Add, Binding::Add, Binding::Multiply};
    case Function::Mul:
      return Operator{" * ", Binding::Multiply, Binding::Multiply, Binding::Unary};
    case Function::Div:
      return Operator{" / ", Binding::Multiply, Binding::Multiply, Binding::Unary};
    case Function::Less:
      return Operator{" < ", Binding::Compare, Binding::Add, Binding::Add};
    case Function::LessEqual:
      return Operator{" <= ", Binding::Compare, Binding::Add, Binding::Add};
    case Function::Equal:
      return Operator{" == ", Binding::Compare, Binding::Add, Binding::Add};
    case Function::And:
      return Operator{" and ", Binding::And, Binding::And, Binding::Not};
    case Function::Or:
      return Operator{" or ", Binding::Or, Binding::Or, Binding::And};
    default:
      return std::nullopt;
    }
  }

  const ExpressionNames& names_;
  std::vector<ExprRef> shared_;
  std::set<std::string> taken_;
  std::unordered_map<const Expr*, std::string> let_names_;
};

} // namespace

std::string text_of(const ExprRef& e, const ExpressionNames& names, Binding at_least) {
  return Printer(e, names).root(e, at_least);
}

} // namespace striate
