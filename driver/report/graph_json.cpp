#include "driver/report/graph_json.h"

#include "driver/kernel_id.h"
#include "driver/report/graph_facts.h"
#include "ir/kernel/analysis.h"
#include "passes/memory_timeline.h"

namespace striate {

using Json = nlohmann::ordered_json;

namespace {

constexpr int kFormat = 1; // changes where a reader of the documents before it would be wrong

Json place_json(const SourceLocation& location) {
  if (!location.known()) return nullptr;
  return {{"file", location.file},
          {"line", location.line},
          {"column", location.column},
          {"length", location.length}};
}

const char* role_name(ValueRole role) {
  switch (role) {
  case ValueRole::Computed:
    return "computed";
  case ValueRole::Input:
    return "input";
  case ValueRole::Parameter:
    return "parameter";
  case ValueRole::State:
    return "state";
  }
  return "";
}

Json attributes_json(const Node& node) {
  Json attributes = Json::object();
  for (const auto& [name, attribute] : node.attributes)
    attributes[name] = std::visit([](const auto& value) { return Json(value); }, attribute);
  return attributes;
}

class GraphDocument {
public:
  GraphDocument(const Graph& graph, const Program& program, const LayerCalls& calls)
      : graph_(graph), program_(program), calls_(calls), parts_(step_parts(graph)), uses_(value_uses(graph)),
        timeline_(memory_timeline(graph, program.capacity)), concerns_(concerns(graph)) {}

  Json document(const std::string& cpu) const {
    Json loops = Json::array();
    for (const Loop& loop : graph_.loops)
      loops.push_back({{"name", loop.name}, {"steps", loop.steps}, {"reverse", loop.reverse}});
    Json outputs = Json::array();
    for (const auto& [name, value] : graph_.outputs) outputs.push_back({{"name", name}, {"value", value}});
    return {{"format", kFormat},
            {"program", program_.name},
            {"entry", graph_.entry},
            {"capacity", program_.capacity},
            {"cpu", cpu},
            {"values", values()},
            {"statements", statements()},
            {"kernels", kernels()},
            {"loops", std::move(loops)},
            {"outputs", std::move(outputs)},
            {"memory",
             {{"arena_bytes", program_.arena_bytes},
              {"peak_bytes", timeline_.peak},
              {"peak_kernel", timeline_.peak_region},
              {"live_bytes", timeline_.live}}},
            {"decisions", decisions()}};
  }

private:
  std::vector<const MemoryRow*> rows() const {
    std::vector<const MemoryRow*> rows(graph_.values.size(), nullptr);
    for (const MemoryRow& row : timeline_.rows) rows[static_cast<std::size_t>(row.value)] = &row;
    return rows;
  }

  Json values() const {
    const std::vector<const MemoryRow*> rows = this->rows();
    std::vector<ValueId> old(graph_.values.size(), -1); // what a value replaces
    for (const Persistent& persistent : graph_.persistents)
      if (persistent.next >= 0) old[static_cast<std::size_t>(persistent.next)] = persistent.value;
    Json list = Json::array();
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const Value& value = graph_.values[v];
      Json entry = {{"name", value.name},
                    {"type", value.type.text()},
                    {"role", role_name(value.role)},
                    {"place", place_json(value.location)},
                    {"layout", value.layout.text()},
                    {"statement", value.producer},
                    {"kernel", uses_[v].writer},
                    {"readers", uses_[v].readers}};
      if (old[v] >= 0) entry["replaces"] = old[v];
      if (rows[v])
        entry["memory"] = {{"offset", rows[v]->offset},
                           {"bytes", rows[v]->bytes},
                           {"first", rows[v]->first},
                           {"last", rows[v]->last}};
      list.push_back(std::move(entry));
    }
    return list;
  }

  Json statements() const {
    Json list = Json::array();
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      const auto operand = [&](int k) {
        const auto index = static_cast<std::size_t>(k);
        return graph_.values[index < node.inputs.size() ? node.inputs[index] : node.outputs[0]].name;
      };
      list.push_back({{"value", node.outputs[0]},
                      {"op", node.op},
                      {"attributes", attributes_json(node)},
                      {"path", node.path},
                      {"place", place_json(node.location)},
                      {"call", place_json(calls_.of(node.path))},
                      {"part", name_of(parts_[n])},
                      {"kernel", uses_[node.outputs[0]].writer},
                      {"loop", node.loop},
                      {"again", node.again},
                      {"reads", node.inputs},
                      {"text", statement_text(node.definition->statements[0], operand)}});
    }
    return list;
  }

  Json kernels() const {
    double all_flop = 0, all_bytes = 0;
    for (const Kernel& kernel : program_.kernels) {
      const Cost cost = cost_of(kernel, program_.capacity);
      all_flop += cost.flops;
      all_bytes += cost.bytes();
    }
    Json list = Json::array();
    for (std::size_t k = 0; k < program_.kernels.size(); ++k) {
      const Kernel& kernel = program_.kernels[k];
      const Region& region = graph_.regions[k];
      std::vector<ValueId> reads;
      for (std::size_t v = 0; v < graph_.values.size(); ++v)
        for (const int reader : uses_[v].readers)
          if (reader == static_cast<int>(k)) reads.push_back(static_cast<ValueId>(v));
      const Cost cost = cost_of(kernel, program_.capacity);
      list.push_back({{"name", kernel.name},
                      {"region", region.name},
                      {"part", name_of(parts_[region.nodes[0]])},
                      {"place", place_json(kernel.location)},
                      {"statements", region.nodes},
                      {"reads", reads},
                      {"stores", region.stored},
                      {"flop", cost.flops},
                      {"flop_per_example", kernel.flops_per_example},
                      {"flop_fixed", kernel.flops_fixed},
                      {"bytes", cost.bytes()},
                      {"bytes_read", cost.bytes_read},
                      {"bytes_written", cost.bytes_written},
                      {"intensity", cost.intensity()},
                      {"flop_share", all_flop > 0 ? cost.flops / all_flop : 0},
                      {"bytes_share", all_bytes > 0 ? cost.bytes() / all_bytes : 0},
                      {"text", print(kernel)}});
    }
    return list;
  }

  Json decisions() const {
    Json list = Json::array();
    for (std::size_t d = 0; d < graph_.decisions.size(); ++d) {
      const Decision& decision = graph_.decisions[d];
      Json alternatives = Json::object();
      for (const auto& [name, seconds] : decision.alternatives) alternatives[name] = seconds;
      list.push_back({{"pass", decision.pass},
                      {"what", decision.what},
                      {"chosen", decision.chosen},
                      {"reason", decision.reason},
                      {"estimate_seconds", decision.estimate_seconds},
                      {"alternatives", std::move(alternatives)},
                      {"values", concerns_[d].values},
                      {"kernels", concerns_[d].regions}});
    }
    return list;
  }

  const Graph& graph_;
  const Program& program_;
  const LayerCalls& calls_;
  std::vector<StepPart> parts_;
  std::vector<ValueUse> uses_;
  MemoryTimeline timeline_;
  std::vector<Concern> concerns_;
};

} // namespace

Json graph_json(const Graph& graph, const Program& program, const LayerCalls& calls, const std::string& cpu,
                std::optional<std::size_t> only) {
  Json whole = GraphDocument(graph, program, calls).document(cpu);
  if (!only) return whole;
  Json alone = GraphDocument(only_region(graph, *only), only_kernel(program, *only), calls).document(cpu);
  alone["only"] = *only;
  // What it is to the others.
  for (const char* field : {"part", "flop_share", "bytes_share"})
    alone["kernels"][0][field] = whole["kernels"][*only][field];
  const std::vector<NodeId>& nodes = graph.regions[*only].nodes;
  for (std::size_t n = 0; n < nodes.size(); ++n)
    alone["statements"][n]["part"] = whole["statements"][nodes[n]]["part"];
  return alone;
}

std::string json_text(const Json& document, int indent) {
  return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

} // namespace striate
