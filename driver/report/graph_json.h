// The regions of an entry point, its kernels, decisions, memory and costs as one JSON document: what
// `build --emit=json` prints, and what the page of --emit=html shows. docs/report.md describes every field.
#pragma once

#include "driver/report/layer_calls.h"
#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace striate {

// `program` holds the kernels of `graph`'s regions, in their order. `only`: of the kernels this one, with its
// share in all of them. Text that is not UTF-8 becomes so when
// the document is written (`json_text`).
nlohmann::ordered_json graph_json(const Graph& graph, const Program& program, const LayerCalls& calls,
                                  const std::string& cpu, std::optional<std::size_t> only = {});

// `indent` -1: on one line.
std::string json_text(const nlohmann::ordered_json& document, int indent);

} // namespace striate
