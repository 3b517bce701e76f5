// Events of the trace format that Chrome and Perfetto read ("Trace Event Format", Google, 2016).
#pragma once

#include "support/result.h"

#include <nlohmann/json.hpp>

#include <string>

namespace striate {

constexpr int kRunProcess = 1, kCompilerProcess = 2; // as which a trace shows them

// One that has begun and ended, in nanoseconds since the trace's first.
nlohmann::json trace_event(const std::string& name, int process, int thread, int64_t begin, int64_t end,
                           nlohmann::json arguments);
nlohmann::json process_name(int process, const std::string& name);

// What was compiled until now (support/time_trace.h).
nlohmann::json compilation_events();

std::string trace_text(const nlohmann::json& events);

} // namespace striate
