// Definitions: what an operator computes, in index notation. A Statement defines every element of one tensor;
// a Definition is a list of statements with named operands. Definitions are closed under differentiation.
//
//   y[n, (g o), i, j] = sum(c, r, s) k[(g o), c, r, s] * (x[n, (g c), 2*i + r - 1, 2*j + s - 1] else 0)
#pragma once

#include "ir/expression.h"
#include "support/tensor_type.h"

#include <string>
#include <vector>

namespace striate {

// How the values over the reduced variables are combined. ArgMax yields the flat index (row-major over the
// reduced variables, first on ties) of the largest value.
enum class Reducer { None, Sum, Prod, Max, Min, Any, All, ArgMax, ArgMin };
const char* name_of(Reducer reducer);
// The neutral element: 0, 1, -inf, +inf, 0, 1; ArgMax and ArgMin compare as Max and Min.
double identity_of(Reducer reducer);

struct IndexVariable {
  std::string name;
  Size extent; // ranges over 0 .. extent - 1
};

// One loop of a reduction: digit `(variable / step) % extent`, so that the variable is the sum of digit *
// step over its loops. The last digit may be ragged: values of the variable beyond its extent are skipped.
struct ReductionLoop {
  int variable = -1;
  int64_t step = 1;
  Size extent;       // of the digit
  bool down = false; // from the highest value to 0; the digits up to it divide the variable's extent
  bool operator==(const ReductionLoop&) const = default;
};

// The declared order of a reduction (docs/ir.md, "Orders"): loops from outermost to innermost, one
// accumulator per output element, starting from the reducer's identity; a Sum whose body is a product
// accumulates by fma(a, b, acc). With `lanes`, that digit (step 1, extent 16) selects one of 16 accumulators,
// each summed over the other loops in order, and at the end lane l takes l + 8, then l + 4, l + 2, l + 1.
struct ReductionOrder {
  std::vector<ReductionLoop> loops;
  std::optional<ReductionLoop> lanes;
  bool operator==(const ReductionOrder&) const = default;
};

struct Statement {
  int target = -1;                      // operand number that it defines
  std::vector<IndexVariable> variables; // free ones first
  int free_count = 0;                   // variables[0 .. free_count) are free, the others reduced
  std::vector<std::vector<int>>
      output; // per target dimension: its digits, most significant first; each free
              // variable occurs exactly once, and the digits' extents multiply to the dimension
  Reducer reducer = Reducer::None; // None exactly where nothing is reduced
  ExprRef body;
  ReductionOrder order; // empty until passes/assign_orders

  bool reduces() const { return reducer != Reducer::None; }
  int reduced_count() const { return static_cast<int>(variables.size()) - free_count; }
  // The target's index expression per dimension, in the free variables.
  std::vector<IndexExpr> output_indices() const;
  // Range of a variable, with batch extents taken as large.
  Interval range_of(int variable) const;
  std::function<Interval(int)> ranges() const;
};

struct Operand {
  std::string name;
  TensorType type;
};

// Operands 0 .. input_count-1 are inputs; each other one is the target of exactly one statement, defined
// before it is read. `outputs` are operand numbers.
struct Definition {
  std::string name; // the operator's name in the language, for people; never asked by a pass
  std::vector<Operand> operands;
  int input_count = 0;
  std::vector<int> outputs;
  std::vector<Statement> statements;
};

ScalarType scalar_type_of(ElementType type);

// "y[n, o, i, j] = sum(c: 20, r: 5, s: 5) k[o, c, r, s] * x[n, c, i + r, j + s]": the language's own
// notation, with sizes filled in. `operand_name` gives the operands' names.
std::string statement_text(const Statement& statement, const std::function<std::string(int)>& operand_name);
std::string expression_text(const ExprRef& e, const std::function<std::string(int)>& operand_name,
                            const std::function<std::string(int)>& variable_name);
std::string definition_text(const Definition& definition);

// One line of what is wrong with it, or "": operands in range, ranks match, each variable's kind right, reads
// within bounds wherever there is no `else`.
std::string verify(const Definition& definition);

} // namespace striate
