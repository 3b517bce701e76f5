// What a text defines, read from its tokens alone, so that it is known while the text is being written and
// does not parse: items with their heads and comments, and the names bound in them. Assumes nothing of the
// text. The standard library is read in the same way. Shown by tests/driver/lsp_test.py.
#pragma once

#include "frontend/ast.h"
#include "frontend/token.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace striate::lsp {

struct OutlineParameter {
  std::string name; // as callers give it
  std::string text; // "padding: int[2] = 0"
  SourceLocation place;
};

struct OutlineItem {
  ast::ItemKind kind = ast::ItemKind::Use;
  std::string name; // of a `use`: the file
  std::string documentation;
  std::string head; // "layer Linear(out_features: int, bias: bool = true) (x[.., C])"
  SourceLocation place;
  std::size_t first = 0, end = 0; // its tokens
  std::vector<OutlineParameter> attributes;
};

struct OutlineName {
  std::string name;
  std::string what; // "input", "param", "value", "attribute", ...
  SourceLocation place;
  std::size_t item = 0; // where it is bound: a number among the items
};

struct Outline {
  std::string file, text;
  std::vector<Token> tokens; // they view `text`
  std::vector<OutlineItem> items;
  std::vector<OutlineName> names;

  // The token that a byte of the text belongs to, the one before it where that ends there; -1 in between.
  int token_at(std::size_t offset) const;
  std::size_t offset_of(const Token& token) const; // of its first byte
  // The item whose tokens hold this one, or the place behind it; nullptr at the top level.
  const OutlineItem* item_around(std::size_t token) const;
  const OutlineItem* find(ast::ItemKind kind, const std::string& name) const;

private:
  friend std::shared_ptr<const Outline> outline_of(const std::string& file, const std::string& text);
  std::vector<std::size_t> line_starts_;
};

std::shared_ptr<const Outline> outline_of(const std::string& file, const std::string& text);

// Of the standard library's files; made once.
const std::vector<std::shared_ptr<const Outline>>& library_outlines();

const char* word_of(ast::ItemKind kind); // "op", "layer", ...

} // namespace striate::lsp
