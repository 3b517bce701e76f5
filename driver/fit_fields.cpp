#include "driver/fit_fields.h"

#include "runtime/feature_fit.h"

namespace striate {

Status fit_fields(const DataDescription& data, const Split& training, Executor& executor) {
  using Kind = FitDescription::Kind;
  for (const FitDescription& fit : data.fits) {
    const auto column = static_cast<std::size_t>(fit.column);
    if (fit.kind == Kind::Standardize) {
      Result<FeatureFit> found = fit_standardization(training, column, fit.count);
      if (!found) return found.failure();
      executor.set(fit.mean, std::move(found->mean));
      executor.set(fit.scale, std::move(found->scale));
      continue;
    }
    Result<WhiteningFit> found =
        fit_whitening(training, column, fit.count, fit.epsilon, fit.kind == Kind::Zca);
    if (!found) return found.failure();
    executor.set(fit.mean, std::move(found->mean));
    executor.set(fit.scale, std::move(found->basis));
  }
  return {};
}

} // namespace striate
