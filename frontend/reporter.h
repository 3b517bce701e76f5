// Errors while elaborating, reported where the user can act: an error inside the standard library is shown at
// the call in the user's file that led there, with the place in the library as a note. Also counts the steps
// of elaboration, which are limited, so that every file is done quickly or refused.
#pragma once

#include "frontend/finding.h"
#include "frontend/library.h"
#include "support/diagnostics.h"

#include <string>
#include <vector>

namespace striate {

// An op or layer being expanded, and where it was called.
struct CallFrame {
  const ast::Item* item = nullptr;
  SourceLocation call;
};

class Reporter {
public:
  explicit Reporter(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  template <typename... Args>
  DiagnosticMessage& error(Diagnostic kind, const SourceLocation& place, fmt::format_string<Args...> format,
                           Args&&... args) {
    return add(kind, place, fmt::format(format, std::forward<Args>(args)...));
  }
  // A name that means nothing here: with the name that Striate uses for it, or the nearest of the candidates.
  // Where that one is a definition that nothing uses, and the unknown name is written more than once, the
  // definition is misspelt, and the message stands there.
  DiagnosticMessage& unknown_name(Diagnostic kind, const SourceLocation& place, const std::string& name,
                                  const std::string& text, const std::vector<std::string>& candidates,
                                  const Library* library = nullptr);
  // While quiet, errors are counted and not shown: for trying whether something can be evaluated.
  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool is_quiet() const { return quiet_; }

  // False, with an error, where the item is being expanded already or calls nest too deeply.
  bool enter(const ast::Item& item, const SourceLocation& call);
  void leave() { frames_.pop_back(); }
  const std::vector<CallFrame>& frames() const { return frames_; }
  // The place of the outermost call that is in the user's file, else `place`.
  SourceLocation user_place(const SourceLocation& place) const;

  // False, with an error the first time, when the budget is used up.
  bool spend(int64_t steps, const SourceLocation& place);

  void set_listener(FindingListener listener) { listener_ = std::move(listener); }
  // Whether anyone is told what is found at a place; not while quiet.
  bool is_heard(const SourceLocation& place) const {
    return listener_ && !quiet_ && !is_library_place(place);
  }
  void found(Finding::Kind kind, const SourceLocation& place, const std::string& text) {
    if (is_heard(place) && !text.empty()) listener_({kind, place, text});
  }

  Diagnostics& diagnostics() { return diagnostics_; }

private:
  DiagnosticMessage& add(Diagnostic kind, const SourceLocation& place, std::string text);

  Diagnostics& diagnostics_;
  FindingListener listener_;
  DiagnosticMessage silent_;
  std::vector<CallFrame> frames_;
  bool quiet_ = false;
  int64_t steps_ = 0;
};

} // namespace striate
