// Builds a Definition from the statements of an op or an optimizer, at concrete sizes: gives every index its
// range, reads their index expressions, and each nested reduction a statement of its own.
//
//   An index ranges over the dimension of the target where it stands alone, else over the dimension of a read
//   where it stands alone, or over what `r: size` says.
#pragma once

#include "frontend/unify_shapes.h"
#include "ir/definition.h"

#include <set>

namespace striate {

// Compile-time expressions inside an op: also `count(..)`, the product of a run's sizes.
class OpEvaluator : public Evaluator {
public:
  using Evaluator::Evaluator;
  const std::map<std::string, std::vector<Size>>* runs = nullptr;

protected:
  CompileTimeValue evaluate_other(const ast::Expr& expr, Scope& scope) override;
};

class DefinitionBuilder {
public:
  // `call_path` owns the random draws. `call`: where errors of shapes are shown.
  DefinitionBuilder(Reporter& reporter, const Library& library, Scope& scope,
                    std::map<std::string, std::vector<Size>> runs, std::string name, std::string call_path);

  void add_input(const std::string& name, const TensorType& type, std::vector<std::vector<Size>> groups,
                 bool as_real);
  // After the inputs: the numbers of the examples' rows in the data, which draws then belong to.
  void add_row_numbers();
  void add_number(const std::string& name, double value); // an input that is a compile-time number
  void add_run_time_scalar(const std::string& name, const std::string& scalar);
  // An output, before its statement; `operand_name` is its name in the definition.
  void declare_output(const std::string& name, ElementType element, DeclaredTensor tensor,
                      const std::string& operand_name);

  // False after an error.
  bool add_statement(const ast::Stmt& statement);
  // `name[elements] = value`; no elements: every element of the run `..`.
  bool define(const std::string& name, const std::vector<ast::ExprPtr>* elements, const ast::Expr& value,
              const SourceLocation& place);
  bool has_output(const std::string& name) const { return outputs_.at(name).operand >= 0; }
  Definition finish(const std::vector<std::string>& outputs);

private:
  struct Tensor {
    std::vector<std::vector<Size>> groups;
    bool as_real = false; // integers that the op takes as reals
  };
  struct Output {
    ElementType element = ElementType::F32;
    DeclaredTensor tensor;
    std::string operand_name;
    int operand = -1;
  };
  // What indices mean inside one statement.
  struct Context {
    std::vector<IndexVariable> variables;
    std::map<std::string, IndexExpr> indices;
    std::map<std::string, std::vector<int>> runs;
    bool predicated =
        false; // inside a range that depends on outer indices: a read outside counts for nothing
    std::function<Interval(int)> ranges() const;
    int add(const std::string& name, Size extent);
  };
  struct ReadDimension { // of one element of a read: the dimensions it covers
    const ast::Expr* element;
    std::size_t first;
    std::size_t count;
  };
  using Extents = std::map<std::string, Size>;

  // definition_builder.cpp: statements
  const ast::Expr* resolve(const ast::Expr& expr);
  int find(const std::string& name) const;
  int add_operand(const std::string& name, TensorType type);
  std::string unique_operand_name(const std::string& wanted) const;
  bool define_by_call(const ast::Stmt& statement, const ast::Item& op);
  bool add_target(const std::vector<ast::ExprPtr>* elements, const Output* declared, const ast::Expr& value,
                  Context& context, Statement& statement);
  bool finish_statement(const std::string& name, Output* declared, Context context, Statement statement,
                        const SourceLocation& place);

  // index_ranges.cpp
  std::vector<std::pair<std::string, Size>> run_extents(const std::string& name) const;
  std::optional<std::vector<ReadDimension>> dimensions_of(const ast::Expr& read, int operand) const;
  bool infer(const std::set<std::string>& wanted, const ast::Expr& body, Extents& extents,
             bool guarded_reads);
  bool infer_from_elements(const std::set<std::string>& wanted, const ast::Expr& read, Extents& extents,
                           bool guarded_reads);
  bool infer_from_read(const std::set<std::string>& wanted, const ast::Expr& read, bool guarded,
                       Extents& extents);
  bool infer_ranges(const std::set<std::string>& wanted, const ast::Expr& body, Extents& extents);
  void report_unknown_tensor(const ast::Expr& read);
  bool report_unknown_range(const std::string& name, const SourceLocation& place);

  // index_notation.cpp: expressions
  bool is_compile_time(const ast::Expr& expr, const Context& context) const;
  std::optional<IndexExpr> index_of(const ast::Expr& expr, const Context& context);
  std::optional<IndexExpr> group_index(const ast::Expr& group, const Context& context, const Tensor& tensor,
                                       std::size_t dimension, const Size& size, const std::string& name);
  bool check_index(const ast::Expr& read, const ast::Expr& element, const IndexExpr& index, const Size& size,
                   const Context& context, bool guarded);
  ExprRef scalar(const ast::Expr& expr, Context& context);
  ExprRef number_of(const CompileTimeValue& value, const ast::Expr& expr);
  ExprRef read_of(const ast::Expr& expr, Context& context, std::optional<double> otherwise);
  ExprRef bare_read(const ast::Expr& name, int operand, const Context& context);
  ExprRef typed_read(int operand, std::vector<IndexExpr> indices, std::optional<double> otherwise) const;
  ExprRef operation(const ast::Expr& expr, Context& context);
  ExprRef call(const ast::Expr& expr, Context& context);
  ExprRef random(const ast::Expr& expr, const Context& context);
  ExprRef apply_function(const ast::Expr& expr, Context& context);
  ExprRef numeric(ExprRef value, const ast::Expr& expr); // nullptr, with an error, for true and false

  // guarded_reads.cpp
  ExprRef guarded_read(const ast::Expr& expr, Context& context);
  bool depends_on_data(const ast::Expr& element) const;
  ExprRef read_by_data(const ast::Expr& read, const ast::Expr& otherwise, Context& context);

  // index_reductions.cpp
  std::optional<Reducer> reducer_of(const ast::Expr& expr);
  ExprRef reduced_body(const ast::Expr& expr, Context& inner);
  ExprRef hoisted_reduction(const ast::Expr& expr, Context& context);

  Reporter& reporter_;
  Scope& scope_;
  OpEvaluator evaluator_;
  std::map<std::string, std::vector<Size>> runs_;
  std::string call_path_;
  Definition definition_;
  std::vector<Tensor> tensors_; // beside definition_.operands
  std::map<std::string, int> by_name_;
  std::map<std::string, double> numbers_;
  std::map<std::string, ExprRef> scalars_;
  std::map<std::string, Output> outputs_;
  std::map<std::string, const ast::Stmt*> index_functions_;
  std::string target_; // of the statement being built
  int draws_ = 0;
  int rows_ = -1; // the operand of row numbers
};

ElementType element_of(ScalarType type);
ExprRef to_real(const ExprRef& e);
void drop_unit_variables(Statement& statement);

} // namespace striate
