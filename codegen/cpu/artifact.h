// Programs -> one object file with a C interface, for programs that have no Striate (`striate build -o net`).
// The header that declares it is the driver's (driver/artifact_header.h); it holds, for a prefix `net`:
//
//   int  net_ENTRY(void *workspace, [const net_settings *,] int64_t examples, inputs..., outputs...,
//                  const net_threads *)                           for each entry
//   void net_init(void *workspace, uint64_t seed)                 where there is a program for it
//   void net_load_trained(void *workspace)                        where weights are built in
//   void net_save(const void *workspace, void *file)              a safetensors file, in memory
//   int  net_load(void *workspace, const void *file, uint64_t bytes)
//   int  net_version(void), net_use_version(int)                  where it is made for several CPUs
//
// Assumes programs that were lowered together (one persistent segment). Guarantees: no allocation, no state
// but the workspace (and which version runs, where there are several), no symbol from outside but the C
// library's memcpy, memset and, for a CPU without a fused multiply-add, fmaf and fma; the same kernels, and
// so the same bits, as in this process; the caller's floating-point environment is as it was. Shown by
// tests/end_to_end/artifact_test.py.
#pragma once

#include "ir/kernel/kernel.h"
#include "runtime/executable.h"
#include "support/result.h"
#include "support/target_info.h"

#include <string>
#include <vector>

namespace striate {

// What the C functions return.
constexpr int kArtifactOk = 0, kArtifactBadExamples = 1, kArtifactBadFile = 2, kArtifactBadVersion = 3;

struct ArtifactEntry {
  std::string name; // "run", "train_step", "eval"
  bool takes_settings = false;
  std::vector<Placement> inputs, outputs; // null pointers stand for what the caller leaves out
};

// The kernels for one CPU. Of several, the last one that the machine can run is taken while it runs; their
// CPUs are levels (is_level), in ascending order.
struct ArtifactVersion {
  TargetInfo target;
  std::vector<const Program*> entries; // as those of the artifact
  const Program* init = nullptr;       // nullptr in all versions, or in none
};

struct Artifact {
  std::string prefix;
  int64_t capacity = 0;
  std::vector<ArtifactEntry> entries;
  std::vector<ArtifactVersion> versions; // at least one
  std::vector<Placement> persistents;    // in the order of `file_header`
  // The fields of net_settings behind seed, step and epoch: scalars of the programs, as doubles.
  std::vector<std::string> settings;
  // For each tensor of `persistents`, its storage as it lies in the arena; "" where nothing is built in.
  std::vector<std::string> weights;
  std::string file_header; // what a safetensors file of them begins with
};

// "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4": CPUs that code can find out about while it runs.
bool is_level(const TargetInfo& target);

Result<std::string> artifact_object(const Artifact& artifact);

} // namespace striate
