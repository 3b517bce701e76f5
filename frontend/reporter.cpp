#include "frontend/reporter.h"

namespace striate {

static constexpr int64_t kStepLimit = 4'000'000;
static constexpr std::size_t kCallDepthLimit = 64;
static constexpr std::size_t kShownMessages = 20;

SourceLocation Reporter::user_place(const SourceLocation& place) const {
  if (!is_library_place(place)) return place;
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame)
    if (!is_library_place(frame->call)) return frame->call;
  return place;
}

DiagnosticMessage& Reporter::add(Diagnostic kind, const SourceLocation& place, std::string text) {
  if (quiet_) return silent_ = {};
  const SourceLocation shown = user_place(place);
  DiagnosticMessage& message = diagnostics_.error(kind, shown, "{}", text);
  if (!(shown == place)) message.note_at(place, "from the library");
  int notes = 0;
  for (auto frame = frames_.rbegin(); frame != frames_.rend() && notes < 3; ++frame)
    if (!is_library_place(frame->call) && !(frame->call == shown)) {
      message.note_at(frame->call, "in `{}`, used here", frame->item->name);
      ++notes;
    }
  return message;
}

DiagnosticMessage& Reporter::unknown_name(Diagnostic kind, const SourceLocation& place,
                                          const std::string& name, const std::string& text,
                                          const std::vector<std::string>& candidates,
                                          const Library* library) {
  const std::string near = nearest_name(name, candidates);
  // The texts are searched for messages that are shown only: hostile ones have many.
  std::vector<SourceLocation> definition;
  if (!near.empty() && !quiet_ && diagnostics_.messages().size() < kShownMessages)
    definition = diagnostics_.places_of(near, 2);
  const bool unused = definition.size() == 1 && !is_library_place(definition[0]) && !(definition[0] == place);
  if (unused && diagnostics_.places_of(name, 2).size() > 1)
    return diagnostics_
        .error(kind, definition[0], "`{}` is used and never defined; `{}`, defined here, is never used", name,
               near)
        .note_at(user_place(place), "`{}` is used here", name)
        .suggest(definition[0], name, "did you mean `{}`?", name);
  DiagnosticMessage& message = add(kind, place, text);
  const std::string known = library && !unused ? library->also_called(name, candidates) : "";
  if (!known.empty())
    message.suggest(place, known, "Striate's name for it is `{}`", known);
  else if (!near.empty())
    message.suggest(place, near, "did you mean `{}`?", near);
  if (unused)
    message.note_at(definition[0], "`{}` is defined here, and nothing uses it", near)
        .suggest(definition[0], name, "or was `{}` meant there?", name);
  return message;
}

bool Reporter::enter(const ast::Item& item, const SourceLocation& call) {
  for (const CallFrame& frame : frames_)
    if (frame.item == &item) {
      error(Diagnostic::Recursion, call, "`{}` contains itself", item.name)
          .note("the language has no recursion: every network is finite");
      return false;
    }
  if (frames_.size() >= kCallDepthLimit) {
    error(Diagnostic::TooMuchWork, call, "calls nest deeper than {}", kCallDepthLimit);
    return false;
  }
  frames_.push_back({&item, call});
  return true;
}

bool Reporter::spend(int64_t steps, const SourceLocation& place) {
  const bool within = steps_ <= kStepLimit;
  steps_ += steps;
  if (steps_ <= kStepLimit) return true;
  const bool quiet = quiet_;
  quiet_ = false;
  if (within)
    error(Diagnostic::TooMuchWork, place, "the program takes more than {} steps to expand", kStepLimit)
        .note("the language is total: an untrusted file is done quickly, or refused");
  quiet_ = quiet;
  return false;
}

} // namespace striate
