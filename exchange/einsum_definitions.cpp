#include "exchange/einsum_definitions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace striate {

static constexpr std::size_t kMostTerms = 8;

namespace {

struct EinsumOperator {
  std::string name, line, text;
};

class Equation {
public:
  Equation(std::string_view text, bool whole) : text_(text), whole_(whole) {}

  // nullopt where it is damaged, or the notation has no such thing.
  std::optional<EinsumOperator> made() {
    if (!parse()) return std::nullopt;
    static constexpr std::string_view kNames[kMostTerms] = {"first", "second", "third",   "fourth",
                                                            "fifth", "sixth",  "seventh", "eighth"};
    std::vector<std::string> operands, inputs, factors;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      operands.emplace_back(kNames[i]);
      inputs.push_back(fmt::format("{}[{}]", kNames[i], list(terms_[i], true)));
      factors.push_back(fmt::format("{}[{}]", kNames[i], list(terms_[i], false)));
    }
    std::vector<std::string> summed;
    for (const char letter : in_order_)
      if (!result_.letters.contains(letter)) summed.emplace_back(1, letter);
    const std::string sum = summed.empty() ? "" : fmt::format("sum({}) ", fmt::join(summed, ", "));
    return EinsumOperator{
        name(),
        fmt::format("# onnx: Einsum({}) {{equation = \"\" is \"{}\"}}", fmt::join(operands, ", "), text_),
        fmt::format("op {}({}) -> result[{}] {{ result[{}] = {}{} }}\n", name(), fmt::join(inputs, ", "),
                    list(result_, true), list(result_, false), sum, fmt::join(factors, " * "))};
  }

private:
  struct Term {
    std::string order; // letters, and `.` for the dimensions that have no letter
    std::set<char> letters;
  };

  bool parse() {
    std::string text;
    for (const char c : text_) {
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') return false;
      if (c != ' ') text += c;
    }
    std::optional<std::string> result;
    if (const std::size_t arrow = text.find("->"); arrow != std::string::npos) {
      result = text.substr(arrow + 2);
      text.resize(arrow);
    }
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      const std::optional<Term> term = read(text.substr(at, end - at));
      if (!term || terms_.size() == kMostTerms) return false;
      terms_.push_back(*term);
      at = end + 1;
    }
    const auto found = result ? read(*result) : usual_result();
    if (!found || (result && found->order.size() != found->letters.size() + has_rest(*found))) return false;
    result_ = *found;
    return std::ranges::all_of(result_.letters,
                               [&](char c) { return in_order_.find(c) != std::string::npos; });
  }

  static std::size_t has_rest(const Term& term) { return term.order.find('.') != std::string::npos ? 1 : 0; }

  // Capital letters become letters that are free.
  std::optional<char> letter_of(char c) {
    const auto known = names_.find(c);
    if (known != names_.end()) return known->second;
    char name = c;
    if (c >= 'A' && c <= 'Z') {
      name = 'a';
      while (name <= 'z' && (text_.find(name) != std::string_view::npos || taken_.contains(name))) ++name;
    }
    if (name < 'a' || name > 'z') return std::nullopt;
    taken_.insert(name);
    in_order_ += name;
    return names_[c] = name;
  }

  std::optional<Term> read(const std::string& text) {
    Term term;
    if (whole_) term.order += '.';
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.compare(i, 3, "...") == 0 &&
          (term.order.find('.') == std::string::npos || (whole_ && i == 0))) {
        if (!whole_) term.order += '.';
        i += 2;
        continue;
      }
      const std::optional<char> letter = letter_of(text[i]);
      if (!letter) return std::nullopt;
      term.order += *letter;
      term.letters.insert(*letter);
    }
    return term;
  }

  // Without an arrow: what occurs once, by the alphabet, behind what has no letter.
  std::optional<Term> usual_result() {
    Term term;
    std::map<char, int> count;
    bool rest = false;
    for (const Term& one : terms_)
      for (const char c : one.order) c == '.' ? (rest = true, 0) : ++count[c];
    if (rest) term.order += '.';
    std::map<char, char> by_alphabet;
    for (const auto& [original, letter] : names_)
      if (count[letter] == 1) by_alphabet[original] = letter;
    for (const auto& [original, letter] : by_alphabet) {
      term.order += letter;
      term.letters.insert(letter);
    }
    return term;
  }

  // "I, J" of sizes, "i, j" of indices.
  static std::string list(const Term& term, bool sizes) {
    std::vector<std::string> parts;
    for (const char c : term.order)
      parts.push_back(c == '.' ? ".." : std::string(1, sizes ? static_cast<char>(c - 'a' + 'A') : c));
    return fmt::format("{}", fmt::join(parts, ", "));
  }

  std::string name() const {
    std::string text = "einsum";
    for (const Term& term : terms_) text += "_" + letters(term);
    return text + "_to_" + letters(result_);
  }
  static std::string letters(const Term& term) {
    std::string text;
    for (const char c : term.order) text += c == '.' ? "any" : std::string(1, c);
    return text.empty() ? "one" : text;
  }

  std::string_view text_;
  bool whole_;
  std::vector<Term> terms_;
  Term result_;
  std::string in_order_;
  std::map<char, char> names_;
  std::set<char> taken_;
};

} // namespace

std::vector<NetworkProgram::Definition> einsum_definitions(const OnnxModel& model, bool whole) {
  std::map<std::string, EinsumOperator> operators; // by name
  for (const OnnxNode& node : model.nodes) {
    const auto equation = node.attributes.find("equation");
    if (node.op != "Einsum" || !node.domain.empty() || equation == node.attributes.end()) continue;
    const auto* given = std::get_if<std::string_view>(&equation->second);
    const std::optional<EinsumOperator> made = given ? Equation(*given, whole).made() : std::nullopt;
    if (!made) continue;
    EinsumOperator& known = operators.try_emplace(made->name, *made).first->second;
    // Blanks make another equation of the same operator.
    if (known.text == made->text && known.line.find(made->line) == std::string::npos)
      known.line += "\n" + made->line;
  }
  std::vector<NetworkProgram::Definition> definitions;
  for (const auto& [name, one] : operators) definitions.push_back({name, one.line + "\n" + one.text});
  return definitions;
}

} // namespace striate
