#include "runtime/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace striate {

static constexpr double kBarInterval = 0.1;    // seconds between redraws
static constexpr double kPlainInterval = 10.0; // seconds between plain lines
static constexpr int kWidestBar = 24, kNarrowestBar = 4;
static constexpr int kDefaultWidth = 80;

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto whole = static_cast<int64_t>(std::min(seconds, 1e12) + 0.5);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

// Half columns make the bar move twice as often.
static std::string bar_text(double fraction, int width) {
  const int halves = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 2 * width);
  std::string text;
  for (int i = 0; i < width; ++i) text += 2 * i + 1 < halves ? "━" : 2 * i + 1 == halves ? "╸" : "─";
  return text;
}

// Cuts UTF-8 text after `width` characters (each of ours takes one column).
static std::string cut(const std::string& text, int width) {
  int columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80;
    if (starts && columns++ == width) return text.substr(0, i);
  }
  return text;
}

std::string progress_line(const ProgressState& state, std::string_view unit, int width, bool bar) {
  const std::string head = fmt::format("{}{}epoch {}/{}  {}/{}", state.phase, state.phase.empty() ? "" : " ",
                                       state.epoch, state.epochs, state.batch, state.batches);
  std::string tail;
  for (const auto& [name, value] : state.values) tail += fmt::format("  {} {:.4g}", name, value);
  if (state.seconds > 0 && state.batches_timed > 0) {
    const double per_batch = state.seconds / static_cast<double>(state.batches_timed);
    tail += fmt::format("  {:.0f} {}/s  {} left", static_cast<double>(state.examples) / state.seconds, unit,
                        duration_text(per_batch * static_cast<double>(state.batches - state.batch)));
  }
  if (!bar) return head + tail;
  const int room = width - static_cast<int>(head.size() + tail.size()) - 1;
  if (room < kNarrowestBar) return cut(head + tail, width);
  const double fraction =
      static_cast<double>(state.batch) / static_cast<double>(std::max<int64_t>(state.batches, 1));
  return head + " " + bar_text(fraction, std::min(room, kWidestBar)) + tail;
}

static bool shows_bars(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  return isatty(fileno(stream)) && terminal && std::string_view(terminal) != "dumb";
}

static int terminal_width(std::FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

Progress::Progress(ProgressMode mode, std::FILE* stream, std::string unit)
    : mode_(mode), stream_(stream), unit_(std::move(unit)) {
  if (mode_ == ProgressMode::Auto) mode_ = shows_bars(stream) ? ProgressMode::Bar : ProgressMode::Plain;
}

Progress::~Progress() {
  if (line_open_) fmt::print(stream_, "\n");
}

void Progress::update(const ProgressState& state, double now) {
  if (mode_ == ProgressMode::None) return;
  if (!started_) {
    // A bar is shown at once; plain lines begin only when training takes long enough to want one.
    started_ = true;
    last_shown_ = mode_ == ProgressMode::Bar ? now - kBarInterval : now;
  }
  if (now - last_shown_ < (mode_ == ProgressMode::Bar ? kBarInterval : kPlainInterval)) return;
  last_shown_ = now;
  if (mode_ == ProgressMode::Plain) {
    fmt::print(stream_, "{}\n", progress_line(state, unit_, 0, false));
  } else {
    // One column short: a full last column makes some terminals wrap.
    fmt::print(stream_, "\r{}\x1b[K", progress_line(state, unit_, terminal_width(stream_) - 1, true));
    line_open_ = true;
  }
  std::fflush(stream_);
}

void Progress::clear() {
  if (line_open_) fmt::print(stream_, "\r\x1b[K");
  line_open_ = false;
}

void Progress::finish_epoch(std::string_view line) {
  if (mode_ != ProgressMode::None) message(line);
}

void Progress::message(std::string_view line) {
  clear();
  fmt::print(stream_, "{}\n", line);
  std::fflush(stream_);
}

} // namespace striate
