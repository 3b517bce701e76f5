#include "runtime/cuda/cuda_device.h"

#include "runtime/cuda/staging.h"

#include <algorithm>
#include <map>
#include <optional>

namespace striate {

namespace {

constexpr std::size_t kMostGraphs = 32;
constexpr int64_t kSharedBytesOfAll = 48 * 1024; // what every block can have without being asked for

double gibibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

class CudaDevice final : public Device {
public:
  explicit CudaDevice(std::shared_ptr<const CudaContext> context)
      : context_(std::move(context)), driver_(context_->driver()) {}

  Status prepare(const Executable& executable) {
    if (const int code = context_->enter()) return failure(code, "its context");
    arena_bytes_ = static_cast<std::size_t>(executable.arena_bytes);
    std::size_t slots = 1;
    for (const EntryPoint* entry : {&executable.init, &executable.step, &executable.eval})
      slots = std::max(slots, entry->scalars.size());
    if (Status status = take_memory(slots * sizeof(float)); !status) return status;
    if (const int code = driver_.stream_create(&stream_, cuda::kStreamNonBlocking))
      return failure(code, "a stream");
    staging_.emplace(driver_, stream_);
    for (const EntryPoint* entry : {&executable.init, &executable.step, &executable.eval})
      if (Status status = load(*entry); !status) return status;
    return {};
  }

  ~CudaDevice() override {
    if (context_->enter() != 0) return;
    if (stream_) driver_.stream_synchronize(stream_);
    for (const Graph& graph : graphs_) destroy(graph);
    for (CudaHandle event : events_) driver_.event_destroy(event);
    staging_.reset();
    if (arena_) driver_.memory_free(arena_);
    if (scalars_) driver_.memory_free(scalars_);
    for (const auto& [entry, loaded] : loaded_)
      for (CudaHandle module : loaded.modules) driver_.module_unload(module);
    if (stream_) driver_.stream_destroy(stream_);
  }

  const char* read(int64_t offset, int64_t bytes) override {
    enter();
    const char* memory = staging_->download(at(offset), static_cast<std::size_t>(bytes));
    note_copies();
    return memory;
  }

  char* begin_write(int64_t offset, int64_t bytes, bool keep) override {
    enter();
    write_ = {at(offset), static_cast<std::size_t>(bytes)};
    return keep ? staging_->begin_change(write_.to, write_.bytes) : staging_->begin_upload(write_.bytes);
  }

  void end_write() override {
    staging_->end_upload(write_.to, write_.bytes);
    note_copies();
  }

  void fill(char byte) override {
    if (enter())
      note(driver_.memory_fill(arena_, static_cast<unsigned char>(byte), arena_bytes_, stream_),
           "memory cannot be filled");
  }

  Status run(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples,
             std::span<const float> scalars, Timeline* timeline) override {
    if (!enter()) return status();
    upload_scalars(scalars.first(entry.scalars.size()));
    if (timeline)
      run_timed(entry, first, last, examples, *timeline);
    else
      run_graph(entry, first, last, examples);
    return status();
  }

  Status finish() override {
    if (enter()) note(driver_.stream_synchronize(stream_), "what runs on it has failed");
    return status();
  }

private:
  struct Loaded {
    std::vector<CudaHandle> modules;   // by code
    std::vector<CudaHandle> functions; // by kernel
  };
  // Of kernels [first, last) of an entry point for so many examples; made when they run the second time,
  // since the first launch of a function may load code, which no capture may.
  struct Graph {
    const EntryPoint* entry = nullptr;
    std::size_t first = 0, last = 0;
    int64_t examples = 0;
    CudaHandle executable = nullptr;

    bool same(const Graph& other) const {
      return entry == other.entry && first == other.first && last == other.last && examples == other.examples;
    }
  };

  CudaAddress at(int64_t offset) const { return arena_ + static_cast<CudaAddress>(offset); }

  bool enter() {
    if (!failed_) note(context_->enter(), "its context is gone");
    return !failed_;
  }

  void note(int code, const char* what) {
    if (code == 0 || failed_) return;
    failed_ = failure(code, what);
    if (staging_) staging_->stop(code);
  }
  void note_copies() { note(staging_->error(), "a copy has failed"); }
  Failure failure(int code, const std::string& what) const {
    return {code == cuda::kOutOfMemory ? ExitCode::OutOfMemory : ExitCode::BadData,
            fmt::format("{}: {}: {}", context_->name(), what, driver_.error_text(code))};
  }
  Status status() const { return failed_ ? Status(*failed_) : Status(); }

  Status take_memory(std::size_t scalar_bytes) {
    const auto [free, total] = context_->memory();
    if (arena_bytes_ + scalar_bytes > free)
      return Failure{
          ExitCode::OutOfMemory,
          fmt::format("the program needs {:.2f} GiB, but {} has {:.2f} GiB free of {:.2f} GiB; a smaller "
                      "batch needs less",
                      gibibytes(arena_bytes_), context_->name(), gibibytes(free), gibibytes(total))};
    if (const int code = driver_.memory_allocate(&arena_, std::max<std::size_t>(arena_bytes_, 1)))
      return failure(code, fmt::format("{:.2f} GiB of memory", gibibytes(arena_bytes_)));
    if (const int code = driver_.memory_allocate(&scalars_, scalar_bytes)) return failure(code, "its memory");
    return {};
  }

  Status load(const EntryPoint& entry) {
    if (entry.kernels.empty()) return {};
    Loaded& loaded = loaded_[&entry];
    for (const std::string& bytes : entry.codes) {
      CudaHandle module = nullptr;
      if (const int code = driver_.module_load(&module, bytes.data()))
        return failure(code, fmt::format("the code of {} cannot be loaded (the driver takes that of CUDA {})",
                                         entry.name, context_->driver_version()));
      loaded.modules.push_back(module);
    }
    for (const ExecutableKernel& kernel : entry.kernels) {
      CudaHandle function = nullptr;
      if (const int code = driver_.module_function(&function, loaded.modules.at(kernel.launch.code),
                                                   kernel.launch.function.c_str()))
        return failure(code, fmt::format("its code has no {}", kernel.launch.function));
      if (kernel.launch.shared_bytes > context_->shared_bytes())
        return Failure{
            ExitCode::OutOfMemory,
            fmt::format("the kernel {} takes {} bytes of shared memory, but a block of {} can have {}",
                        kernel.name, kernel.launch.shared_bytes, context_->name(), context_->shared_bytes())};
      if (kernel.launch.shared_bytes > kSharedBytesOfAll)
        if (const int code = driver_.function_set_attribute(function, cuda::kMaxDynamicSharedBytes,
                                                            static_cast<int>(kernel.launch.shared_bytes)))
          return failure(code, fmt::format("{} bytes of shared memory", kernel.launch.shared_bytes));
      loaded.functions.push_back(function);
    }
    return {};
  }

  void upload_scalars(std::span<const float> scalars) {
    if (scalars.empty()) return;
    std::ranges::copy(scalars, reinterpret_cast<float*>(staging_->begin_upload(scalars.size_bytes())));
    staging_->end_upload(scalars_, scalars.size_bytes());
    note_copies();
  }

  // Launches, in order; after_each() between them.
  template <typename AfterEach>
  void launch_all(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples,
                  AfterEach&& after_each) {
    const Loaded& loaded = loaded_.at(&entry);
    visit_calls(entry.loops, first, last, [&](std::size_t k, int64_t part, int64_t parts) {
      const KernelLaunch& launch = entry.kernels[k].launch;
      const int64_t extent = entry.kernels[k].parallel_extent(examples) / parts;
      const int64_t blocks = launch.blocks(extent);
      if (blocks > 0 && !failed_) {
        long long examples_argument = examples, begin = part * extent, end = begin + extent;
        void* arguments[] = {&arena_, &scalars_, &examples_argument, &begin, &end};
        note(driver_.launch(loaded.functions[k], static_cast<unsigned>(blocks), 1, 1,
                            static_cast<unsigned>(launch.threads), 1, 1,
                            static_cast<unsigned>(launch.shared_bytes), stream_, arguments, nullptr),
             "a kernel cannot be launched");
      }
      after_each(k);
    });
  }

  void run_graph(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples) {
    if (first == last) return;
    const Graph wanted{&entry, first, last, examples};
    auto found = std::ranges::find_if(graphs_, [&](const Graph& graph) { return graph.same(wanted); });
    if (found == graphs_.end()) {
      launch_all(entry, first, last, examples, [](std::size_t) {});
      if (graphs_.size() == kMostGraphs) {
        destroy(graphs_.back());
        graphs_.pop_back();
      }
      graphs_.insert(graphs_.begin(), wanted);
      return;
    }
    std::rotate(graphs_.begin(), found, found + 1); // the one used last stands first
    Graph& graph = graphs_.front();
    if (!graph.executable) capture(graph);
    if (!failed_) note(driver_.graph_launch(graph.executable, stream_), "a step cannot be launched");
  }

  void capture(Graph& graph) {
    note(driver_.capture_begin(stream_, cuda::kCaptureThreadLocal), "a step cannot be captured");
    if (failed_) return;
    launch_all(*graph.entry, graph.first, graph.last, graph.examples, [](std::size_t) {});
    CudaHandle captured = nullptr;
    note(driver_.capture_end(stream_, &captured), "a step cannot be captured");
    if (!failed_)
      note(driver_.graph_instantiate(&graph.executable, captured, 0), "a step cannot be captured");
    if (captured) driver_.graph_destroy(captured);
  }

  void destroy(const Graph& graph) const {
    if (graph.executable) driver_.graph_executable_destroy(graph.executable);
  }

  // Kernel by kernel, with the device's own clock read between them.
  void run_timed(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples,
                 Timeline& timeline) {
    std::vector<std::size_t> calls;
    record(0);
    launch_all(entry, first, last, examples, [&](std::size_t kernel) {
      calls.push_back(kernel);
      record(calls.size());
    });
    if (!finish()) return;
    std::vector<int64_t> times(calls.size() + 1, 0); // nanoseconds since the first event
    for (std::size_t i = 1; i < times.size(); ++i) {
      float milliseconds = 0;
      note(driver_.event_elapsed(&milliseconds, events_[0], events_[i]), "its clock cannot be read");
      times[i] = static_cast<int64_t>(static_cast<double>(milliseconds) * 1e6);
    }
    const int64_t began = steady_nanoseconds() - times.back();
    for (std::size_t i = 0; i < calls.size(); ++i)
      timeline.push_back({calls[i], began + times[i], began + times[i + 1], began + times[i + 1]});
  }

  void record(std::size_t number) {
    while (events_.size() <= number && !failed_) {
      CudaHandle event = nullptr;
      note(driver_.event_create(&event, 0), "its clock cannot be read");
      if (!failed_) events_.push_back(event);
    }
    if (!failed_) note(driver_.event_record(events_[number], stream_), "its clock cannot be read");
  }

  std::shared_ptr<const CudaContext> context_;
  const CudaDriver& driver_;
  std::size_t arena_bytes_ = 0;
  CudaAddress arena_ = 0, scalars_ = 0;
  CudaHandle stream_ = nullptr;
  std::optional<CudaStaging> staging_;
  struct {
    CudaAddress to = 0;
    std::size_t bytes = 0;
  } write_; // under way
  std::map<const EntryPoint*, Loaded> loaded_;
  std::vector<Graph> graphs_;
  std::vector<CudaHandle> events_;
  std::optional<Failure> failed_;
};

} // namespace

Result<std::unique_ptr<Device>> make_cuda_device(std::shared_ptr<const CudaContext> context,
                                                 const Executable& executable) {
  auto device = std::make_unique<CudaDevice>(std::move(context));
  if (Status ready = device->prepare(executable); !ready) return ready.failure();
  return std::unique_ptr<Device>(std::move(device));
}

} // namespace striate
