// Located errors for users: collected, limited, sorted by place, printed with the source line, a caret range,
// notes and suggestions. Wording: lower case, no full stop, back-ticks round code; say what was seen, then
// the rule if it is not obvious.
//
//   diagnostics.error(Diagnostic::UnknownName, location, "nothing is called `{}` here", name)
//       .note("the layers in scope are {}", list)
//       .help("did you mean `{}`?", suggestion);
#pragma once

#include "support/source_location.h"

#include <fmt/format.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

enum class Diagnostic {
#define DIAGNOSTIC(kind, code, title) kind,
#include "support/diagnostic_list.def"
#undef DIAGNOSTIC
};

const char* diagnostic_code(Diagnostic kind);
const char* diagnostic_title(Diagnostic kind);

struct DiagnosticMessage {
  Diagnostic kind;
  SourceLocation location;
  std::string text;
  struct Remark {
    bool is_help = false;    // printed as "help:", else as "note:"
    SourceLocation location; // shown with its own source line where it is known
    std::string text;
    // What a program may put in: instead of the text at `replaces`; where its length is 0, before it.
    std::optional<std::string> replacement = std::nullopt;
    SourceLocation replaces = {};
  };
  std::vector<Remark> remarks;
  bool warning = false; // the program works; it is probably not what was meant

  template <typename... Args>
  DiagnosticMessage& note(fmt::format_string<Args...> format, Args&&... args) {
    return remark(false, {}, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  DiagnosticMessage& note_at(const SourceLocation& place, fmt::format_string<Args...> format,
                             Args&&... args) {
    return remark(false, place, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  DiagnosticMessage& help(fmt::format_string<Args...> format, Args&&... args) {
    return remark(true, {}, fmt::format(format, std::forward<Args>(args)...));
  }
  // "did you mean `name`?", for a name at the message's place.
  DiagnosticMessage& did_you_mean(const std::string& name);
  template <typename... Args>
  DiagnosticMessage& suggest(const SourceLocation& place, std::string replacement,
                             fmt::format_string<Args...> format, Args&&... args) {
    help(format, std::forward<Args>(args)...);
    remarks.back().replacement = std::move(replacement);
    remarks.back().replaces = place;
    return *this;
  }

private:
  DiagnosticMessage& remark(bool is_help, const SourceLocation& place, std::string words);
};

class Diagnostics {
public:
  // The text of a file, so that messages can show its lines. Files are remembered by the name used in
  // locations.
  void add_source(const std::string& file, std::string text);

  // Records an error. The reference stays valid until the Diagnostics dies. A second error at the same place
  // is recorded as suppressed (no cascades) and never printed.
  template <typename... Args>
  DiagnosticMessage& error(Diagnostic kind, const SourceLocation& location,
                           fmt::format_string<Args...> format, Args&&... args) {
    return add(kind, location, fmt::format(format, std::forward<Args>(args)...));
  }

  template <typename... Args>
  DiagnosticMessage& warning(Diagnostic kind, const SourceLocation& location,
                             fmt::format_string<Args...> format, Args&&... args) {
    DiagnosticMessage& message = error(kind, location, format, std::forward<Args>(args)...);
    message.warning = true;
    return message;
  }

  // Warnings count as errors from here on.
  void deny_warnings() {
    for (DiagnosticMessage& message : messages_) message.warning = false;
  }
  bool has_errors() const { return error_count() > 0; }
  std::size_t error_count() const;
  const std::deque<DiagnosticMessage>& messages() const { return messages_; }

  // In source order: by file as they were first named, then by place.
  std::vector<const DiagnosticMessage*> sorted() const;
  // The text at a place, or "" where it is not known.
  std::string source_text(const SourceLocation& place) const;
  // Where a name is written in the texts, comments included; at most `most` places.
  std::vector<SourceLocation> places_of(std::string_view name, std::size_t most) const;

  // All messages as text, in source order, at most `limit` of them; colours as ANSI codes if asked for.
  std::string render(bool color = false, std::size_t limit = 20) const;

private:
  DiagnosticMessage& add(Diagnostic kind, const SourceLocation& location, std::string text);

  std::deque<DiagnosticMessage> messages_;
  DiagnosticMessage suppressed_;
  std::map<std::string, std::vector<std::string>> lines_;
};

// The candidate nearest to `name`, or "" where none is near: edit distance <= max(1, length / 3).
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

} // namespace striate
