// The comment above an item, for readers: its sentences, and the lines in it that say more
// (frontend/library.h). What only messages need stays out.
#pragma once

#include <string>

namespace striate {

struct ItemComment {
  std::string text;        // its sentences, one line each
  std::string also_called; // "Dense, FullyConnected", or ""
  std::string written;     // "a + b", or ""
  std::string onnx;        // "`Conv`, `Conv -> Add`", or ""
};

ItemComment comment_of(const std::string& documentation);

} // namespace striate
