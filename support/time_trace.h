// How long the parts of a compilation take, and on which thread: for traces. Off unless begun; then each span
// that ends is kept, with those that were open around it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace striate {

struct TraceSpan {
  std::string name;           // "inline_pointwise"
  const char* kind;           // "pass"
  std::string detail;         // "LeNet.step"
  int thread = 0;             // from 1, by first use
  int64_t begin = 0, end = 0; // nanoseconds of the steady clock
};

// From now on spans are kept; to be called once, before they begin.
void begin_time_trace();
// Those that ended, in the order in which they began.
std::vector<TraceSpan> time_trace();

// Its own lifetime is the span.
class TimedSpan {
public:
  TimedSpan(const char* kind, std::string name, std::string detail = "");
  ~TimedSpan();
  TimedSpan(const TimedSpan&) = delete;
  TimedSpan& operator=(const TimedSpan&) = delete;

private:
  TraceSpan span_;
};

} // namespace striate
