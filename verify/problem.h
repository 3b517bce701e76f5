// What a check finds wrong with a graph.
#pragma once

#include <string>

namespace striate {

struct Problem {
  // What it has in common with the same mistake in a smaller graph: "a number", "the sign of a zero", "not
  // finite", "no gradient", ...
  std::string kind;
  std::string value; // where it shows, by name; or ""
  std::string text;  // for people; "": nothing is wrong

  bool found() const { return !text.empty(); }
};

} // namespace striate
