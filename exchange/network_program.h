// A network as a list of calls, and the `.nn` program that says it as a person would: pipelines, values named
// where they are used twice, parameters by the names of their layers. Assumes calls in order of execution.
// Guarantees text in canonical layout (frontend/format.h). Shown by tests/exchange/network_program_test.cpp.
#pragma once

#include "frontend/library.h"
#include "support/tensor_type.h"

#include <set>
#include <string>
#include <vector>

namespace striate {

struct NetworkProgram {
  enum class Role { Input, Parameter, Computed };
  struct Value {
    Role role = Role::Computed;
    std::string name; // of an input or a parameter; of others, what it is called where it needs a name
    TensorType type;
    int call = -1; // Computed
  };
  struct Operand {
    int value = -1;
    std::string number; // where it is no value
  };
  struct Call {
    const ast::Item* item = nullptr;
    std::string arguments; // "64, 3, stride = 2"
    std::vector<Operand> inputs;
    std::string path; // of a layer: `as features.0`
    int result = -1;
  };
  struct Output {
    std::string name;
    int value = -1;
  };

  // An operator that is not the library's.
  struct Definition {
    std::string name, text;
  };

  std::string name; // of the model
  std::vector<Definition> definitions;
  std::vector<std::string> comment;
  std::vector<Value> values;
  std::vector<Call> calls;
  std::vector<Output> outputs;

  int add_value(Role role, std::string name, TensorType type) {
    values.push_back({role, std::move(name), std::move(type), -1});
    return static_cast<int>(values.size()) - 1;
  }
};

std::string program_text(const NetworkProgram& program);

// `max_pool2d(x, 3, stride = 2)`, `Conv2d(64, 3)(x)`: a call as one expression.
std::string call_text(const NetworkProgram::Call& call, const std::vector<std::string>& inputs);

// Names out of another language's, each given once.
class NameTable {
public:
  explicit NameTable(const Library& library);
  // A name for a value; a path for a layer, whose pieces are names or numbers.
  std::string identifier(std::string_view wanted);
  std::string path(std::string_view wanted);

private:
  std::string once(std::string name);
  std::set<std::string> taken_;
};

} // namespace striate
