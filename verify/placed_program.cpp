#include "verify/placed_program.h"

#include "passes/plan_memory.h"
#include "runtime/tensor.h"
#include "runtime/thread_pool.h"

#include <bit>
#include <cstring>

namespace striate {

PlacedProgram as_planned(const Graph& graph, Program program) {
  PlacedProgram placed{std::move(program), {}};
  for (ValueId value = 0; value < static_cast<ValueId>(graph.values.size()); ++value)
    if (graph.values[value].offset >= 0) placed.places[value] = graph.values[value].offset;
  return placed;
}

PlacedProgram spread_out(const Graph& graph, Program program) {
  constexpr int64_t kAlignment = 64, kGap = 3 * kAlignment;
  PlacedProgram placed{std::move(program), {}};
  int64_t end = kGap;
  for (ValueId value = 0; value < static_cast<ValueId>(graph.values.size()); ++value) {
    if (graph.values[value].offset < 0) continue;
    placed.places[value] = end;
    const int64_t bytes = storage_bytes(graph.values[value], placed.program.capacity);
    end += (bytes + kAlignment - 1) / kAlignment * kAlignment + kGap;
  }
  placed.program.name += ".spread";
  placed.program.arena_bytes = end;
  for (Kernel& kernel : placed.program.kernels)
    for (KernelBuffer& buffer : kernel.buffers)
      if (buffer.space == BufferSpace::Memory) buffer.offset = placed.places.at(graph.find(buffer.name));
  return placed;
}

std::vector<float> scalar_slots(const Program& program, const std::map<std::string, double>& scalars,
                                int64_t examples, uint64_t seed) {
  std::vector<float> slots;
  for (const std::string& name : program.scalars) {
    float value = 0;
    if (const auto found = scalars.find(name); found != scalars.end())
      value = static_cast<float>(found->second);
    if (name == "N") value = static_cast<float>(examples);
    if (name == "1/N") value = static_cast<float>(1.0 / static_cast<double>(examples));
    if (name == "seed.low") value = std::bit_cast<float>(static_cast<uint32_t>(seed));
    if (name == "seed.high") value = std::bit_cast<float>(static_cast<uint32_t>(seed >> 32));
    slots.push_back(value);
  }
  return slots;
}

void run_in_pieces(const KernelFunction& kernel, int64_t parallel_extent, int64_t part, int64_t parts,
                   char* arena, const float* scalars, int64_t examples) {
  const CompiledCodeFloatEnvironment environment;
  const int64_t extent = parallel_extent / parts, begin = part * extent, cut = begin + extent / 3;
  kernel(arena, scalars, examples, cut, begin + extent);
  kernel(arena, scalars, examples, begin, cut);
}

namespace {

class UnevenDevice final : public Device {
public:
  explicit UnevenDevice(int64_t arena_bytes) : arena_(ElementType::U8, {arena_bytes}) {}

  const char* read(int64_t offset, int64_t) override { return bytes() + offset; }
  char* begin_write(int64_t offset, int64_t, bool) override { return bytes() + offset; }
  void end_write() override {}
  void fill(char byte) override { std::memset(bytes(), byte, static_cast<std::size_t>(arena_.bytes())); }

  Status run(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples,
             std::span<const float> scalars, Timeline*) override {
    visit_calls(entry.loops, first, last, [&](std::size_t k, int64_t part, int64_t parts) {
      const ExecutableKernel& kernel = entry.kernels[k];
      run_in_pieces(kernel.function, kernel.parallel_extent(examples), part, parts, bytes(), scalars.data(),
                    examples);
    });
    return {};
  }
  Status finish() override { return {}; }

private:
  char* bytes() { return static_cast<char*>(arena_.data()); }

  Tensor arena_;
};

} // namespace

std::unique_ptr<Device> make_uneven_device(const Executable& executable) {
  return std::make_unique<UnevenDevice>(executable.arena_bytes);
}

} // namespace striate
