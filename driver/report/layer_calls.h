// Where a model calls each of its layers. What a layer of the user's own is made of has its place in that
// layer's text, which says nothing about which of its calls it belongs to; the layer path does.
#pragma once

#include "frontend/ast.h"

#include <string>
#include <utility>
#include <vector>

namespace striate {

class LayerCalls {
public:
  LayerCalls() = default;
  // Of the model called `model`; none where the file has no such model.
  LayerCalls(const ast::File& file, const std::string& model);

  // The call that named the layer, or the nearest one around it, of what stands at a layer path
  // ("layer1.0.conv1.weight"); unknown where no name of the model fits.
  SourceLocation of(const std::string& path) const;

private:
  void walk(const ast::Expr& expression);
  void walk(const ast::Block& block);
  void add(const std::vector<ast::PathPart>& name, const SourceLocation& place);

  // Names in the order of the text; a computed part of one is "", between the texts around it.
  std::vector<std::pair<std::vector<std::string>, SourceLocation>> calls_;
};

} // namespace striate
