// The emission of one kernel; private to emit_cuda.cpp (the frame), emit_statement.cpp and
// emit_expression.cpp.
#pragma once

#include "codegen/cuda/emit_cuda.h"
#include "ir/kernel/analysis.h"

#include <map>

namespace striate {

// Binding strength of the outermost operator of a C expression.
enum class Strength { Ternary, Or, And, Equality, Relation, Sum, Product, Unary, Primary };

struct CudaExpression {
  std::string text;
  Strength strength = Strength::Primary;
  // The text, in parentheses where its operator binds less than asked.
  std::string at(Strength least) const { return strength < least ? "(" + text + ")" : text; }
};

const char* cuda_type(ScalarType type);
const char* cuda_type(ElementType type);
std::string cuda_real(double value);
CudaExpression constant_text(ScalarType type, double value);

class KernelEmitter {
public:
  KernelEmitter(const Program& program, std::size_t number, const std::string& name);
  std::string emit();

private:
  friend class PointEmitter;

  // emit_cuda.cpp
  void name_everything();
  void comment();
  void prologue();
  void sizes();
  void buffers();
  void coordinates();
  // What kinds of random draws there are: a function of the step, or of a row of the data and the epoch.
  struct Draws {
    bool by_step = false, by_row = false;
  };
  Draws draws() const;
  bool needs_wide_index() const;
  Interval range_of(int variable) const { return kernel_.range_of(variable, program_.capacity); }

  // emit_statement.cpp
  void declare_tiles();
  void body(const KernelBody& statements);
  void statement(const KernelStatement& statement);
  void loop(const KernelStatement& statement);
  void map(const KernelStatement& statement);
  void accumulate(const KernelStatement& statement);
  void fold(const KernelStatement& statement);
  void store(const KernelStatement& statement);
  void copy(const KernelStatement& statement);
  // Opens a loop over each axis but that of threads, all of them unrolled; close with `close(result)`.
  int open_axes(const std::vector<int>& axes);
  // `lines`, preceded by definitions, as the whole body of what was opened `depth` times.
  void points(const std::vector<int>& axes, const std::vector<std::string>& definitions,
              const std::vector<std::string>& lines);
  std::string tile_point(int tile) const;
  std::string size_name(int variable) const { return variables_[variable] + "_size"; }
  std::string step_name(int variable) const { return variables_[variable] + "_step"; }
  std::string count_name(int variable) const { return variables_[variable] + "_count"; }
  bool stepped(int variable) const { return kernel_.variables[variable].step != 1; }

  // emit_expression.cpp
  CudaExpression index(const IndexExpr& e) const;
  CudaExpression term(const IndexExpr::Term& term) const; // without its factor
  int slot(const std::string& scalar) const;

  void line(const std::string& text);

  const Program& program_;
  const Kernel& kernel_;
  const std::string name_;
  const CudaLaunch launch_;
  const int lane_; // the axis of the lanes or threads: what a thread has one point of
  std::string index_type_;
  std::vector<std::string> variables_, buffers_, tiles_; // the names in the text
  std::set<const KernelStatement*> barriers_;
  std::string text_;
  int depth_ = 0; // of braces
};

// The expressions of one statement at one point: text, and the definitions that the text needs before it
// (values used more than once, and parts of long expressions).
class PointEmitter {
public:
  PointEmitter(const KernelEmitter& kernel, const KernelStatement& statement);
  CudaExpression emit(const ExprRef& e);
  const std::vector<std::string>& definitions() const { return definitions_; }
  // The value under a name of its own.
  std::string define(const CudaExpression& value, ScalarType type);

private:
  CudaExpression compute(const ExprRef& e);
  CudaExpression apply(const ExprRef& e);
  CudaExpression load(const ExprRef& e);

  const KernelEmitter& kernel_;
  std::map<const Expr*, int> uses_;
  std::map<const Expr*, CudaExpression> known_;
  std::vector<std::string> definitions_;
};

} // namespace striate
