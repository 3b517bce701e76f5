#include "runtime/host_device.h"

#include <cstring>

namespace striate {

namespace {

class HostDevice final : public Device {
public:
  HostDevice(Tensor arena, ThreadPool& pool) : arena_(std::move(arena)), pool_(pool) {}

  const char* read(int64_t offset, int64_t) override { return bytes() + offset; }
  char* begin_write(int64_t offset, int64_t, bool) override { return bytes() + offset; }
  void end_write() override {}
  void fill(char byte) override { std::memset(bytes(), byte, static_cast<std::size_t>(arena_.bytes())); }

  Status run(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples,
             std::span<const float> scalars, Timeline* timeline) override {
    visit_calls(entry.loops, first, last, [&](std::size_t k, int64_t part, int64_t parts) {
      const ExecutableKernel& kernel = entry.kernels[k];
      const int64_t extent = kernel.parallel_extent(examples) / parts;
      const int64_t began = timeline ? steady_nanoseconds() : 0;
      int64_t own_end = began;
      pool_.run(extent, [&](int64_t begin, int64_t end) {
        kernel.function(bytes(), scalars.data(), examples, part * extent + begin, part * extent + end);
        // The first part is the calling thread's.
        if (timeline && begin == 0) own_end = steady_nanoseconds();
      });
      if (timeline) timeline->push_back({k, began, own_end, steady_nanoseconds()});
    });
    return {};
  }

  Status finish() override { return {}; }

private:
  char* bytes() { return static_cast<char*>(arena_.data()); }

  Tensor arena_;
  ThreadPool& pool_;
};

} // namespace

Result<std::unique_ptr<Device>> make_host_device(const Executable& executable, ThreadPool& pool) {
  Result<Tensor> arena = Tensor::allocate(ElementType::U8, {executable.arena_bytes});
  if (!arena)
    return Failure{ExitCode::OutOfMemory,
                   fmt::format("no memory for the {:.2f} GiB that the program needs",
                               static_cast<double>(executable.arena_bytes) / (1 << 30))};
  return std::unique_ptr<Device>(std::make_unique<HostDevice>(std::move(*arena), pool));
}

} // namespace striate
