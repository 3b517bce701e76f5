// What names mean at one place of a body: compile-time values, tensors and layers, each bound once.
#pragma once

#include "frontend/compile_time_value.h"
#include "support/source_location.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

class Scope {
public:
  explicit Scope(const Scope* parent = nullptr) : parent_(parent) {}

  const CompileTimeValue* find(const std::string& name) const {
    const auto found = names_.find(name);
    if (found != names_.end()) return &found->second.value;
    return parent_ ? parent_->find(name) : nullptr;
  }
  // Binds a name here; false where it is bound here already. A name of an outer scope is shadowed.
  bool bind(const std::string& name, CompileTimeValue value, const SourceLocation& location = {}) {
    return names_.emplace(name, Entry{std::move(value), location}).second;
  }
  // A name that has no value here and may still be written, for suggestions.
  void mention(const std::string& name) { mentioned_.push_back(name); }
  void set(const std::string& name, CompileTimeValue value) { names_[name].value = std::move(value); }
  const SourceLocation& place_of(const std::string& name) const { return names_.at(name).location; }
  void collect_names(std::vector<std::string>& out) const {
    for (const auto& [name, entry] : names_) out.push_back(name);
    out.insert(out.end(), mentioned_.begin(), mentioned_.end());
    if (parent_) parent_->collect_names(out);
  }

private:
  struct Entry {
    CompileTimeValue value;
    SourceLocation location;
  };
  const Scope* parent_;
  std::map<std::string, Entry> names_;
  std::vector<std::string> mentioned_;
};

} // namespace striate
