#include "runtime/training_profile.h"

#include <numeric>

namespace striate {

double TrainingProfile::Phase::rest() const {
  return total - inputs - results - host - std::accumulate(kernels.begin(), kernels.end(), 0.0) -
         std::accumulate(waits.begin(), waits.end(), 0.0);
}

} // namespace striate
