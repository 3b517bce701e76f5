// Which tiles pass through loops, and which statements run *piece by piece*: where a loop carries more
// hardware vectors than there are registers, the statements round it are emitted once per piece of the 16
// lanes, so that a register tile may be as large in logical vectors on narrow hardware. Lanes never meet
// there, so the bits agree.
#pragma once

#include "ir/kernel/kernel.h"

#include <set>

namespace striate::cpu {

// The tiles that statements assign, in order of first assignment.
std::vector<int> tiles_assigned(const KernelBody& statements);
// The tiles that they may read before they assign them.
std::set<int> tiles_read_first(const KernelBody& statements);

// How many statements from number `first` on should run piece by piece, together: 0 where none should.
std::size_t run_by_pieces(const Kernel& kernel, const KernelBody& statements, std::size_t first, int pieces,
                          int vector_registers);

} // namespace striate::cpu
