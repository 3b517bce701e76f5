// What training shows while it runs, always on stderr (or the given stream): on a terminal one line,
// rewritten; else a plain line every ten seconds and one per epoch, never a carriage return.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace striate {

enum class ProgressMode { Auto, Bar, Plain, None };

struct ProgressState {
  std::string phase;              // "": none
  int64_t epoch = 1, epochs = 1;  // from 1
  int64_t batch = 0, batches = 1; // done of all
  int64_t examples = 0;           // done in this epoch by this process
  double seconds = 0;             // spent on them
  int64_t batches_timed = 0;      // batches behind `seconds` (fewer than `batch` after a resume)
  std::vector<std::pair<std::string, double>> values; // "loss", "accuracy", ... in order
};

// "epoch 3/10  812/938 ━━━━━╸───  loss 0.0712  accuracy 0.978  10312 images/s  4s left", at most `width`
// columns: the bar shrinks first, then the line is cut. With `bar` false the line has no bar and is not cut.
std::string progress_line(const ProgressState& state, std::string_view unit, int width, bool bar);

// "4s", "2m05s", "1h07m".
std::string duration_text(double seconds);

class Progress {
public:
  // `unit` is what an example is called in the speed: "images".
  Progress(ProgressMode mode, std::FILE* stream, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `now` is any monotonic clock in seconds.
  void update(const ProgressState& state, double now);
  // The line that stays: the epoch's results. Replaces the bar.
  void finish_epoch(std::string_view line);
  // Any other message, above the bar.
  void message(std::string_view line);

  bool is_bar() const { return mode_ == ProgressMode::Bar; }

private:
  void clear();

  ProgressMode mode_; // never Auto
  std::FILE* stream_;
  std::string unit_;
  double last_shown_ = -1;
  bool started_ = false;
  bool line_open_ = false;
};

} // namespace striate
