// Where a thing came from in a user's `.nn` file (or the embedded standard library, or IR text).
#pragma once

#include <string>

namespace striate {

// Lines and columns count from 1, columns in bytes; line 0 means "no place".
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
  int length = 1; // bytes of the caret range, on the one line

  bool known() const { return line > 0; }
  // `lenet.nn:7:9`
  std::string text() const { return file + ":" + std::to_string(line) + ":" + std::to_string(column); }
  bool operator==(const SourceLocation&) const = default;
};

} // namespace striate
