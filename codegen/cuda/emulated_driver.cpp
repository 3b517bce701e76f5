#include "codegen/cuda/emulated_driver.h"

#include "codegen/cuda/host_library.h"
#include "support/disk_cache.h"

#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace striate {

namespace {

// Numbers of cuda.h, where the runtime has no name for them.
enum Code {
  kOk = 0,
  kInvalidValue = 1,
  kInvalidDevice = 101,
  kInvalidContext = 201,
  kInvalidCode = 218,
  kInvalidHandle = 400,
  kNotFound = 500,
  kLaunchFailed = 719,
  kCaptureUnsupported = 900,
  kCaptureInvalid = 901,
};

// Added to the places of the device's memory: the host cannot use such an address.
constexpr CudaAddress kDeviceBit = CudaAddress{1} << 62;
constexpr int kNoNumber = 0xFF;
constexpr unsigned kMostThreads = 1024;
constexpr unsigned kMostSharedBytes = 227 * 1024;

struct Launch {
  const HostLibrary* library = nullptr;
  HostLibrary::Kernel kernel = nullptr;
  CudaAddress arena = 0, scalars = 0;
  long long examples = 0, begin = 0, end = 0;
  HostLibrary::Grid grid;
};
struct Function {
  const HostLibrary* library = nullptr;
  HostLibrary::Kernel kernel = nullptr;
  unsigned shared_bytes = 48 * 1024; // the most that a launch may ask for
};
struct Module {
  HostLibrary library;
  std::map<std::string, Function> functions;
};
struct Graph {
  std::vector<Launch> launches;
};
struct Event {
  bool recorded = false, done = false;
  std::chrono::steady_clock::time_point time;
};
struct Stream {
  std::deque<std::function<int()>> waiting;
  std::unique_ptr<Graph> capture;
};

class Emulation {
public:
  static Emulation& instance() {
    static Emulation emulation;
    return emulation;
  }

  std::mutex mutex;
  bool context_set = false;
  std::string message; // of what failed last, where there is more to say than its code

  // Fails like a device in an unusable state.
  int usable() const { return failed_ != kOk ? failed_ : context_set ? kOk : kInvalidContext; }

  int allocate(CudaAddress* address, std::size_t bytes) {
    if (bytes == 0) return kInvalidValue;
    if (taken_ + bytes > kEmulatedBytes) return cuda::kOutOfMemory;
    void* memory =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return cuda::kOutOfMemory;
    std::memset(memory, kNoNumber, bytes);
    *address = reinterpret_cast<CudaAddress>(memory) | kDeviceBit;
    blocks_[*address] = bytes;
    taken_ += bytes;
    return kOk;
  }
  int release(CudaAddress address) {
    const auto block = blocks_.find(address);
    if (block == blocks_.end()) return kInvalidValue;
    run_all();
    munmap(place(address), block->second);
    taken_ -= block->second;
    blocks_.erase(block);
    return kOk;
  }
  std::size_t free_bytes() const { return kEmulatedBytes - taken_; }

  // Whether the bytes lie in one block of the device's memory.
  bool holds(CudaAddress address, std::size_t bytes) const {
    auto block = blocks_.upper_bound(address);
    if (block == blocks_.begin()) return false;
    --block;
    return address + bytes <= block->first + block->second;
  }
  static char* place(CudaAddress address) { return reinterpret_cast<char*>(address & ~kDeviceBit); }

  Stream* stream(CudaHandle handle) const { return find(streams_, handle); }
  Event* event(CudaHandle handle) const { return find(events_, handle); }
  Module* module(CudaHandle handle) const { return find(modules_, handle); }
  Graph* graph(CudaHandle handle) const { return find(graphs_, handle); }
  Function* function(CudaHandle handle) const {
    for (const auto& [key, module] : modules_)
      for (auto& [name, function] : module->functions)
        if (&function == handle) return &function;
    return nullptr;
  }
  CudaHandle add(std::unique_ptr<Stream> made) { return keep(streams_, std::move(made)); }
  CudaHandle add(std::unique_ptr<Event> made) { return keep(events_, std::move(made)); }
  CudaHandle add(std::unique_ptr<Module> made) { return keep(modules_, std::move(made)); }
  CudaHandle add(std::unique_ptr<Graph> made) { return keep(graphs_, std::move(made)); }
  int discard(CudaHandle handle) {
    run_all();
    return streams_.erase(handle) + events_.erase(handle) + modules_.erase(handle) + graphs_.erase(handle) > 0
               ? kOk
               : kInvalidHandle;
  }

  // Does what waits on the stream.
  int run(Stream& stream) {
    while (!stream.waiting.empty()) {
      const std::function<int()> next = std::move(stream.waiting.front());
      stream.waiting.pop_front();
      if (failed_ == kOk) failed_ = next();
    }
    return failed_;
  }
  int run_all() {
    for (const auto& [handle, stream] : streams_) run(*stream);
    return failed_;
  }

  // A text is compiled once: by this process, or where there is a cache by one before it.
  Result<HostLibrary> compile(const std::string& text) {
    const auto known = libraries_.find(text);
    if (known != libraries_.end()) return known->second;
    Result<HostLibrary> library = HostLibrary::compile(text, "the program", cache_ ? &*cache_ : nullptr);
    if (library) libraries_.emplace(text, *library);
    return library;
  }

  int execute(const Launch& launch) {
    const auto order = static_cast<ThreadOrder>(launches_++ % 3);
    const HostLibrary::Arguments arguments = {place(launch.arena),
                                              reinterpret_cast<const float*>(place(launch.scalars)),
                                              launch.examples, launch.begin, launch.end};
    const Status ran = launch.library->launch(launch.kernel, arguments, launch.grid, order);
    if (ran) return kOk;
    message = ran.failure().message;
    return kLaunchFailed;
  }

private:
  template <typename T>
  using Kept = std::map<CudaHandle, std::unique_ptr<T>>;
  template <typename T>
  static T* find(const Kept<T>& kept, CudaHandle handle) {
    const auto found = kept.find(handle);
    return found == kept.end() ? nullptr : found->second.get();
  }
  template <typename T>
  static CudaHandle keep(Kept<T>& kept, std::unique_ptr<T> made) {
    const CudaHandle handle = made.get();
    kept.emplace(handle, std::move(made));
    return handle;
  }

  std::map<CudaAddress, std::size_t> blocks_;
  std::size_t taken_ = 0;
  Kept<Stream> streams_;
  Kept<Event> events_;
  Kept<Module> modules_;
  Kept<Graph> graphs_;
  std::map<std::string, HostLibrary> libraries_; // by text
  const std::optional<DiskCache> cache_ = open_cache("emulated");
  unsigned launches_ = 0;
  int failed_ = kOk;
};

// A function of the table: `body` with the emulation, alone.
template <typename Body>
int call(Body&& body) {
  Emulation& emulation = Emulation::instance();
  const std::lock_guard lock(emulation.mutex);
  return body(emulation);
}
// The same of what needs a context and a device that has not failed.
template <typename Body>
int call_usable(Body&& body) {
  return call([&](Emulation& emulation) {
    const int code = emulation.usable();
    return code != kOk ? code : body(emulation);
  });
}

const char* text_of(int code) {
  switch (code) {
  case kOk:
    return "no error";
  case kInvalidValue:
    return "invalid argument";
  case cuda::kOutOfMemory:
    return "out of memory";
  case kInvalidDevice:
    return "invalid device ordinal";
  case kInvalidContext:
    return "invalid device context";
  case kInvalidCode:
    return "code that cannot be compiled";
  case kInvalidHandle:
    return "invalid resource handle";
  case kNotFound:
    return "named symbol not found";
  case kLaunchFailed:
    return "unspecified launch failure";
  case kCaptureUnsupported:
    return "operation not permitted when stream is capturing";
  case kCaptureInvalid:
    return "operation failed due to a previous error during capture";
  default:
    return nullptr;
  }
}

int error_string(int code, const char** text) {
  return call([&](Emulation& emulation) {
    *text = (code == kLaunchFailed || code == kInvalidCode) && !emulation.message.empty()
                ? emulation.message.c_str()
                : text_of(code);
    return *text ? kOk : kInvalidValue;
  });
}

// An H200's.
int device_attribute(int* value, int attribute, int) {
  static const std::map<int, int> kValues = {
      {cuda::kComputeCapabilityMajor, 9},
      {cuda::kComputeCapabilityMinor, 0},
      {cuda::kSharedBytesOptIn, static_cast<int>(kMostSharedBytes)},
      {cuda::kMultiprocessors, 132},
      {cuda::kClockRate, 1980000},
      {cuda::kMemoryClockRate, 3201000},
      {cuda::kMemoryBusWidth, 6144},
      {cuda::kSecondLevelCacheBytes, 60 << 20},
  };
  const auto found = kValues.find(attribute);
  if (found == kValues.end()) return kInvalidValue;
  *value = found->second;
  return kOk;
}

// On a stream that is not being captured.
int enqueue(CudaHandle handle, std::function<int()> work) {
  Stream* stream = Emulation::instance().stream(handle);
  if (!stream) return kInvalidHandle;
  if (stream->capture) return kCaptureUnsupported;
  stream->waiting.push_back(std::move(work));
  return kOk;
}

int copy_to_device(CudaAddress to, const void* from, std::size_t bytes, CudaHandle stream) {
  return call_usable([&](Emulation& emulation) -> int {
    if (!emulation.holds(to, bytes)) return kInvalidValue;
    return enqueue(stream, [=] {
      std::memcpy(Emulation::place(to), from, bytes);
      return kOk;
    });
  });
}

int copy_to_host(void* to, CudaAddress from, std::size_t bytes, CudaHandle stream) {
  return call_usable([&](Emulation& emulation) -> int {
    if (!emulation.holds(from, bytes)) return kInvalidValue;
    const int code = enqueue(stream, [=] {
      std::memcpy(to, Emulation::place(from), bytes);
      return kOk;
    });
    if (code == kOk) std::memset(to, kNoNumber, bytes);
    return code;
  });
}

int memory_fill(CudaAddress address, unsigned char byte, std::size_t bytes, CudaHandle stream) {
  return call_usable([&](Emulation& emulation) -> int {
    if (!emulation.holds(address, bytes)) return kInvalidValue;
    return enqueue(stream, [=] {
      std::memset(Emulation::place(address), byte, bytes);
      return kOk;
    });
  });
}

int module_load(CudaHandle* module, const void* image) {
  return call_usable([&](Emulation& emulation) -> int {
    const Result<HostLibrary> library = emulation.compile(static_cast<const char*>(image));
    if (!library) {
      emulation.message = library.failure().message;
      return kInvalidCode;
    }
    *module = emulation.add(std::make_unique<Module>(Module{*library, {}}));
    return kOk;
  });
}

int module_function(CudaHandle* function, CudaHandle handle, const char* name) {
  return call_usable([&](Emulation& emulation) -> int {
    Module* module = emulation.module(handle);
    if (!module) return kInvalidHandle;
    const HostLibrary::Kernel kernel = module->library.kernel(name);
    if (!kernel) return kNotFound;
    *function = &module->functions.try_emplace(name, Function{&module->library, kernel}).first->second;
    return kOk;
  });
}

int function_set_attribute(CudaHandle handle, int attribute, int value) {
  return call_usable([&](Emulation& emulation) -> int {
    Function* function = emulation.function(handle);
    if (!function) return kInvalidHandle;
    if (attribute != cuda::kMaxDynamicSharedBytes || value < 0 ||
        static_cast<unsigned>(value) > kMostSharedBytes)
      return kInvalidValue;
    function->shared_bytes = static_cast<unsigned>(value);
    return kOk;
  });
}

int launch(CudaHandle handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
           unsigned block_y, unsigned block_z, unsigned shared_bytes, CudaHandle stream_handle,
           void** arguments, void**) {
  return call_usable([&](Emulation& emulation) -> int {
    const Function* function = emulation.function(handle);
    Stream* stream = emulation.stream(stream_handle);
    if (!function || !stream) return kInvalidHandle;
    if (grid_x == 0 || grid_y != 1 || grid_z != 1 || block_x == 0 || block_x > kMostThreads || block_y != 1 ||
        block_z != 1 || shared_bytes > function->shared_bytes)
      return kInvalidValue;
    const auto argument = [&](std::size_t index, auto& value) {
      std::memcpy(&value, arguments[index], sizeof value);
    };
    Launch made;
    made.library = function->library;
    made.kernel = function->kernel;
    made.grid = {grid_x, block_x, shared_bytes};
    argument(0, made.arena);
    argument(1, made.scalars);
    argument(2, made.examples);
    argument(3, made.begin);
    argument(4, made.end);
    if (!emulation.holds(made.arena, 1) || !emulation.holds(made.scalars, 1)) return kInvalidValue;
    if (stream->capture)
      stream->capture->launches.push_back(made);
    else
      stream->waiting.emplace_back([made] { return Emulation::instance().execute(made); });
    return kOk;
  });
}

int capture_begin(CudaHandle handle, int) {
  return call_usable([&](Emulation& emulation) -> int {
    Stream* stream = emulation.stream(handle);
    if (!stream) return kInvalidHandle;
    if (stream->capture) return kCaptureInvalid;
    stream->capture = std::make_unique<Graph>();
    return kOk;
  });
}

int capture_end(CudaHandle handle, CudaHandle* graph) {
  return call_usable([&](Emulation& emulation) -> int {
    Stream* stream = emulation.stream(handle);
    if (!stream) return kInvalidHandle;
    if (!stream->capture) return kCaptureInvalid;
    *graph = emulation.add(std::move(stream->capture));
    return kOk;
  });
}

int graph_launch(CudaHandle handle, CudaHandle stream) {
  return call_usable([&](Emulation& emulation) -> int {
    const Graph* graph = emulation.graph(handle);
    if (!graph) return kInvalidHandle;
    return enqueue(stream, [graph] {
      for (const Launch& launch : graph->launches)
        if (const int code = Emulation::instance().execute(launch)) return code;
      return static_cast<int>(kOk);
    });
  });
}

int discard(CudaHandle handle) {
  return call([&](Emulation& emulation) { return emulation.discard(handle); });
}

CudaDriver make_table() {
  CudaDriver table;
  table.initialize = [](unsigned) { return static_cast<int>(kOk); };
  table.driver_version = [](int* version) {
    *version = 13000;
    return static_cast<int>(kOk);
  };
  table.error_string = error_string;
  table.device_count = [](int* count) {
    *count = 1;
    return static_cast<int>(kOk);
  };
  table.device_get = [](int* device, int ordinal) {
    *device = ordinal;
    return static_cast<int>(ordinal == 0 ? kOk : kInvalidDevice);
  };
  table.device_name = [](char* name, int length, int) {
    std::strncpy(name, kEmulatedDevice, static_cast<std::size_t>(length));
    return static_cast<int>(kOk);
  };
  table.device_attribute = device_attribute;
  table.context_retain = [](CudaHandle* context, int) {
    *context = &Emulation::instance();
    return static_cast<int>(kOk);
  };
  table.context_release = [](int) { return static_cast<int>(kOk); };
  table.context_set = [](CudaHandle context) {
    return call([&](Emulation& emulation) {
      emulation.context_set = context == &emulation;
      return static_cast<int>(emulation.context_set ? kOk : kInvalidContext);
    });
  };
  table.memory_info = [](std::size_t* free, std::size_t* total) {
    return call_usable([&](Emulation& emulation) {
      *free = emulation.free_bytes();
      *total = kEmulatedBytes;
      return static_cast<int>(kOk);
    });
  };
  table.memory_allocate = [](CudaAddress* address, std::size_t bytes) {
    return call_usable([&](Emulation& emulation) { return emulation.allocate(address, bytes); });
  };
  table.memory_free = [](CudaAddress address) {
    return call([&](Emulation& emulation) { return emulation.release(address); });
  };
  table.host_allocate = [](void** memory, std::size_t bytes) {
    *memory = std::malloc(bytes);
    if (!*memory) return static_cast<int>(cuda::kOutOfMemory);
    std::memset(*memory, kNoNumber, bytes);
    return static_cast<int>(kOk);
  };
  table.host_free = [](void* memory) {
    std::free(memory);
    return static_cast<int>(kOk);
  };
  table.copy_to_device = copy_to_device;
  table.copy_to_host = copy_to_host;
  table.memory_fill = memory_fill;
  table.module_load = module_load;
  table.module_unload = discard;
  table.module_function = module_function;
  table.function_set_attribute = function_set_attribute;
  table.launch = launch;
  table.stream_create = [](CudaHandle* stream, unsigned) {
    return call_usable([&](Emulation& emulation) {
      *stream = emulation.add(std::make_unique<Stream>());
      return static_cast<int>(kOk);
    });
  };
  table.stream_destroy = discard;
  table.stream_synchronize = [](CudaHandle handle) {
    return call_usable([&](Emulation& emulation) -> int {
      Stream* stream = emulation.stream(handle);
      if (!stream) return kInvalidHandle;
      return stream->capture ? static_cast<int>(kCaptureUnsupported) : emulation.run(*stream);
    });
  };
  table.capture_begin = capture_begin;
  table.capture_end = capture_end;
  table.graph_instantiate = [](CudaHandle* executable, CudaHandle handle, unsigned long long) {
    return call_usable([&](Emulation& emulation) -> int {
      const Graph* graph = emulation.graph(handle);
      if (!graph) return kInvalidHandle;
      *executable = emulation.add(std::make_unique<Graph>(*graph));
      return kOk;
    });
  };
  table.graph_launch = graph_launch;
  table.graph_destroy = discard;
  table.graph_executable_destroy = discard;
  table.event_create = [](CudaHandle* event, unsigned) {
    return call_usable([&](Emulation& emulation) {
      *event = emulation.add(std::make_unique<Event>());
      return static_cast<int>(kOk);
    });
  };
  table.event_destroy = discard;
  table.event_record = [](CudaHandle handle, CudaHandle stream) {
    return call_usable([&](Emulation& emulation) -> int {
      Event* event = emulation.event(handle);
      if (!event) return kInvalidHandle;
      event->recorded = true;
      event->done = false;
      return enqueue(stream, [event] {
        event->done = true;
        event->time = std::chrono::steady_clock::now();
        return kOk;
      });
    });
  };
  table.event_synchronize = [](CudaHandle handle) {
    return call_usable([&](Emulation& emulation) -> int {
      const Event* event = emulation.event(handle);
      if (!event) return kInvalidHandle;
      return event->recorded && !event->done ? emulation.run_all() : static_cast<int>(kOk);
    });
  };
  table.event_elapsed = [](float* milliseconds, CudaHandle start, CudaHandle end) {
    return call_usable([&](Emulation& emulation) -> int {
      const Event *first = emulation.event(start), *last = emulation.event(end);
      if (!first || !last || !first->done || !last->done) return kInvalidHandle;
      *milliseconds = std::chrono::duration<float, std::milli>(last->time - first->time).count();
      return kOk;
    });
  };
  return table;
}

} // namespace

const CudaDriver& emulated_cuda_driver() {
  static const CudaDriver table = make_table();
  return table;
}

} // namespace striate
