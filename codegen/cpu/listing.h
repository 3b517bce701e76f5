// The text of compiled kernels, and which line of it each instruction belongs to: for annotated assembly, for
// debuggers and profilers.
#pragma once

#include "ir/kernel/kernel.h"

#include <string>
#include <vector>

namespace striate {

// Programs as they print, one after the other.
struct KernelListing {
  std::string text;
  // Of each program and kernel: the lines (from 1) of the kernel itself and of its statements, an outer one
  // before what is in it.
  std::vector<std::vector<std::vector<int>>> lines;
  // Where the text will lie, for those who look for it.
  std::string directory = ".", file = "kernels";
};

// Called after the model ("LeNet.kernels"), in the current folder.
KernelListing list_kernels(const std::vector<const Program*>& programs);

// Assembly with line directives as it came from the code generator: the directives become comments that hold
// the lines of the text themselves, and the tables for debuggers go.
std::string annotated_assembly(const std::string& assembly, const KernelListing& listing);

} // namespace striate
