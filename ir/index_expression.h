// Integer expressions over index variables, in one canonical form: constant + sum of coefficient * term,
// where a term is a variable, or the floor quotient or the remainder of an index expression by a positive
// constant.
//
// Variables are numbers whose meaning (name, range) belongs to whoever holds the expression: a Statement's
// variables in the graph, loops and tile axes in a kernel. Equal expressions compare equal: terms are sorted,
// none has coefficient 0. Quotients and remainders are simplified where the form alone allows it; `simplify`
// uses the variables' ranges too. Division rounds down and remainders are never negative.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

// A closed interval of values.
struct Interval {
  int64_t low = 0;
  int64_t high = 0;
  bool operator==(const Interval&) const = default;
};

class IndexExpr {
public:
  enum class TermKind { Variable, Quotient, Remainder };
  struct Term {
    int64_t coefficient = 1;
    TermKind kind = TermKind::Variable;
    int variable = -1;                        // Variable
    std::shared_ptr<const IndexExpr> operand; // Quotient, Remainder
    int64_t divisor = 1;
  };

  IndexExpr() = default;
  IndexExpr(int64_t constant) : constant_(constant) {}
  static IndexExpr variable(int id);
  static IndexExpr quotient(const IndexExpr& operand, int64_t divisor);
  static IndexExpr remainder(const IndexExpr& operand, int64_t divisor);

  int64_t constant() const { return constant_; }
  const std::vector<Term>& terms() const { return terms_; }
  bool is_constant() const { return terms_.empty(); }
  bool is_affine() const; // no quotients and remainders
  // The variable, where the expression is exactly one variable with coefficient 1 and no constant.
  std::optional<int> as_variable() const;
  // Coefficient of a variable among the affine terms (0 where it does not occur there).
  int64_t coefficient(int variable) const;
  bool uses(int variable) const;                       // anywhere, inside quotients too
  void collect_variables(std::vector<int>& out) const; // sorted, unique, appended

  IndexExpr operator+(const IndexExpr& other) const;
  IndexExpr operator-(const IndexExpr& other) const;
  IndexExpr operator*(int64_t factor) const;
  bool operator==(const IndexExpr& other) const;

  IndexExpr substitute(const std::function<IndexExpr(int)>& replacement) const;
  int64_t evaluate(const int64_t* values) const; // values[variable]
  // Values it can take when each variable lies in its interval (inclusive); exact for affine expressions of
  // independent variables, an enclosure otherwise. `step_of` gives a number that every value of the variable
  // is a multiple of.
  Interval range(const std::function<Interval(int)>& range_of,
                 const std::function<int64_t(int)>& step_of = nullptr) const;
  // A number that every value is a multiple of; 0 for the constant 0.
  int64_t multiple_of(const std::function<int64_t(int)>& step_of) const;
  // The same with quotients and remainders resolved where ranges and divisibility decide them.
  IndexExpr simplify(const std::function<Interval(int)>& range_of,
                     const std::function<int64_t(int)>& step_of = nullptr) const;
  std::string text(const std::function<std::string(int)>& name_of) const; // "2*i + r - 1", "(c // 16)"

private:
  void add_term(Term term);

  int64_t constant_ = 0;
  std::vector<Term> terms_;
};

inline IndexExpr operator*(int64_t factor, const IndexExpr& e) { return e * factor; }
int64_t floor_div(int64_t a, int64_t b);
int64_t floor_mod(int64_t a, int64_t b);

} // namespace striate
