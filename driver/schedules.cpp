#include "driver/schedules.h"

#include <fmt/format.h>

namespace striate {

double evaluate_schedule(const ExprRef& schedule, const Moment& moment) {
  std::map<std::string, double> values = {{"step", static_cast<double>(moment.step)},
                                          {"steps", static_cast<double>(moment.steps)},
                                          {"epoch", static_cast<double>(moment.epoch)},
                                          {"epochs", static_cast<double>(moment.epochs)}};
  for (std::size_t i = 0; i < moment.plateaus.size(); ++i)
    values[fmt::format("plateau.{}", i)] = moment.plateaus[i];
  // Once every scalar is a number, building the expression anew folds it to one.
  const ExprRef number = rewrite(schedule, [&](const ExprRef& e) {
    return e->kind == Expr::Kind::Scalar ? constant(values.at(e->name)) : e;
  });
  CHECK(number->kind == Expr::Kind::Constant);
  return number->constant;
}

void set_schedules(const Module& module, PhaseOptions& options) {
  for (const ScalarSchedule& schedule : module.schedules) {
    // "optimizer.lr" is shown as "lr".
    const std::string shown = schedule.scalar.substr(schedule.scalar.find('.') + 1);
    options.schedules.push_back({schedule.scalar, shown, [value = schedule.value](const Moment& moment) {
                                   return evaluate_schedule(value, moment);
                                 }});
  }
  for (const PlateauDescription& plateau : module.plateaus)
    options.plateaus.push_back(
        {plateau.measure, plateau.factor, plateau.patience, plateau.threshold, plateau.cooldown});
}

} // namespace striate
