#include "support/time_trace.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

namespace striate {

namespace {

std::atomic<bool> wanted = false;
std::mutex guard;
std::vector<TraceSpan> spans; // under guard

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int this_thread_number() {
  static std::atomic<int> threads = 0;
  thread_local const int number = ++threads;
  return number;
}

} // namespace

void begin_time_trace() { wanted = true; }

std::vector<TraceSpan> time_trace() {
  const std::scoped_lock lock(guard);
  std::vector<TraceSpan> sorted = spans;
  // Of two that began at once, the one around the other first.
  std::ranges::stable_sort(sorted, [](const TraceSpan& a, const TraceSpan& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  return sorted;
}

TimedSpan::TimedSpan(const char* kind, std::string name, std::string detail)
    : span_{std::move(name), kind, std::move(detail)} {
  if (wanted) span_.begin = now();
}

TimedSpan::~TimedSpan() {
  if (!wanted) return;
  span_.end = now();
  span_.thread = this_thread_number();
  const std::scoped_lock lock(guard);
  spans.push_back(std::move(span_));
}

} // namespace striate
