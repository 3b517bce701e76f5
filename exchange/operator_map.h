// What ONNX calls the library's operators and layers. It is said in the comments of std/, beside each
// definition:
//
//   # onnx: Conv(x, weight, bias)
//   # onnx: Conv(x, weight) {false -> bias}
//   # onnx arguments: weight[0] -> out_channels, strides = 1 -> stride, pads: pads = 0 -> padding
//
// docs/contributing.md is the reference of the notation. Guarantees: every line of the library parses (a bug
// otherwise). Shown by tests/exchange/operator_map_test.cpp.
#pragma once

#include "frontend/library.h"
#include "support/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

// `x`, `weight^T`, `bias[.., 1, 1]`, `axes?`, `more..`, `_`: an input of an ONNX node. `_` does not matter.
struct OnnxInputPattern {
  std::string name;
  bool optional = false;
  bool variadic = false;
  bool transposed = false; // ^T: its two dimensions change places
  int ones = 0;            // dimensions of size 1 at its end, which are left out
};

struct OnnxNodePattern {
  std::string op;
  std::vector<OnnxInputPattern> inputs;
};

// One entry of the braces, or of `# onnx arguments:`.
struct OnnxEntry {
  std::string name;   // an ONNX attribute or constant input, or a name that an entry before has made; or ""
  std::string kind;   // how ONNX writes it: "pads", "axis", ...
  std::string detour; // `else Pad(-inf)`: the ONNX operator that does what the kind cannot say
  ast::ExprPtr detour_value; // and the value that it fills in
  ast::ExprPtr otherwise;    // the value where the attribute is missing
  ast::ExprPtr expr;         // in place of a name
  std::string argument;      // `-> stride`
  bool scales = false;       // `-> *weight`: that weight is multiplied by it
  bool list = false;         // `strides[]`: ONNX has a list, where the argument is one number
  ast::ExprPtr required;     // `is 1`: the line is for this value alone
};

struct OnnxLine {
  const ast::Item* item = nullptr;
  bool nothing = false;               // the node gives its first input
  std::vector<OnnxNodePattern> chain; // one node, or a node and its only readers
  std::vector<OnnxEntry> entries;
  int64_t since = 0, before = INT64_MAX; // versions of ONNX's operators
  bool each = false;                     // one call for each element of the lists
  bool each_output = false;              // the same, each from the first input
  std::string after;                     // a view that goes before it
  std::string then;                      // a view that goes behind it
  std::string times;                     // how often: a name that an entry has made, or "" for once
  std::size_t output = 0;                // which of the node's outputs it is
  std::string within;                    // the op that moves the dimension `axis` behind all others, and back
};

class OperatorMap {
public:
  explicit OperatorMap(const Library& library);

  // The lines whose first node is this operator, in the order in which they are tried: layers, then ops; as
  // they stand in std/.
  const std::vector<OnnxLine>& lines(std::string_view op) const;
  // The lines of one definition, in their order.
  std::vector<OnnxLine> lines_of(const ast::Item& item) const;
  // The sign that stands for an op: "a + b".
  static std::string sign_of(const ast::Item& item);

private:
  std::map<std::string, std::vector<OnnxLine>, std::less<>> lines_;
  std::map<const ast::Item*, std::vector<OnnxLine>> lines_of_;
};

// The text behind `# onnx: `. A failure tells what is wrong with it.
Result<OnnxLine> parse_onnx_line(std::string_view text);
Result<std::vector<OnnxEntry>> parse_onnx_entries(std::string_view text);

} // namespace striate
