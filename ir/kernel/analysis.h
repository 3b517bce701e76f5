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
// Every statement of a body, nested ones too, in order.
void visit_statements(const KernelBody& body, const std::function<void(const KernelStatement&)>& see);

// The statements before which all lanes of a parallel iteration must meet, where lanes are threads: one of
// its accesses (or of its body's) touches what another lane may have stored, or still has to load, since the
// last meeting. A statement without the lane axis stores by lane 0. No meeting is asked for where every
// element stays with its lane. A point that one statement computes twice is assumed to be computed alike.
std::set<const KernelStatement*> lane_barriers(const Kernel& kernel);

} // namespace striate
