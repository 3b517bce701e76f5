#include "driver/kernel_id.h"

#include "support/diagnostics.h"
#include "verify/subgraph.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace striate {

// Names of kernels are those of their regions, with `_` for what is no letter or digit.
static std::string plain(std::string name) {
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

// "LeNet.step.20.conv1.body" in a program "LeNet.step": "20".
static std::string number_in(const std::string& id, const std::string& program) {
  if (!id.starts_with(program + ".")) return id;
  const std::string rest = id.substr(program.size() + 1);
  return rest.substr(0, rest.find('.'));
}

static Result<std::size_t> place_of(const std::string& program, const std::vector<std::string>& names,
                                    const std::string& id) {
  const std::string digits = number_in(id, program);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (whole && number < names.size()) return number;
  if (whole)
    return Failure{ExitCode::Usage,
                   fmt::format("{} has kernels 0 to {}, and no {}", program, names.size() - 1, number)};
  const auto found = std::ranges::find_if(
      names, [&](const std::string& name) { return name == id || plain(name) == plain(id); });
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string near = nearest_name(id, names);
  if (!near.empty()) near = fmt::format("; did you mean `{}`?", near);
  // What begins with it, or has it within: a layer has several kernels.
  std::vector<std::string> within;
  for (const std::string& name : names)
    if (plain(name).find(plain(id)) != std::string::npos && within.size() < 8) within.push_back(name);
  if (near.empty() && !within.empty()) near = fmt::format("; there are {}", fmt::join(within, ", "));
  return Failure{ExitCode::Usage,
                 fmt::format("{} has no kernel `{}`{}", program, id,
                             near.empty() ? "; `striate bench` and `--emit=kernel` name all of them" : near)};
}

Result<std::size_t> kernel_with_id(const Program& program, const std::string& id) {
  std::vector<std::string> names;
  for (const Kernel& kernel : program.kernels) names.push_back(kernel.name);
  return place_of(program.name, names, id);
}

Result<std::size_t> region_with_id(const Graph& graph, const std::string& id) {
  std::vector<std::string> names;
  for (const Region& region : graph.regions) names.push_back(region.name);
  const std::string name = graph.name + "." + graph.entry;
  if (names.empty()) return bad_data("{} has no regions yet: form_regions makes them", name);
  return place_of(name, names, id);
}

Program only_kernel(const Program& program, std::size_t kernel) {
  Program alone = program;
  alone.kernels = {program.kernels[kernel]};
  alone.loops.clear();
  for (KernelLoop loop : program.loops)
    if (kernel >= loop.first && kernel < loop.first + loop.count) {
      loop.first = 0, loop.count = 1;
      alone.loops.push_back(loop);
    }
  std::set<int64_t> places;
  for (const KernelBuffer& buffer : alone.kernels[0].buffers)
    if (buffer.space == BufferSpace::Memory) places.insert(buffer.offset);
  std::erase_if(alone.values, [&](const ProgramValue& value) { return !places.contains(value.offset); });
  return alone;
}

Graph only_region(const Graph& graph, std::size_t number) {
  const Region& region = graph.regions[number];
  Graph alone = subgraph(graph, region.nodes, region.stored);
  std::set<std::string> names;
  for (Value& value : alone.values) {
    value.offset = graph.values[graph.find(value.name)].offset;
    names.insert(value.name);
  }
  alone.arena_bytes = graph.arena_bytes;
  Region copy = region;
  for (std::size_t n = 0; n < copy.nodes.size(); ++n) copy.nodes[n] = static_cast<NodeId>(n);
  for (ValueId& stored : copy.stored) stored = alone.find(graph.values[stored].name);
  alone.regions.push_back(std::move(copy));
  // "conv1 + pool1": a decision names one value or several.
  for (const Decision& decision : graph.decisions) {
    bool speaks = false;
    for (std::size_t at = 0; at < decision.what.size();) {
      const std::size_t end = std::min(decision.what.find(" + ", at), decision.what.size());
      speaks = speaks || names.contains(decision.what.substr(at, end - at));
      at = end + 3;
    }
    if (speaks) alone.decisions.push_back(decision);
  }
  return alone;
}

} // namespace striate
