// A call's attributes as text: "padding = [0, 0], stride = 1"; "" where there are none.
#pragma once

#include "ir/graph/graph.h"

#include <map>
#include <string>

namespace striate {

std::string attributes_text(const std::map<std::string, Attribute>& attributes);

} // namespace striate
