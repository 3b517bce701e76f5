#include "passes/schedule/schedule.h"

#include "passes/schedule/nests.h"

#include <set>

namespace striate {

// What the outside gives the program and takes from it, and where that lies.
static std::vector<ProgramValue> values_of(const Graph& graph) {
  std::vector<ProgramValue> values;
  const auto add = [&](ProgramValue::Role role, const std::string& name, ValueId id) {
    const Value& value = graph.values[id];
    if (value.offset >= 0) values.push_back({role, name, value.type, value.layout, value.offset});
  };
  const std::vector<std::vector<NodeId>> readers = graph.readers();
  for (ValueId input : graph.inputs)
    if (!readers[input].empty()) add(ProgramValue::Role::Input, graph.values[input].name, input);
  for (const auto& [role, wanted] : {std::pair(ProgramValue::Role::Parameter, ValueRole::Parameter),
                                     std::pair(ProgramValue::Role::State, ValueRole::State)})
    for (const Persistent& persistent : graph.persistents)
      if (graph.values[persistent.value].role == wanted)
        add(role, graph.values[persistent.value].name, persistent.value);
  for (const auto& [name, output] : graph.outputs) add(ProgramValue::Role::Output, name, output);
  return values;
}

static void fill(KernelBuilder& builder, Graph& graph, const RegionParts& parts, const TargetInfo& target) {
  if (!parts.windows.empty()) {
    contraction_window_nest(builder, graph, parts, target);
  } else if (is_flat(graph, builder.region())) {
    flat_nest(builder);
  } else if (!target.many_threads || !block_nest(builder, graph, parts)) {
    reduction_nest(builder, graph, parts, target);
  }
}

std::vector<std::string> tile_alternatives(const Graph& graph, std::size_t region, int64_t capacity,
                                           const TargetInfo& target, std::size_t most) {
  Graph tried = graph; // a choice is recorded
  KernelBuilder builder(tried, tried.regions[region], capacity);
  builder.most_alternatives = most;
  fill(builder, tried, parts_of(tried, tried.regions[region]), target);
  return builder.alternatives;
}

Result<Program> schedule(Graph& graph, int64_t capacity, const TargetInfo& target) {
  Program program;
  program.name = graph.name + "." + graph.entry;
  program.capacity = capacity;
  program.arena_bytes = graph.arena_bytes;
  program.scalars = {"N", "1/N", "step", "epoch", "seed.low", "seed.high"};
  for (const auto& [name, value] : graph.scalars) program.scalars.push_back(name);
  program.values = values_of(graph);
  std::set<std::string> names;
  int last_loop = -1;
  for (const Region& region : graph.regions) {
    KernelBuilder builder(graph, region, capacity);
    const RegionParts parts = parts_of(graph, region);
    fill(builder, graph, parts, target);
    if (!builder.problem.empty())
      return bad_data("the region `{}` ({}): {}", region.name, graph.nodes[parts.head].location.text(),
                      builder.problem);
    std::string name = builder.kernel.name;
    for (int k = 1; !names.insert(name).second; ++k) name = builder.kernel.name + "_" + std::to_string(k);
    builder.kernel.name = name;
    const int loop = graph.nodes[region.nodes[0]].loop;
    if (loop >= 0 && loop != last_loop)
      program.loops.push_back(
          {program.kernels.size(), 0, graph.loops[loop].steps, graph.loops[loop].reverse});
    if (loop >= 0) ++program.loops.back().count;
    last_loop = loop;
    program.kernels.push_back(std::move(builder.kernel));
  }
  return program;
}

} // namespace striate
