// A factor that falls when a measure stops becoming better: PyTorch's ReduceLROnPlateau (relative threshold),
// as a number that starts at 1. Guarantees: saved and restored, it goes on as if never interrupted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace striate {

struct PlateauRule {
  std::string measure;     // "val.loss"
  double factor = 0.1;     // what it is multiplied by
  double patience = 10;    // so many epochs without a better value are borne
  double threshold = 1e-4; // a better value is better by more than this part of the best
  double cooldown = 0;     // epochs after a fall in which none is counted
};

// Whether lower values of a measure are better: "loss" and what ends in "loss" or "error".
bool lower_is_better(const std::string& measure);

class Plateau {
public:
  explicit Plateau(PlateauRule rule) : rule_(std::move(rule)) {}

  const PlateauRule& rule() const { return rule_; }
  double value() const { return value_; }
  // The measure at the end of an epoch; one that is not a number is not better.
  void observe(double measured);

  // Under names that begin with `prefix`.
  void save(const std::string& prefix, std::map<std::string, double>& numbers) const;
  void restore(const std::string& prefix, const std::map<std::string, double>& numbers);

private:
  PlateauRule rule_;
  double value_ = 1;
  std::optional<double> best_;
  double waited_ = 0;  // epochs without a better value
  double cooling_ = 0; // epochs of the cooldown left
};

} // namespace striate
