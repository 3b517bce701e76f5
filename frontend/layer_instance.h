// A layer with its arguments: `Conv2d(20, 5)`. Applied to an input it makes its parameters, under its path;
// applied again, it uses the same ones.
#pragma once

#include "frontend/compile_time_value.h"

#include <map>
#include <string>

namespace striate {

struct LayerInstance {
  const ast::Item* item = nullptr;
  std::map<std::string, CompileTimeValue> attributes;
  std::string path; // "" until it is named or applied
  bool applied = false;
};

} // namespace striate
