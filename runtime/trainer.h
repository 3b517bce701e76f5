// The training loop: epochs of batches, evaluation, the metrics log, checkpoints, progress, interrupts.
// Guarantees: a run that is stopped and resumed, at whatever step, leaves the same bits in weights,
// checkpoints and metrics (but for wall times) as one that was not; nothing that is not finite is ever saved.
//
// The counters that compiled code reads, of the phase: "step" is the number of the update, from 1; "epoch"
// the number of epochs finished; both stand still while evaluating. Numbers that change while training are
// set beside them. Checkpoints and the log count steps and epochs over the whole run.
#pragma once

#include "runtime/checkpoint.h"
#include "runtime/dataset.h"
#include "runtime/executor.h"
#include "runtime/load_weights.h"
#include "runtime/plateau.h"
#include "runtime/progress.h"
#include "runtime/training_profile.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace striate {

// Means over the examples, "loss" first and then the metrics in their order.
using MetricValues = std::vector<std::pair<std::string, double>>;

// When an update takes place within its phase, for numbers that change while training.
struct Moment {
  int64_t step = 0, steps = 0;   // its number, from 1; how many the phase has
  int64_t epoch = 0, epochs = 0; // finished before it; how many the phase has
  std::vector<double> plateaus;
};

// A run-time scalar that is set before each update, and shown and logged as `name`.
struct Schedule {
  std::string scalar;
  std::string name;
  std::function<double(const Moment&)> value;
};

// One phase of a run; a run without phases is one, without a name.
struct PhaseOptions {
  std::string name;
  int64_t epochs = 1;
  int64_t batch = 64;     // examples an update
  int64_t accumulate = 1; // runs of the step that make one update; not above `batch`
  std::vector<ColumnBinding> bindings;
  std::vector<std::string> metrics; // names of outputs beside "loss"
  std::vector<Schedule> schedules;
  std::vector<PlateauRule> plateaus;
  std::vector<WeightLoad> loads; // before its first step
  int64_t checkpoint_every = 1;  // epochs
  int checkpoint_keep = 3;
  std::string best; // "val.accuracy": its best checkpoint is kept too; "": none

  // The most examples of a run of the step.
  int64_t capacity() const { return (batch + accumulate - 1) / accumulate; }
};

struct TrainerOptions {
  uint64_t seed = 1;
  std::vector<PhaseOptions> phases; // one or more
  // Called once, when first weights are there and before any are loaded: sets the states that the training
  // split settles. Not where a run is resumed.
  std::function<Status(Executor&, const Split& training)> settle;

  std::string run_folder;                   // opened by open_run_folder
  std::map<std::string, std::string> notes; // saved with every checkpoint: version, command line, source hash
  std::map<std::string, std::string> data_notes; // saved with checkpoints, and with the weights alone

  ProgressMode progress = ProgressMode::Auto;
  std::string unit = "examples"; // "images"

  TrainingProfile* profile = nullptr; // is added to, if set
};

struct TrainingResult {
  ExitCode code = ExitCode::Ok; // or Interrupted, Terminated: then a checkpoint of that very step was saved
  int64_t epoch = 0;            // epochs finished, of all phases
  int64_t step = 0;
  std::string checkpoint; // the path of the last one saved
  std::vector<std::pair<std::string, MetricValues>>
      splits; // of the last epoch, and "test" of the final weights
};

// Makes the executor of a phase, when it begins. All of them have the same parameters and layer states.
using ExecutorMaker = std::function<Result<Executor>(std::size_t phase)>;

// Trains on the split "train", evaluates "val" after every epoch where there is one, and the remaining splits
// at the end. Phases run in order: each takes over the weights, and begins with new optimizer states,
// counters, plateaus and watch over the best. `resume`: the checkpoint to go on from, in its phase; else the
// weights are initialised. Writes `model.safetensors`, the weights alone, at the end.
Result<TrainingResult> train(const ExecutorMaker& make_executor, const Dataset& dataset,
                             const TrainerOptions& options, const LatestCheckpoint* resume = nullptr);

// Loss and metrics over a split, by the entry point `eval`. Stops between batches when an interrupt asks to;
// then there is no value.
Result<std::optional<MetricValues>> evaluate(Executor& executor, const Split& split,
                                             const PhaseOptions& options);

} // namespace striate
