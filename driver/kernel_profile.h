// Where the time of an entry point goes, kernel by kernel, beside the work and the
// machine's limits. Tested by tests/driver/bench_test.py.
#pragma once

#include "driver/bench_subject.h"
#include "runtime/timeline.h"
#include "runtime/training_profile.h"
#include "support/machine_speed.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace striate {

struct KernelProfile {
  std::size_t kernel = 0; // of the program
  std::string name, place;
  double seconds = 0; // of a typical run, until the calling thread's part is done
  double wait = 0;    // from then on, for the other threads
  double flop = 0;    // operations per run
  double bytes = 0;   // that it reads and writes per run, of each buffer once (ir/cost.h)
};

struct RunProfile {
  std::vector<double> runs; // seconds of each, in order
  std::vector<KernelProfile> kernels;
  double typical = 0;                               // the mean of the middle half of them
  std::vector<std::pair<std::string, double>> host; // what it spends beside kernels, and is accounted for
  double outside = 0;                               // what is left of it between kernels

  double waits() const; // of all kernels
};

// Runs for `seconds` (or `iterations` times, where that is not 0), after a warm-up; at least three times.
// `last`: the timeline of the last run. What runs on a device is not disturbed while a run is timed: the
// times of kernels come from further runs, in which it reads its clock between them.
Result<RunProfile> profile_runs(BenchSubject& subject, double seconds, int64_t iterations, Timeline& last);

// A training's updates, each part divided by their number: no runs of their own. `compilation` is that of the
// phase.
RunProfile profile_of_updates(const TrainingProfile::Phase& phase, const Compilation& compilation);

// The value below which a share of the values lies, 0 to 1.
double quantile(std::vector<double> values, double share);

// "12.3 us", "4.56 ms", "1.23 s".
std::string seconds_text(double seconds);

// The table for people: `rows` kernels that take most time (0: all) or the one that is wanted alone, and the
// rest as one row.
std::string profile_table(const RunProfile& profile, const MachineSpeed& speed, int64_t rows,
                          std::optional<std::size_t> only = {});
// `code`: of each kernel, what code_json() says of it; null: nothing does.
std::string profile_json(const BenchSubject& subject, const RunProfile& profile, const MachineSpeed& speed,
                         const std::optional<MemoryUse>& memory, const nlohmann::json& code);
// The regions (`stage` "kernel", or where there are none: the kernels) as text, each with what it costs, the
// time that the machine's limits leave for it, and the time that it took.
std::string annotated_text(const BenchSubject& subject, const RunProfile& profile, const MachineSpeed& speed,
                           const std::string& stage);
// One run in the trace format of Chrome and Perfetto.
std::string trace_json(const BenchSubject& subject, const Timeline& timeline);

} // namespace striate
