// The statements of a `train` block with its control flow decided: `repeat` is unrolled, `if` is chosen, the
// indices of `repeat` become numbers, and computed names (`enc{i}.weight`) become names. Total: bounded by
// the reporter's budget.
#pragma once

#include "frontend/evaluate.h"

namespace striate {

// Phases are unrolled inside too. After an error, which was reported, the statement is left out.
ast::BlockPtr unroll_train(const ast::Block& block, Reporter& reporter, const Library& library);

} // namespace striate
