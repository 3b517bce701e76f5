// Measures what this machine can do at most, with code of our own back end.
#pragma once

#include "runtime/thread_pool.h"
#include "support/machine_speed.h"
#include "support/result.h"
#include "support/target_info.h"

namespace striate {

// Takes about a third of a second. Each figure is the best of several runs.
Result<MachineSpeed> measure_machine(const TargetInfo& target, ThreadPool& pool);

} // namespace striate
