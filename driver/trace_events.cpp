#include "driver/trace_events.h"

#include "support/time_trace.h"

namespace striate {

nlohmann::json trace_event(const std::string& name, int process, int thread, int64_t begin, int64_t end,
                           nlohmann::json arguments) {
  const auto microseconds = [](int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-3; };
  return {{"name", name},
          {"ph", "X"},
          {"pid", process},
          {"tid", thread},
          {"ts", microseconds(begin)},
          {"dur", microseconds(end - begin)},
          {"args", std::move(arguments)}};
}

nlohmann::json process_name(int process, const std::string& name) {
  return {{"name", "process_name"}, {"ph", "M"}, {"pid", process}, {"tid", 0}, {"args", {{"name", name}}}};
}

nlohmann::json compilation_events() {
  nlohmann::json events = nlohmann::json::array();
  const std::vector<TraceSpan> spans = time_trace();
  if (spans.empty()) return events;
  events.push_back(process_name(kCompilerProcess, "compilation"));
  const int64_t start = spans.front().begin;
  for (const TraceSpan& span : spans) {
    events.push_back(trace_event(span.name, kCompilerProcess, span.thread, span.begin - start,
                                 span.end - start, {{"of", span.detail}}));
    events.back()["cat"] = span.kind;
  }
  return events;
}

std::string trace_text(const nlohmann::json& events) {
  const nlohmann::json result = {{"traceEvents", events}, {"displayTimeUnit", "ns"}};
  return result.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace striate
