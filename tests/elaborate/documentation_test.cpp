// The examples of docs/language.md are programs that work.
#include "tests/elaborate/elaborated.h"

#include <fstream>

namespace striate {
namespace {

TEST(Documentation, ItsExamplesElaborate) {
  std::ifstream file(STRIATE_DOCS "/language.md");
  ASSERT_TRUE(file);
  std::string line, block;
  bool inside = false;
  int examples = 0;
  while (std::getline(file, line)) {
    if (!inside) {
      inside = line == "```nn";
      block.clear();
    } else if (line != "```") {
      block += line + "\n";
    } else {
      inside = false;
      ++examples;
      // Items alone get a model, so that all of them are looked at.
      if (block.find("model ") == std::string::npos)
        block += "model Any { input any: f32[N, 4]; output out = any -> relu }\n";
      EXPECT_EQ(errors_of(block), "") << block;
    }
  }
  EXPECT_GE(examples, 13);
}

TEST(Documentation, ItsOperatorsInstantiate) {
  const std::map<std::string, std::vector<TensorType>> operands = {
      {
          "hard_swish",
          {f32({0, 3})},
      },
      {"linear_rows", {f32({0, 4}), f32({5, 4})}},
      {"every", {f32({0, 8})}},
      {"centred", {f32({0, 5})}},
      {"running_sum", {f32({0, 7})}},
      {"pairs", {f32({0, 6})}},
      {"difference", {f32({0, 7})}},
      {"smooth", {f32({0, 2, 3})}},
  };
  std::ifstream file(STRIATE_DOCS "/language.md");
  ASSERT_TRUE(file);
  std::string line, block;
  bool inside = false;
  std::size_t found = 0;
  while (std::getline(file, line)) {
    if (!inside) {
      inside = line == "```nn";
      block.clear();
      continue;
    }
    if (line != "```") {
      block += line + "\n";
      continue;
    }
    inside = false;
    Diagnostics diagnostics;
    const ast::File items = parse("example.nn", block, diagnostics);
    for (const ast::Item& item : items.items) {
      const auto shapes = operands.find(item.name);
      if (item.kind != ast::ItemKind::Op || shapes == operands.end()) continue;
      ++found;
      std::map<std::string, std::string> attributes;
      if (item.name == "every") attributes["step"] = "2";
      EXPECT_TRUE(instantiate_op(&items, item.name, shapes->second, attributes, diagnostics))
          << diagnostics.render();
    }
  }
  EXPECT_EQ(found, operands.size());
}

} // namespace
} // namespace striate
