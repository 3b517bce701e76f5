// Two programs of kernels compared by name (ir/difference.h).
#include "ir/compare.h"
#include "ir/expression_text.h"

namespace striate {

namespace {

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + quoted(word);
  return text;
}

std::string loops_text(const std::vector<KernelLoop>& loops) {
  std::string text;
  for (const KernelLoop& loop : loops)
    text += fmt::format("{}{} kernels from {}, {} steps{}", text.empty() ? "" : ", ", loop.count, loop.first,
                        loop.steps, loop.reverse ? " reverse" : "");
  return text;
}

std::string buffer_text(const KernelBuffer& buffer) {
  const std::string text = fmt::format("{}[{}]", name_of(buffer.type), buffer.elements);
  return buffer.space == BufferSpace::Scratch ? text + " scratch"
                                              : fmt::format("{} at {}", text, buffer.offset);
}

// Axes, tiles and body: what says how the kernel computes.
std::vector<std::string> nest_of(const Kernel& kernel) {
  Kernel bare = kernel;
  bare.comment.clear();
  bare.flops_per_example = bare.flops_fixed = 0;
  bare.cost.reset();
  std::vector<std::string> lines = lines_of(print(bare));
  std::erase_if(lines, [](const std::string& line) {
    return line.starts_with("memory ") || line.starts_with("scratch ") || line.starts_with("kernel ");
  });
  return lines;
}

void compare_buffers(const Kernel& one, const Kernel& other, AspectList& list) {
  const auto texts = [](const Kernel& kernel) {
    std::map<std::string, std::string> buffers;
    for (const KernelBuffer& buffer : kernel.buffers) buffers.emplace(buffer.name, buffer_text(buffer));
    return buffers;
  };
  std::map<std::string, std::string> before = texts(one), after = texts(other);
  for (const auto& [name, text] : after) before.try_emplace(name); // "" where it is not
  for (const auto& [name, text] : before) list.compare(("buffer " + name).c_str(), text, after[name]);
  const auto names = [](const Kernel& kernel) {
    std::vector<std::string> words;
    for (const KernelBuffer& buffer : kernel.buffers) words.push_back(buffer.name);
    return list_text(words);
  };
  if (list.aspects.empty()) list.compare("order of buffers", names(one), names(other));
}

void compare_kernels(const Kernel& one, const Kernel& other, Difference& difference) {
  AspectList list;
  compare_buffers(one, other, list);
  list.compare("flops per example", one.flops_per_example, other.flops_per_example);
  list.compare("flops fixed", one.flops_fixed, other.flops_fixed);
  list.compare(one.cost, other.cost);
  difference.aspects = std::move(list.aspects);
  difference.lines = changed_lines(nest_of(one), nest_of(other));
}

} // namespace

std::vector<Difference> differences(const Program& before, const Program& after) {
  std::vector<Difference> result;
  AspectList head;
  head.compare("name", before.name, after.name);
  head.compare("capacity", before.capacity, after.capacity);
  head.compare("arena bytes", before.arena_bytes, after.arena_bytes);
  head.compare("scalars", list_text(before.scalars), list_text(after.scalars));
  head.compare("loops", loops_text(before.loops), loops_text(after.loops));
  if (!head.aspects.empty())
    result.push_back({Difference::Kind::Changed, "program", before.name, head.aspects, {}});

  const auto values = [](const Program& program) {
    NamedList list;
    for (const ProgramValue& value : program.values)
      list.add(fmt::format("{} {}", name_of(value.role), value_name_text(value.name)));
    return list;
  };
  compare_lists(
      "value", values(before), values(after),
      [&](int i, int j, Difference& difference) {
        const ProgramValue &one = before.values[i], &other = after.values[j];
        AspectList list;
        list.compare("type", one.type.text(), other.type.text());
        list.compare("layout", one.layout.text(), other.layout.text());
        list.compare("offset", one.offset, other.offset);
        difference.aspects = std::move(list.aspects);
      },
      result);

  const auto kernels = [](const Program& program) {
    NamedList list;
    for (const Kernel& kernel : program.kernels) list.add(kernel.name);
    return list;
  };
  compare_lists(
      "kernel", kernels(before), kernels(after),
      [&](int i, int j, Difference& difference) {
        compare_kernels(before.kernels[i], after.kernels[j], difference);
      },
      result);
  return result;
}

Cost cost_in_all(const Program& program) {
  std::vector<std::optional<Cost>> costs;
  for (const Kernel& kernel : program.kernels) costs.push_back(kernel.cost);
  return cost_in_all(costs);
}

} // namespace striate
