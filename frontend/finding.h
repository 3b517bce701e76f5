// What elaboration finds out about a place of a user's program, for those who ask, such as editors: the types
// of tensors, the values of compile-time expressions. A place that is expanded several times (a layer used
// twice, both modes) has as many findings. What stands in the standard library has none. Shown by
// tests/driver/lsp_test.py.
#pragma once

#include "support/source_location.h"

#include <functional>
#include <string>

namespace striate {

struct Finding {
  enum class Kind {
    Value, // an expression, or a stage of a pipeline
    Stage, // a stage that changes the type of what goes in, and is not its pipeline's last
    Name,  // a name where it is given a value
  };
  Kind kind = Kind::Value;
  SourceLocation place;
  std::string text; // "f32[N, 20, 24, 24]", "256"
};

using FindingListener = std::function<void(const Finding&)>;

} // namespace striate
