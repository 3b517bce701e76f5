// What `striate train --print-config` shows: every setting of a training as it is resolved, one a line,
// `NAME = VALUE`. Numbers have the names that --set and --param know.
#pragma once

#include "driver/program.h"

namespace striate {

std::string config_text(const OpenProgram& program);

} // namespace striate
