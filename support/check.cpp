#include "support/check.h"

#include <cstdio>
#include <cstdlib>

namespace striate {

static CrashHook crash_hook = nullptr;

void set_crash_hook(CrashHook hook) { crash_hook = hook; }

void internal_error(const char* file, int line, const char* condition, const std::string& message) {
  std::fflush(stdout);
  const std::string text = fmt::format("{}:{}: `{}` does not hold{}{}", file, line, condition,
                                       message.empty() ? "" : ": ", message);
  fmt::print(stderr, "striate: internal error: {}\n", text);
  if (CrashHook hook = crash_hook) {
    crash_hook = nullptr;
    fmt::print(stderr, "{}\n", hook(text));
  }
  fmt::print(stderr, "This is a bug in Striate, not in your program.\n");
  std::fflush(stderr);
  std::_Exit(70);
}

} // namespace striate
