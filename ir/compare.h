// What the comparisons of graphs and of programs share (ir/difference.h): things by name, lists, numbers,
// lines.
#pragma once

#include "ir/difference.h"

#include <map>
#include <optional>

namespace striate {

// The aspects of one thing that is in both.
class AspectList {
public:
  void compare(const char* name, const std::string& before, const std::string& after);
  void compare(const char* name, double before, double after);
  void compare(const char* name, int64_t before, int64_t after);
  void compare(const std::optional<Cost>& before, const std::optional<Cost>& after);

  std::vector<Difference::Aspect> aspects;
};

// Things by name, in the order of a text. A name that comes again is numbered, so that each is a key of its
// own.
class NamedList {
public:
  void add(const std::string& name);
  const std::vector<std::string>& names() const { return names_; }
  // Where it stands, or -1.
  int place(const std::string& name) const;

private:
  std::vector<std::string> names_;
  std::map<std::string, int> places_;
  std::map<std::string, int> counts_;
};

// Goes through the names of both: what is removed, changed (`compare` fills in what) or moved among those
// that stay, then what is added. `compare` gets both places.
void compare_lists(const std::string& sort, const NamedList& before, const NamedList& after,
                   const std::function<void(int before, int after, Difference& difference)>& compare,
                   std::vector<Difference>& result);

// The sum, with predicted and measured time only where all have one.
Cost cost_in_all(const std::vector<std::optional<Cost>>& costs);

// "- line" and "+ line", in order, for the lines that are not in both.
std::vector<std::string> changed_lines(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after);
// The lines of a text, without their indentation.
std::vector<std::string> lines_of(const std::string& text);

} // namespace striate
