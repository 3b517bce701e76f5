// build --emit=html: all that is known of an entry point's compilation, as one page.
#pragma once

#include "driver/compile.h"
#include "driver/report/layer_calls.h"
#include "driver/report/pass_history.h"

#include <optional>
#include <string>

namespace striate {

// `file` is the program as the command line names it, `history` what the passes of this entry point did;
// `only`: of the kernels this one, and the passes as they were. Fails where machine code cannot be made for
// the target. Without a CPU back end the page has none.
Result<std::string> html_report(const CompiledEntry& entry, const PassHistory& history,
                                const LayerCalls& calls, const std::string& file,
                                const CompileOptions& options, std::optional<std::size_t> only = {});

} // namespace striate
