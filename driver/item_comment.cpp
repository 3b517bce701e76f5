#include "driver/item_comment.h"

#include <algorithm>
#include <sstream>

namespace striate {

// "Conv", "MatMul -> Add": the nodes of an `# onnx:` line without their inputs.
static std::string nodes_of(std::string_view line) {
  std::string nodes;
  for (int depth = 0; const char c : line.substr(0, line.find('{'))) {
    if (c == '(') ++depth;
    if (depth == 0) nodes += c;
    if (c == ')') --depth;
  }
  const std::size_t end = std::min({nodes.find(" since "), nodes.find(" before "), nodes.find(" each")});
  nodes.resize(std::min(end, nodes.size()));
  while (nodes.ends_with(' ')) nodes.pop_back();
  return nodes;
}

ItemComment comment_of(const std::string& documentation) {
  ItemComment comment;
  std::istringstream lines(documentation);
  for (std::string line; std::getline(lines, line);) {
    const auto rest = [&](std::string_view head) { return line.substr(head.size()); };
    if (line.starts_with("also called: "))
      comment.also_called = rest("also called: ");
    else if (line.starts_with("written: "))
      comment.written = rest("written: ");
    else if (line.starts_with("onnx: ")) {
      const std::string nodes = "`" + nodes_of(rest("onnx: ")) + "`";
      if (comment.onnx.find(nodes) == std::string::npos)
        comment.onnx += (comment.onnx.empty() ? "" : ", ") + nodes;
    } else if (!line.starts_with("arguments also called: ") && !line.starts_with("values also called: ") &&
               !line.starts_with("no argument: ") && !line.starts_with("warn ") &&
               !line.starts_with("onnx ") && !line.starts_with("example: "))
      comment.text += line + "\n";
  }
  return comment;
}

} // namespace striate
