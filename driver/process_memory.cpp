#include "driver/process_memory.h"

#include <fstream>
#include <sstream>
#include <string>

namespace striate {

std::optional<ProcessMemory> process_memory() {
  std::ifstream file("/proc/self/status");
  ProcessMemory memory;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    int64_t kibibytes = 0;
    words >> name >> kibibytes;
    if (name == "VmRSS:") memory.resident = kibibytes * 1024;
    if (name == "VmHWM:") memory.peak = kibibytes * 1024;
  }
  if (memory.resident == 0 || memory.peak == 0) return std::nullopt;
  return memory;
}

} // namespace striate
