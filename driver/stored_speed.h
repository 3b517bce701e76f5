// The machine's speed, measured once by `striate machine` and kept for the user, so that predicted times cost
// nothing and are the same in every dump. One JSON file, machine.json in cache_folder(), with an entry for
// each CPU and number of threads.
#pragma once

#include "driver/compile.h"
#include "runtime/thread_pool.h"
#include "support/machine_speed.h"

#include <optional>
#include <string>

namespace striate {

// Where the file lies; "" where the environment names no folder.
std::string stored_speed_file();

// What is stored for this CPU (TargetInfo::name) and number of threads. A file that cannot be read, or is
// damaged, is as good as none; a warning goes to stderr.
std::optional<MachineSpeed> stored_speed(const std::string& cpu, int threads);
// The same, for the times that the pipeline predicts.
void use_stored_speed(CompileOptions& settings);

// What is stored, or measured now where nothing is; of a CUDA device, what it says of itself.
Result<MachineSpeed> known_speed(const CompileOptions& settings, ThreadPool& pool);

// Replaces what is stored for this CPU and number of threads, and keeps the rest. A Failure where the folder
// or the file cannot be written.
Status store_speed(const std::string& cpu, int threads, const MachineSpeed& speed);

} // namespace striate
