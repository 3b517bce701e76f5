// The standard library's `.nn` files, embedded in the binary.
#pragma once

#include <string>
#include <vector>

namespace striate {

struct StandardFile {
  std::string name; // "std/convolution.nn"
  std::string text;
};

const std::vector<StandardFile>& standard_library();

} // namespace striate
