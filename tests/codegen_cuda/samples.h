// Small programs in kernel IR, each with a plain C++ evaluation of what it must do.
#pragma once

#include "ir/kernel/kernel.h"

#include <functional>
#include <string>
#include <vector>

namespace striate {

struct Sample {
  Program program;
  int64_t examples = 0;
  std::vector<char> arena; // before the run
  std::vector<float> scalars;
  std::function<void(char* arena)> evaluate;
};

// y = a*x + y over a ragged number of elements: masks at the last vector.
Sample scaled_sum();
// y[n, o] = sum(k) w[o, k] * x[n, k], lanes over the batch, five outputs in registers.
Sample product_tile();
// A 3x3 contraction with bias, max with 0 and a 2x2 window maximum with its index, through scratch; lanes
// over the batch, so that every scratch element stays with its lane.
Sample window_over_batch_lanes();
// The same idea with lanes over a row: the window reads what other lanes stored.
Sample window_over_row_lanes();
// dw[o, r] = sum(n, i) dy[n, o, i] * x[n, i + r]: per-lane sums, masked to the batch, folded at the end; and
// the largest lane.
Sample folded_gradient();
// y = select(random < 0.25, 0, x / 0.75).
Sample random_mask();
// Scalar functions, conversions and element types, one output each.
Sample functions();
// Loop forms: overlap, bound, If, unrolled, quotients and remainders; no lane axis.
Sample loop_forms();

std::vector<std::pair<std::string, Sample>> all_samples();

} // namespace striate
