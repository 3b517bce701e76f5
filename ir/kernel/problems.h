// What is wrong with a kernel or a program, and which part of its text each problem is about: for messages
// that name a line.
#pragma once

#include "ir/kernel/kernel.h"

#include <string>
#include <vector>

namespace striate {

struct KernelProblem {
  std::string text;   // as verify() says it
  int kernel = -1;    // of a program; -1: the program itself
  int statement = -1; // of the kernel, counted as they stand in the text; -1: what stands before them
  int value = -1;     // of a program's placed values; -1: none
  int loop = -1;      // of a program's loops; -1: none
};

// In the order of verify(), which gives their texts.
std::vector<KernelProblem> problems_of(const Kernel& kernel);
std::vector<KernelProblem> problems_of(const Program& program);

} // namespace striate
