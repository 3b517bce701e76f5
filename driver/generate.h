// Text from a model of the next character (`striate run MODEL --generate N`): characters are drawn one by one
// from what the model says of the text so far. Guarantees: the same weights, prompt, settings and seed give
// the same text, whatever the number of threads. Shown by tests/end_to_end/generate_test.py.
#pragma once

#include "driver/options.h"
#include "driver/program.h"

#include <vector>

namespace striate {

// `needed`: the inputs that the model reads (keep_model_only). The text goes to stdout as it comes.
Status generate_text(const Options& options, const OpenProgram& program, const std::vector<ValueId>& needed);

// Draws one of the numbers 0, 1, ... with probabilities softmax(scores / temperature), of which the `top_k`
// likeliest are kept (0: all); `draw` is uniform in [0, 1). Temperature 0: the first of the largest.
// Scores are finite, and there is one at least.
std::size_t sample(const std::vector<double>& scores, double temperature, int64_t top_k, double draw);

} // namespace striate
