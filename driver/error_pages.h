// The pages of docs/errors, one for each code, embedded in the binary.
#pragma once

#include <string>
#include <vector>

namespace striate {

struct ErrorPage {
  std::string name; // "E0203.md"
  std::string text;
};

const std::vector<ErrorPage>& error_pages();

} // namespace striate
