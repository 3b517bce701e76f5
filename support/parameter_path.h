// Parameters are known by the path of their layer: "encoder.conv1.weight".
#pragma once

#include <string_view>

namespace striate {

// Whether a parameter (or a layer) is `path`, or stands in the layer `path`.
inline bool is_at_or_below(std::string_view name, std::string_view path) {
  return name.starts_with(path) && (name.size() == path.size() || name[path.size()] == '.');
}

// Optimizer states have the parameter's path, a `/` and a name: "conv1.weight/v".
inline bool is_optimizer_state(std::string_view name) { return name.find('/') != std::string_view::npos; }

} // namespace striate
