// An operator of the library under test: instantiated at given shapes, run by the interpreter in f64, and
// differentiated by the compiler.
#pragma once

#include "codegen/reference/interpreter.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

struct OperatorCall {
  std::string op;
  std::vector<TensorType> inputs;
  std::map<std::string, std::string> attributes;
  int64_t batch = 1;
};

class OperatorSubject {
public:
  // Nothing, and a failure of the running test, where the operator refuses the call.
  static std::optional<OperatorSubject> make(const OperatorCall& call);

  std::vector<ReferenceTensor> outputs(const std::vector<ReferenceTensor>& inputs) const;

  // The gradient of sum over k of sum(seeds[k] * outputs[k]) by each input: zero where nothing reaches it,
  // empty for integers.
  std::vector<ReferenceTensor> gradients(const std::vector<ReferenceTensor>& inputs,
                                         const std::vector<ReferenceTensor>& seeds) const;

private:
  OperatorSubject(OperatorCall call, std::shared_ptr<const Definition> definition);
  void add_gradients(std::size_t output, const std::vector<ReferenceTensor>& inputs,
                     const ReferenceTensor& seed, std::vector<ReferenceTensor>& sums) const;

  OperatorCall call_;
  std::shared_ptr<const Definition> definition_;
};

// "a = 1; b = [2, 3]" as attributes.
std::map<std::string, std::string> parse_attributes(const std::string& text);

// The largest difference, relative to the largest entry of `expected` (or of 1e-3, where all are smaller).
double relative_difference(const std::vector<double>& got, const std::vector<double>& expected);

} // namespace striate
