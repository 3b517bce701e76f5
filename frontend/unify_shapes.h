// Shapes against the patterns of an item's head: capitals bind sizes, a size already bound is a check, a
// group `(G C)` is solved by division where one member is unknown, `..` is a run of dimensions that
// broadcasts as in NumPy, and a named run `a..` must be the same everywhere.
#pragma once

#include "frontend/evaluate.h"

#include <functional>
#include <map>

namespace striate {

// A tensor of an item's head at concrete sizes. groups[d]: the sizes of the members where dimension d is a
// group.
struct DeclaredTensor {
  std::vector<Size> shape;
  std::vector<std::vector<Size>> groups;
};

class ShapeUnifier {
public:
  // Binds sizes in `scope`. `explain` adds to an error how the shapes came about.
  ShapeUnifier(Evaluator& evaluator, Scope& scope, const ast::Item& item, const SourceLocation& call,
               std::function<void(DiagnosticMessage&)> explain = nullptr)
      : evaluator_(evaluator), scope_(scope), item_(item), call_(call), explain_(std::move(explain)) {}

  // Each returns false after an error.
  bool match(const ast::Parameter& parameter, const std::vector<Size>& shape);
  bool solve_groups(); // after the last match
  bool check_preconditions();

  // The shape that a pattern of known sizes stands for.
  std::optional<DeclaredTensor> declare(const ast::Parameter& parameter);
  // The members' sizes of the groups of a matched input.
  std::optional<DeclaredTensor> declared(const ast::Parameter& parameter, const std::vector<Size>& shape);
  const std::map<std::string, std::vector<Size>>& runs() const { return runs_; }

private:
  struct PendingGroup {
    const ast::Expr* group;
    Size size;
    std::string place;
  };
  DiagnosticMessage& error(Diagnostic kind, const std::string& text,
                           const std::vector<std::string>& notes = {});
  bool match_dimension(const ast::Expr& pattern, const Size& size, const std::string& place);
  std::optional<std::size_t> length_of_run(const ast::Expr& run, std::size_t begin, std::size_t left,
                                           std::size_t rank);
  bool match_run(const std::string& name, const std::vector<Size>& shape, const std::string& tensor,
                 const std::vector<Size>& whole);
  enum class Solved { Yes, NotYet, Failed };
  // "it is `H - 3` with H = 2"
  std::string formula_of(const ast::Expr& expr) const;
  Solved solve_group(const PendingGroup& pending);
  std::optional<std::vector<Size>> members_of(const ast::Expr& group);
  std::optional<Size> size_of(const ast::Expr& expr, const std::string& tensor, std::size_t dimension);

  Evaluator& evaluator_;
  Scope& scope_;
  const ast::Item& item_;
  SourceLocation call_;
  std::function<void(DiagnosticMessage&)> explain_;
  std::map<std::string, std::vector<Size>> runs_;
  std::map<std::string, std::string>
      origin_; // of sizes: "dimension 1 of `x`"; of runs, by "..name": the tensor's shape
  std::vector<PendingGroup> pending_;
};

std::string shape_text(const std::vector<Size>& shape); // "[N, 3, 28, 28]"
std::string pattern_text(const ast::Parameter& parameter);
// Nothing larger is accepted: no index arithmetic on it may overflow. Text of what is wrong, or "".
std::string problem_with_shape(const std::vector<Size>& shape);

} // namespace striate
