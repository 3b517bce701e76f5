// What `standardize` and `whiten` take from a training split: means, scales and directions of a column's
// numbers, in f64, by one walk over the split for the means and one for the rest. Whitening holds a matrix of
// features x features (3,072 features: 75 MB), and decomposes it (some minutes for 3,072).
#pragma once

#include "runtime/dataset.h"

namespace striate {

struct FeatureFit {
  Tensor mean;  // f32[groups]
  Tensor scale; // f32[groups]: 1 over the standard deviation (of the split, not of a sample); 1 where it is 0
};

// An example's numbers are so many groups of neighbours: as many as there are numbers, or as there are
// channels.
Result<FeatureFit> fit_standardization(const Split& split, std::size_t column, int64_t groups);

struct WhiteningFit {
  Tensor mean;  // f32[features]
  Tensor basis; // f32[kept, features]
};

// Rows of the basis: the directions of the largest variance v first, times 1 / sqrt(v + epsilon), their
// largest component positive. With `zca`, these turned back into the features' own axes (Bell and Sejnowski
// 1997).
Result<WhiteningFit> fit_whitening(const Split& split, std::size_t column, int64_t kept, double epsilon,
                                   bool zca);

} // namespace striate
