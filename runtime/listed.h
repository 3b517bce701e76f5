// Names in a message: the first few of them.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace striate {

// "a, b and 4 more"
inline std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

} // namespace striate
