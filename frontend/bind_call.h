// Arguments of a call, matched with what the item takes: positional ones in order, named ones by name,
// defaults for the rest; each of its declared type. `-> f(b)` puts the piped values first.
#pragma once

#include "frontend/evaluate.h"

#include <map>

namespace striate {

struct BoundInput {
  CompileTimeValue value;
  SourceLocation location;
};

struct BoundCall {
  std::vector<BoundInput> inputs; // in the item's order; more, or one fewer, where its last one is variadic
  std::map<std::string, CompileTimeValue> attributes; // every one, by name
};

enum class Takes { Inputs, Attributes, Both };

struct CallSite {
  std::vector<BoundInput> piped;
  const std::vector<ast::Argument>* arguments = nullptr; // nullptr: none
  SourceLocation location;
};

// nullopt after an error.
std::optional<BoundCall> bind_call(Evaluator& evaluator, Scope& scope, const ast::Item& item, Takes takes,
                                   const CallSite& site);

// `value` as the type of `parameter`, an attribute: an integer for a real, one integer for `int[2]`.
std::optional<CompileTimeValue> convert_attribute(Evaluator& evaluator, Scope& scope, const ast::Item& item,
                                                  const ast::Parameter& parameter,
                                                  const CompileTimeValue& value,
                                                  const SourceLocation& location);

// Fills in defaults, which may use earlier attributes. False after an error.
bool add_defaults(Evaluator& evaluator, const ast::Item& item,
                  std::map<std::string, CompileTimeValue>& attributes, const SourceLocation& call);

// A scope with the attributes, under their size names too (`groups G`).
Scope attribute_scope(const ast::Item& item, const std::map<std::string, CompileTimeValue>& attributes);

// The error about an argument that `item`, which takes these, does not have.
void unknown_argument(Reporter& reporter, const ast::Item& item,
                      const std::vector<ast::Parameter>& parameters, const ast::Argument& argument);

std::string signature_of(const ast::Item& item);

} // namespace striate
