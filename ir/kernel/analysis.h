// Questions about a kernel that every emitter asks, answered from its structure alone.
//
// Assumes a verified kernel. Which loops form the parallel range, how often a loop runs, what an expression
// depends on; and, for targets whose lanes are threads, where lanes must wait for each other
// (tests/codegen_cuda/analysis_test).
#pragma once

#include "ir/kernel/kernel.h"

#include <set>

namespace striate {

// The outermost perfectly nested Parallel loops, outermost first, and the body that they share.
struct ParallelNest {
  std::vector<int> variables;
  const KernelBody* body = nullptr;
};
ParallelNest parallel_nest(const Kernel& kernel);

// How many values a loop variable takes, bounds aside.
int64_t iterations(const KernelVariable& variable, int64_t examples);
// The number of points of the parallel nest: what [begin, end) of a call is a part of.
int64_t parallel_extent(const Kernel& kernel, int64_t examples);

// A number that every value of the variable is a multiple of.
int64_t step_of(const KernelVariable& variable);

// Whether the value can differ between two values of the variable, all else equal (reads of memory apart).
bool depends_on(const Kernel& kernel, const ExprRef& value, int variable);

// What the kernel costs at a capacity: its operations, and the buffers in memory that it loads from and
// stores to, each whole and once. Without times.
Cost cost_of(const Kernel& kernel, int64_t capacity);

// All expressions that a statement itself evaluates (not those of its body): value, guard, index value.
std::vector<ExprRef> expressions_of(const KernelStatement& statement);
// How many elements a copy moves as one: 4, of 4 bytes each, where its innermost axis runs along four
// neighbours, at a multiple of four in both places, that are loaded together or not at all; else 1.
int copied_together(const Kernel& kernel, const KernelStatement& copy);
// Every statement of a body, nested ones too, in order.
void visit_statements(const KernelBody& body, const std::function<void(const KernelStatement&)>& see);

// The statements before which all lanes of a parallel iteration must meet, where lanes are threads: one of
// its accesses (or of its body's) touches what another lane may have stored, or still has to load, since the
// last meeting. A statement without the lane axis stores by lane 0. No meeting is asked for where every
// element stays with its lane. A point that one statement computes twice is assumed to be computed alike.
std::set<const KernelStatement*> lane_barriers(const Kernel& kernel);

// Of kernels with threads: an access that what other threads do may come between. `arrives`: to what is being
// copied to the buffer, and was not waited for.
struct ThreadConflict {
  const KernelStatement* statement = nullptr;
  int buffer = -1;
  bool arrives = false;
};
// None where a barrier stands between each two accesses that may touch one element of scratch, one of them to
// store it, and a wait and then a barrier between a copy and what touches its elements. Elements of memory
// that are stored belong to the thread that does, which reaches them by one offset. Of a buffer with
// several stages, offsets `c * ((e + i) % d) + rest` with rests within c are different for different i.
std::vector<ThreadConflict> thread_conflicts(const Kernel& kernel);

} // namespace striate
