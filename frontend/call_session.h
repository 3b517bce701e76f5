// Calls of operators and layers, one at a time, on tensors of given types: what a program with these calls
// would make of them. For tools that write programs and have to know shapes while they do. A call that is
// wrong leaves everything as it was, and says why. Shown by tests/elaborate/call_session_test.cpp.
#pragma once

#include "frontend/ast.h"
#include "frontend/library.h"
#include "frontend/scope.h"
#include "ir/graph/graph.h"
#include "support/result.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace striate {

class CallSession {
public:
  // With the standard library, and items of a program's own.
  explicit CallSession(const std::string& definitions = "");
  ~CallSession();

  const Library& library() const;

  // A tensor that is given: an input of the model, or a parameter of its own.
  int add_tensor(const TensorType& type);

  struct Parameter {
    std::string name; // within the layer: "weight"
    TensorType type;
    int tensor = -1;
  };
  struct Outcome {
    std::vector<int> results;
    std::vector<Parameter> parameters; // and states
    std::vector<Node> nodes;           // inputs and outputs are tensors of the session
  };
  // `text`: one expression, such as `max_pool2d(a, 3)` or `Conv2d(16, 3)(a)`, with `tensors` under these
  // names.
  Result<Outcome> call(const std::string& text, const std::map<std::string, int>& tensors);
  const TensorType& type(int tensor) const;

  // An expression of the language that is known while compiling.
  Result<CompileTimeValue> evaluate(const ast::Expr& expr, Scope& scope);
  // The attributes of a call that have their default, after those that are given.
  Result<CompileTimeValue> default_of(const ast::Item& item, const ast::Parameter& attribute,
                                      const std::map<std::string, CompileTimeValue>& given);

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace striate
