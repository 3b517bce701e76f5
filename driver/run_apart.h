// Work in a process of its own, whose end, however bad, is not the end of this one. Assumes that this process
// has no other threads. Guarantees: it returns soon after `limit`, and the other process is gone by then.
// Standard output stays untouched: what the work prints goes to standard error. Shown by
// tests/driver/run_apart_test.cpp.
#pragma once

#include "support/result.h"

#include <chrono>
#include <functional>
#include <string>

namespace striate {

// The text that the work gives; a Failure, with its exit code, where it ends in another way. With `errors`,
// what it writes to standard error is there and not shown.
Result<std::string> run_apart(const std::function<std::string()>& work, std::chrono::milliseconds limit,
                              std::string* errors = nullptr);

} // namespace striate
