#include "runtime/plateau.h"

#include <algorithm>
#include <cmath>

namespace striate {

bool lower_is_better(const std::string& measure) {
  return measure.ends_with("loss") || measure.ends_with("error");
}

void Plateau::observe(double measured) {
  const double margin = best_ ? rule_.threshold * std::fabs(*best_) : 0;
  const bool better =
      !std::isnan(measured) &&
      (!best_ || (lower_is_better(rule_.measure) ? measured < *best_ - margin : measured > *best_ + margin));
  if (better) best_ = measured;
  waited_ = better ? 0 : waited_ + 1;
  if (cooling_ > 0) {
    cooling_ -= 1;
    waited_ = 0;
  }
  if (waited_ <= rule_.patience) return;
  value_ *= rule_.factor;
  cooling_ = rule_.cooldown;
  waited_ = 0;
}

void Plateau::save(const std::string& prefix, std::map<std::string, double>& numbers) const {
  numbers[prefix + ".value"] = value_;
  numbers[prefix + ".waited"] = waited_;
  numbers[prefix + ".cooling"] = cooling_;
  if (best_) numbers[prefix + ".best"] = *best_;
}

void Plateau::restore(const std::string& prefix, const std::map<std::string, double>& numbers) {
  const auto number = [&](const char* name) -> std::optional<double> {
    const auto found = numbers.find(prefix + name);
    return found == numbers.end() ? std::nullopt : std::optional(found->second);
  };
  value_ = number(".value").value_or(1);
  waited_ = number(".waited").value_or(0);
  cooling_ = number(".cooling").value_or(0);
  best_ = number(".best");
}

} // namespace striate
