// CHECK: for bugs of Striate's own, never for bad input. A failed check says so, names the place, and ends
// the process with exit code 70 after the registered crash hook (which writes the reproducer) has run.
#pragma once

#include <fmt/format.h>

#include <string>

namespace striate {

// Called once, before the process ends, when a CHECK fails; the driver sets it to write a reproducer and
// returns the text to show (where the reproducer lies).
using CrashHook = std::string (*)(const std::string& message);
void set_crash_hook(CrashHook hook);

[[noreturn]] void internal_error(const char* file, int line, const char* condition,
                                 const std::string& message);

} // namespace striate

#define CHECK(condition, ...)                                                                                \
  do {                                                                                                       \
    if (!(condition)) [[unlikely]]                                                                           \
      ::striate::internal_error(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__));              \
  } while (false)
