// The numbers that change while training, as functions that the runtime can call.
#pragma once

#include "frontend/elaborate.h"
#include "runtime/trainer.h"

namespace striate {

// In f64, as the reference meanings of ir/scalar_functions.def have it.
double evaluate_schedule(const ExprRef& schedule, const Moment& moment);

void set_schedules(const Module& module, PhaseOptions& options);

} // namespace striate
