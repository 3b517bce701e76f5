// striate build -o net: net.o and net.h, for programs that have no Striate.
#pragma once

#include "driver/options.h"
#include "driver/program.h"

namespace striate {

// `module`: the model to build, or with --train the training.
Status build_artifact(const Options& options, Module module, const CompileOptions& settings,
                      const std::vector<TargetInfo>& targets);

} // namespace striate
