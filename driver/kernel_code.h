// What a kernel's machine code looks like where it spends its time, beside what it takes: for `bench --code`.
#pragma once

#include "driver/bench_subject.h"
#include "driver/kernel_profile.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/inner_loop.h"

#include <optional>
#include <string>
#include <vector>

namespace striate {

struct KernelCode {
  std::optional<InnerLoop> loop;
  // Of a run: passes through the loop on each thread, as many as make the kernel's operations, were all of
  // them done in it; cycles of each, from the time that the kernel takes and the clock. 0: unknown.
  double passes = 0, cycles = 0;
  double instructions_per_cycle = 0; // counted by the processor, over the whole kernel; 0: not counted
};

struct CodeReport {
  double clock = 0;                // hertz, of dependent additions just now
  std::string no_counters;         // why the processor counted nothing; "" where it did
  std::vector<KernelCode> kernels; // as the profile has them
};

// Generates the code once more, as text. Where the processor's counters can be had, runs each kernel alone,
// too.
Result<CodeReport> code_report(BenchSubject& subject, const RunProfile& profile);

// The table for people, of the kernels of the table above it.
std::string code_table(const CodeReport& report, const RunProfile& profile, int64_t rows);
// Of each kernel, an object or (nothing loops) null.
nlohmann::json code_json(const CodeReport& report);

} // namespace striate
#endif
