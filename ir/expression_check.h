// The typing rules of scalar expressions, shared by the verifiers of definitions and kernels.
#pragma once

#include "ir/expression.h"

#include <string>

namespace striate {

const char* name_of(ScalarType type); // "real", "int", "bool"

// What is wrong with one node, its arguments taken as sound: the number of arguments and indices, their types
// and its own. "" where nothing is.
std::string type_error(const Expr& e);

} // namespace striate
