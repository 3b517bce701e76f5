// An op of the language at concrete shapes -> a Definition. Assumes attributes bound (bind_call.h);
// guarantees a definition that `verify` accepts, or diagnostics.
#pragma once

#include "frontend/bind_call.h"
#include "frontend/library.h"
#include "ir/definition.h"

#include <functional>
#include <memory>

namespace striate {

struct OpInput {
  TensorType type;
  std::optional<double> number; // a compile-time number: it takes part as a constant and is no operand
};

struct OpCall {
  const ast::Item* item = nullptr;
  std::vector<OpInput> inputs;
  std::map<std::string, CompileTimeValue> attributes;
  SourceLocation location;
  std::string path;                 // of the call: it owns the random draws
  bool of_rows = false;             // a field's: draws belong to rows of the data, and the definition has a
                                    // last input, the rows' numbers, if it draws any
  std::optional<TensorType> result; // the shape of the only output, where no input gives it (initialisers)
  std::function<void(DiagnosticMessage&)> explain; // adds to shape errors how the shapes came about
};

std::optional<Definition> instantiate(const OpCall& call, Reporter& reporter, const Library& library);

// `item` at given operand types and attributes, whose texts are parsed as expressions; nullptr after an
// error.
std::shared_ptr<const Definition> instantiate_item(const Library& library, const ast::Item& item,
                                                   const std::vector<TensorType>& operands,
                                                   const std::map<std::string, std::string>& attributes,
                                                   Diagnostics& diagnostics);

// A first value of a parameter as an expression over its own indices, variables 0 .. rank-1; nullptr after an
// error.
ExprRef initial_value(const Definition& definition, const SourceLocation& place, Reporter& reporter);

} // namespace striate
