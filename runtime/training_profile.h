// Where the time of a training goes, in seconds: for `train --profile`. Every second of an update belongs to
// one row, so that the rows sum to the whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace striate {

struct TrainingProfile {
  // One phase's updates, in sum.
  struct Phase {
    std::size_t number = 0; // of the trainer's phases
    std::string name;
    int64_t updates = 0, examples = 0;
    double total = 0;                       // from the beginning of an update to that of the next, in sum
    double inputs = 0;                      // waiting for rows, and placing them
    std::vector<double> kernels;            // of the step, in order: until the calling thread's part is done
    std::vector<double> waits;              // of the same: from then on, for the other threads
    double results = 0;                     // reading loss and metrics, and adding them up
    double host = 0;                        // schedules, the log, progress
    double evaluation = 0, checkpoints = 0; // between updates

    // Between kernels, and whatever no other row has.
    double rest() const;
  };
  std::vector<Phase> phases; // those that ran, in order
};

} // namespace striate
