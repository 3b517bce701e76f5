#include "driver/hardware_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace striate {

static int open_counter(uint64_t what, int group) {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = what;
  attributes.disabled = group < 0 ? 1 : 0;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_GROUP;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, group, 0));
}

static Failure not_here(int error) {
  std::string why = std::strerror(error);
  if (error == EACCES || error == EPERM) {
    std::string level;
    std::ifstream("/proc/sys/kernel/perf_event_paranoid") >> level;
    why = "this system does not allow them";
    if (!level.empty()) why += fmt::format(" (kernel.perf_event_paranoid is {})", level);
  } else if (error == ENOENT || error == EOPNOTSUPP || error == ENODEV) {
    why = "this processor, or the virtual machine, has none";
  } else if (error == ENOSYS) {
    why = "the kernel, or what the process runs in, has no perf_event_open";
  }
  return {ExitCode::Failed, why};
}

Result<HardwareCounters> HardwareCounters::open() {
  const int cycles = open_counter(PERF_COUNT_HW_CPU_CYCLES, -1);
  if (cycles < 0) return not_here(errno);
  const int instructions = open_counter(PERF_COUNT_HW_INSTRUCTIONS, cycles);
  if (instructions < 0) {
    const int error = errno;
    close(cycles);
    return not_here(error);
  }
  return HardwareCounters(cycles, instructions);
}

HardwareCounters::HardwareCounters(HardwareCounters&& other) noexcept
    : cycles_(std::exchange(other.cycles_, -1)), instructions_(std::exchange(other.instructions_, -1)) {}

HardwareCounters::~HardwareCounters() {
  if (instructions_ >= 0) close(instructions_);
  if (cycles_ >= 0) close(cycles_);
}

void HardwareCounters::start() {
  ioctl(cycles_, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
  ioctl(cycles_, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

HardwareCounters::Counts HardwareCounters::stop() {
  ioctl(cycles_, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
  uint64_t values[3] = {}; // how many, and each
  if (read(cycles_, values, sizeof(values)) != static_cast<ssize_t>(sizeof(values))) return {};
  return {values[1], values[2]};
}

} // namespace striate
