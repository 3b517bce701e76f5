#include "driver/item_comment.h"

#include <sstream>

namespace striate {

ItemComment comment_of(const std::string& documentation) {
  ItemComment comment;
  std::istringstream lines(documentation);
  for (std::string line; std::getline(lines, line);) {
    const auto rest = [&](std::string_view head) { return line.substr(head.size()); };
    if (line.starts_with("also called: "))
      comment.also_called = rest("also called: ");
    else if (line.starts_with("written: "))
      comment.written = rest("written: ");
    else if (!line.starts_with("arguments also called: ") && !line.starts_with("values also called: ") &&
             !line.starts_with("no argument: ") && !line.starts_with("warn ") &&
             !line.starts_with("example: "))
      comment.text += line + "\n";
  }
  return comment;
}

} // namespace striate
