#include "runtime/trainer.h"

#include "runtime/interrupt.h"
#include "runtime/metrics_log.h"
#include "runtime/safetensors.h"
#include "support/version.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace striate {

static constexpr int64_t kLogInterval = 50; // steps between two lines of the loss of a batch
static constexpr const char* kExamples = "examples";
static constexpr const char* kLoss = "loss";

static double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
static double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

static bool is_finite(const Tensor& values) {
  return std::ranges::all_of(values.as<float>(), [](float value) { return std::isfinite(value); });
}

// Sums of per-example values in f64, in the order of the examples.
class MetricSums {
public:
  MetricSums(const std::vector<std::string>& metrics) : names_{kLoss} {
    names_.insert(names_.end(), metrics.begin(), metrics.end());
    sums_.resize(names_.size());
  }

  // Adds the outputs of a run; returns its sum of the loss.
  double add(const Executor& executor, const EntryPoint& entry, int64_t examples) {
    double loss = 0;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const Tensor values = executor.output(entry, names_[i], examples);
      double sum = 0;
      for (float value : values.as<float>()) sum += value;
      sums_[i] += sum;
      if (i == 0) loss = sum;
    }
    examples_ += examples;
    return loss;
  }

  int64_t examples() const { return examples_; }
  MetricValues means() const {
    MetricValues means;
    for (std::size_t i = 0; i < names_.size(); ++i)
      means.emplace_back(names_[i], sums_[i] / static_cast<double>(std::max<int64_t>(examples_, 1)));
    return means;
  }

  void save(std::map<std::string, double>& running) const {
    running[kExamples] = static_cast<double>(examples_);
    for (std::size_t i = 0; i < names_.size(); ++i) running["sum." + names_[i]] = sums_[i];
  }
  void restore(const std::map<std::string, double>& running) {
    const auto value = [&](const std::string& name) {
      const auto found = running.find(name);
      return found == running.end() ? 0 : found->second;
    };
    examples_ = static_cast<int64_t>(value(kExamples));
    for (std::size_t i = 0; i < names_.size(); ++i) sums_[i] = value("sum." + names_[i]);
  }

private:
  std::vector<std::string> names_;
  std::vector<double> sums_;
  int64_t examples_ = 0;
};

Result<std::optional<MetricValues>> evaluate(Executor& executor, const Split& split,
                                             const PhaseOptions& options) {
  const EntryPoint& entry = executor.executable().eval;
  const Batches batches(split, natural_order(split.size()), executor.executable().capacity);
  MetricSums sums(options.metrics);
  for (int64_t batch = 0; batch < batches.count(); ++batch) {
    if (stop_requested()) return std::optional<MetricValues>();
    const std::span<const int64_t> rows = batches.rows(batch);
    if (Status status = executor.set_inputs(entry, options.bindings, *split.table, rows); !status)
      return status.failure();
    if (Status run = executor.run(entry, static_cast<int64_t>(rows.size())); !run) return run.failure();
    sums.add(executor, entry, static_cast<int64_t>(rows.size()));
  }
  if (Status sound = executor.finish(); !sound) return sound.failure();
  return std::optional(sums.means());
}

// Draws of later phases, and of further runs of the step within an update, are others than the first's.
static uint64_t seed_of_draws(uint64_t seed, std::size_t phase, std::size_t part) {
  constexpr uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;
  return seed + kGoldenRatio * ((uint64_t{phase} << 32) + part);
}

// Adds the seconds for which it lives to one row of a profile, where there is one.
class Timed {
public:
  Timed(TrainingProfile::Phase* phase, double TrainingProfile::Phase::*row)
      : total_(phase ? &(phase->*row) : nullptr), began_(total_ ? steady_nanoseconds() : 0) {}
  ~Timed() {
    if (total_) *total_ += static_cast<double>(steady_nanoseconds() - began_) * 1e-9;
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

private:
  double* total_;
  int64_t began_;
};

// One run of the loop; its members are what the parts of the loop share.
class Trainer {
public:
  Trainer(const ExecutorMaker& make_executor, const Dataset& dataset, const TrainerOptions& options)
      : make_executor_(make_executor), dataset_(dataset), options_(options), sums_({}),
        progress_(options.progress, stderr, options.unit) {
    position_.seed = options.seed;
    position_.notes = options.notes;
    position_.notes.insert(options.data_notes.begin(), options.data_notes.end());
  }

  Result<TrainingResult> run(const LatestCheckpoint* resume) {
    train_split_ = dataset_.find("train");
    if (!train_split_) return bad_data("the data has no split called `train`");
    std::size_t number = 0;
    if (resume) {
      Result<std::size_t> saved = phase_of(*resume);
      if (!saved) return saved.failure();
      number = *saved;
      position_.log_offset = resume->checkpoint.log_offset;
    }
    if (Status status = begin_phase(number, resume); !status) return status.failure();
    if (Status status = check_loads(number); !status) return status.failure();
    Result<MetricsLog> log = MetricsLog::open(metrics_path(options_.run_folder), position_.log_offset);
    if (!log) return log.failure();
    log_ = &*log;

    while (true) {
      while (phase_epoch() < phase().epochs && result_.code == ExitCode::Ok)
        if (Status status = epoch(); !status) return status.failure();
      if (result_.code != ExitCode::Ok || ++number == options_.phases.size()) break;
      if (Status status = begin_phase(number, nullptr); !status) return status.failure();
    }
    if (result_.code == ExitCode::Ok)
      if (Status status = finish(); !status) return status.failure();
    result_.epoch = position_.epoch;
    result_.step = position_.step;
    return std::move(result_);
  }

private:
  const PhaseOptions& phase() const { return options_.phases[phase_number_]; }
  // Of the phase under way.
  int64_t phase_epoch() const { return position_.epoch - position_.phase_epoch; }
  int64_t phase_step() const { return position_.step - position_.phase_step; }
  // "epoch 2", "epoch 2 of `pretrain`"
  std::string epoch_text(int64_t number) const {
    return fmt::format("epoch {}{}", number, phase().name.empty() ? "" : " of `" + phase().name + "`");
  }

  Result<std::size_t> phase_of(const LatestCheckpoint& resume) const {
    const std::string& name = resume.checkpoint.phase;
    for (std::size_t number = 0; number < options_.phases.size(); ++number)
      if (options_.phases[number].name == name) return number;
    if (name.empty()) return bad_data("`{}` is of a run without phases", resume.path);
    return bad_data("`{}` was saved in the phase `{}`, which the program has not", resume.path, name);
  }

  // Makes the executor, and gives it the weights: those of the phase before, of a checkpoint, or first ones.
  Status begin_phase(std::size_t number, const LatestCheckpoint* resume) {
    std::vector<NamedTensor> weights;
    if (executor_) weights = executor_->weights();
    executor_.reset(); // one arena at a time
    phase_number_ = number;
    Result<Executor> made = make_executor_(number);
    if (!made) return made.failure();
    executor_.emplace(std::move(*made));
    begin_profile();
    CHECK(phase().batch >= 1 && phase().capacity() <= executor_->executable().capacity, "{}", phase().batch);
    sums_ = MetricSums(phase().metrics);
    plateaus_.clear();
    for (const PlateauRule& rule : phase().plateaus) plateaus_.emplace_back(rule);
    position_.batch_size = phase().batch;
    executor_->set_seed(options_.seed); // first weights are the same whatever phases there are
    if (Status status = executor_->initialize(); !status) return status;
    executor_->set_seed(seed_of_draws(options_.seed, number, 0));
    if (resume) return restore(*resume);
    if (weights.empty() && options_.settle)
      if (Status status = options_.settle(*executor_, *train_split_); !status) return status;
    if (!weights.empty())
      if (Status status = executor_->load(weights, false, "the phase before"); !status) return status;
    for (const WeightLoad& load : phase().loads) {
      Result<std::vector<NamedTensor>> loaded = with_loaded(executor_->weights(), load);
      if (!loaded) return loaded.failure();
      if (Status status = executor_->load(*loaded, false, load.file); !status) return status;
    }
    position_.phase = phase().name;
    position_.phase_step = position_.step;
    position_.phase_epoch = position_.epoch;
    position_.best.reset();
    position_.best_epoch = 0;
    return {};
  }

  void begin_profile() {
    if (!options_.profile) return;
    TrainingProfile::Phase phase;
    phase.number = phase_number_;
    phase.name = this->phase().name;
    phase.kernels.resize(executor_->executable().step.kernels.size());
    phase.waits.resize(phase.kernels.size());
    options_.profile->phases.push_back(std::move(phase));
    profile_ = &options_.profile->phases.back();
  }

  // A run of the step whose kernels are told apart, where a profile is wanted.
  Status run_step(const std::function<Status()>& run) {
    if (!profile_) return run();
    timeline_.clear();
    executor_->record(&timeline_);
    Status status = run();
    executor_->record(nullptr);
    for (const KernelSpan& span : timeline_) {
      profile_->kernels[span.kernel] += span.work_seconds();
      profile_->waits[span.kernel] += span.wait_seconds();
    }
    return status;
  }

  // What later phases load is looked at before the first step.
  Status check_loads(std::size_t first) const {
    for (std::size_t number = first + 1; number < options_.phases.size(); ++number)
      for (const WeightLoad& load : options_.phases[number].loads)
        if (const auto loaded = with_loaded(executor_->weights(), load); !loaded) return loaded.failure();
    return {};
  }

  Status restore(const LatestCheckpoint& resume) {
    const Checkpoint& saved = resume.checkpoint;
    if (saved.seed != options_.seed)
      return bad_data("`{}` was trained with seed {}, so it cannot be resumed with seed {}", resume.path,
                      saved.seed, options_.seed);
    if (saved.batch > 0 && saved.batch_size != phase().batch)
      return bad_data(
          "`{}` stopped within an epoch of batches of {}, so it cannot be resumed with batches of {}",
          resume.path, saved.batch_size, phase().batch);
    if (Status status = executor_->load(saved.tensors, true, resume.path); !status) return status;
    position_.phase = saved.phase;
    position_.phase_step = saved.phase_step;
    position_.phase_epoch = saved.phase_epoch;
    position_.epoch = saved.epoch;
    position_.batch = saved.batch;
    position_.step = saved.step;
    position_.best = saved.best;
    position_.best_epoch = saved.best_epoch;
    sums_.restore(saved.running);
    for (std::size_t i = 0; i < plateaus_.size(); ++i) plateaus_[i].restore(plateau_name(i), saved.running);
    result_.checkpoint = resume.path;
    return {};
  }

  static std::string plateau_name(std::size_t index) { return fmt::format("plateau.{}", index); }

  // The run-time scalars of an update of the current epoch; `step` counts in the phase.
  Status set_scalars(int64_t step, int64_t batches) {
    Moment moment{step, phase().epochs * batches, phase_epoch(), phase().epochs, {}};
    for (const Plateau& plateau : plateaus_) moment.plateaus.push_back(plateau.value());
    executor_->set_scalar("step", static_cast<double>(moment.step));
    executor_->set_scalar("epoch", static_cast<double>(moment.epoch));
    executor_->set_seed(seed_of_draws(options_.seed, phase_number_, 0));
    scheduled_.clear();
    for (const Schedule& schedule : phase().schedules) {
      const double value = schedule.value(moment);
      if (!std::isfinite(value))
        return not_finite(fmt::format("`{}` is {} at step {} ({})", schedule.name, value, moment.step,
                                      epoch_text(moment.epoch + 1)),
                          "");
      executor_->set_scalar(schedule.scalar, value);
      scheduled_.emplace_back(schedule.name, value);
    }
    return {};
  }

  // Trains from the current position to the end of the epoch, or until asked to stop.
  Status epoch() {
    const double started = monotonic_seconds();
    const Batches batches(
        *train_split_,
        shuffled_order(train_split_->size(), options_.seed, static_cast<uint32_t>(position_.epoch)),
        phase().batch);
    const int64_t first_batch = position_.batch, first_examples = sums_.examples();
    while (position_.batch < batches.count()) {
      if (Status status = update(batches); !status) return status;
      show_progress(batches, first_batch, first_examples, started);
      if (stop_requested()) return stop();
      if (take_save_request())
        if (Status status = save(false); !status) return status;
    }
    // Resumed behind the last update of the epoch, this process has not seen what is logged of it.
    if (Status status = set_scalars(phase_step(), batches.count()); !status) return status;
    return end_epoch(started);
  }

  Status update(const Batches& batches) {
    const Timed timed(profile_, &TrainingProfile::Phase::total);
    if (Status status = set_schedules(batches); !status) return status;
    if (Status status = step(batches.rows(position_.batch)); !status) return status;
    ++position_.batch;
    return {};
  }

  Status set_schedules(const Batches& batches) {
    const Timed timed(profile_, &TrainingProfile::Phase::host);
    return set_scalars(phase_step() + 1, batches.count());
  }

  void show_progress(const Batches& batches, int64_t first_batch, int64_t first_examples, double started) {
    const Timed total(profile_, &TrainingProfile::Phase::total);
    const Timed timed(profile_, &TrainingProfile::Phase::host);
    ProgressState state;
    state.phase = phase().name;
    state.epoch = phase_epoch() + 1;
    state.epochs = phase().epochs;
    state.batch = position_.batch;
    state.batches = batches.count();
    state.batches_timed = position_.batch - first_batch;
    state.examples = sums_.examples() - first_examples;
    const double now = monotonic_seconds();
    state.seconds = now - started;
    state.values = sums_.means();
    state.values.insert(state.values.end(), scheduled_.begin(), scheduled_.end());
    progress_.update(state, now);
  }

  // One update: of one run of the step, or of several that add up their gradients.
  Status step(std::span<const int64_t> rows) {
    const EntryPoint& entry = executor_->executable().step;
    const auto most = static_cast<std::size_t>(phase().capacity());
    executor_->set_mean_over(static_cast<int64_t>(rows.size()));
    double loss = 0;
    for (std::size_t first = 0, part = 0; first < rows.size(); first += most, ++part) {
      const std::span<const int64_t> some = rows.subspan(first, std::min(most, rows.size() - first));
      const auto examples = static_cast<int64_t>(some.size());
      if (part > 0) executor_->set_seed(seed_of_draws(options_.seed, phase_number_, part));
      executor_->set_scalar("update", first + most >= rows.size() ? 1 : 0);
      if (Status status = set_inputs(entry, some); !status) return status;
      if (Status run = run_step([&] { return executor_->run_forward(entry, examples); }); !run) return run;
      if (!loss_is_finite(entry, examples)) return loss_not_finite(entry, some);
      if (Status run = run_step([&] { return executor_->run_update(entry, examples); }); !run) return run;
      const Timed timed(profile_, &TrainingProfile::Phase::results);
      loss += sums_.add(*executor_, entry, examples);
    }
    ++position_.step;
    if (profile_) {
      ++profile_->updates;
      profile_->examples += static_cast<int64_t>(rows.size());
    }
    const Timed timed(profile_, &TrainingProfile::Phase::host);
    if (position_.step % kLogInterval != 0) return {};
    MetricValues values = {{kLoss, loss / static_cast<double>(rows.size())}};
    values.insert(values.end(), scheduled_.begin(), scheduled_.end());
    return record("batch", values);
  }

  Status set_inputs(const EntryPoint& entry, std::span<const int64_t> rows) {
    const Timed timed(profile_, &TrainingProfile::Phase::inputs);
    return executor_->set_inputs(entry, phase().bindings, *train_split_->table, rows);
  }

  bool loss_is_finite(const EntryPoint& entry, int64_t examples) {
    const Timed timed(profile_, &TrainingProfile::Phase::results);
    return is_finite(executor_->output(entry, kLoss, examples));
  }

  // Evaluates, logs and saves at the end of an epoch. Asked to stop meanwhile, it saves the position before:
  // the resumed run evaluates again.
  Status end_epoch(double started) {
    MetricValues validation;
    if (const Split* split = dataset_.find("val")) {
      const Timed timed(profile_, &TrainingProfile::Phase::evaluation);
      Result<std::optional<MetricValues>> values = evaluate(*executor_, *split, phase());
      if (!values) return values.failure();
      if (!*values) return stop();
      validation = std::move(**values);
    }
    const MetricValues training = sums_.means();
    sums_ = MetricSums(phase().metrics);
    ++position_.epoch;
    position_.batch = 0;

    result_.splits = {{"train", training}};
    if (Status status = record("train", training); !status) return status;
    if (!validation.empty()) {
      result_.splits.emplace_back("val", validation);
      if (Status status = record("val", validation); !status) return status;
    }
    if (Status status = record("train", scheduled_); !status) return status;
    const bool best = update_best();
    observe_plateaus();
    const bool last = phase_epoch() == phase().epochs;
    std::string line = fmt::format("{}epoch {}/{}", phase().name.empty() ? "" : phase().name + " ",
                                   phase_epoch(), phase().epochs);
    for (const auto& [split, values] : result_.splits)
      for (const auto& [name, value] : values)
        line += fmt::format("  {}{} {:.4g}", split == "train" ? "" : split + ".", name, value);
    for (const auto& [name, value] : scheduled_) line += fmt::format("  {} {:.4g}", name, value);
    progress_.finish_epoch(
        fmt::format("{}  {}{}", line, duration_text(monotonic_seconds() - started), best ? "  best" : ""));
    const bool stopping = stop_requested();
    if (stopping) result_.code = stop_exit_code();
    if (best || last || stopping || phase_epoch() % phase().checkpoint_every == 0) return save(best);
    return {};
  }

  // Whether the watched metric has just become better than ever.
  bool update_best() {
    for (const auto& [split, values] : result_.splits)
      for (const auto& [name, value] : values)
        if (phase().best == split + "." + name && std::isfinite(value)) {
          const bool better =
              !position_.best || (lower_is_better(name) ? value < *position_.best : value > *position_.best);
          if (!better) return false;
          position_.best = value;
          position_.best_epoch = position_.epoch;
          return true;
        }
    return false;
  }

  void observe_plateaus() {
    for (Plateau& plateau : plateaus_)
      for (const auto& [split, values] : result_.splits)
        for (const auto& [name, value] : values)
          if (plateau.rule().measure == split + "." + name) plateau.observe(value);
  }

  Status record(const std::string& split, const MetricValues& values) {
    // The epoch under way or, at its end, the one just finished: both counted from 1.
    const int64_t epoch = position_.epoch + (split == "batch" ? 1 : 0);
    for (const auto& [name, value] : values)
      if (Status status =
              log_->append({position_.step, epoch, split, name, value, wall_seconds(), phase().name});
          !status)
        return status;
    return {};
  }

  Status save(bool best) {
    const Timed timed(profile_, &TrainingProfile::Phase::checkpoints);
    if (Status sound = executor_->finish(); !sound) return sound;
    if (const std::string name = executor_->first_non_finite(); !name.empty())
      return not_finite(
          fmt::format("`{}` is not finite after step {} ({})", name, phase_step(), epoch_text(phase_epoch())),
          "; a lower learning rate may help");
    Result<int64_t> offset = log_->synced_offset();
    if (!offset) return offset.failure();
    position_.log_offset = *offset;
    position_.running.clear();
    if (position_.batch > 0) sums_.save(position_.running);
    for (std::size_t i = 0; i < plateaus_.size(); ++i) plateaus_[i].save(plateau_name(i), position_.running);
    position_.tensors = executor_->state();
    Result<std::string> path = save_checkpoint(options_.run_folder, position_, phase().checkpoint_keep, best);
    position_.tensors.clear();
    if (!path) return path.failure();
    result_.checkpoint = *path;
    return {};
  }

  Status stop() {
    result_.code = stop_exit_code();
    return save(false);
  }

  // The step that was begun has changed no weight: it is looked at again, from its inputs on.
  Failure loss_not_finite(const EntryPoint& entry, std::span<const int64_t> rows) {
    if (Status status = executor_->set_inputs(entry, phase().bindings, *train_split_->table, rows); !status)
      return status.failure();
    std::string first = "nowhere else";
    bool bad_input = false;
    const auto origin = executor_->find_non_finite(entry, static_cast<int64_t>(rows.size()));
    if (!origin) return origin.failure();
    if (*origin) {
      first = "in " + (*origin)->what;
      bad_input = (*origin)->example >= 0;
      if (bad_input)
        first += fmt::format(", example {} of the data (counted from 0)",
                             rows[static_cast<std::size_t>((*origin)->example)]);
    }
    return not_finite(fmt::format("the loss is not finite at step {} ({}): first seen {}", phase_step() + 1,
                                  epoch_text(phase_epoch() + 1), first),
                      bad_input ? "" : "; a lower learning rate may help");
  }

  Failure not_finite(const std::string& what, const std::string& advice) const {
    const std::string saved = result_.checkpoint.empty()
                                  ? "nothing was saved yet"
                                  : fmt::format("the last checkpoint is `{}`", result_.checkpoint);
    return {ExitCode::NonFinite, fmt::format("{}; {}{}", what, saved, advice)};
  }

  // After the last epoch: the remaining splits, and the weights alone.
  Status finish() {
    for (const Split& split : dataset_.splits()) {
      if (split.name == "train" || split.name == "val") continue;
      Result<std::optional<MetricValues>> values = evaluate(*executor_, split, phase());
      if (!values) return values.failure();
      if (!*values) {
        result_.code = stop_exit_code();
        return {};
      }
      if (Status status = record(split.name, **values); !status) return status;
      result_.splits.emplace_back(split.name, std::move(**values));
    }
    if (Status sound = executor_->finish(); !sound) return sound;
    // Nothing of how it was run goes into it: equal weights make equal files.
    std::map<std::string, std::string> metadata = options_.data_notes;
    metadata["striate.version"] = kVersion;
    return write_safetensors(model_path(options_.run_folder), executor_->weights(), metadata);
  }

  const ExecutorMaker& make_executor_;
  std::optional<Executor> executor_; // of the phase under way
  std::size_t phase_number_ = 0;
  const Dataset& dataset_;
  const TrainerOptions& options_;
  const Split* train_split_ = nullptr;
  Checkpoint position_; // where the run stands; its tensors are filled only while saving
  MetricSums sums_;     // of the epoch under way
  std::vector<Plateau> plateaus_;
  MetricValues scheduled_; // of the last update
  MetricsLog* log_ = nullptr;
  Progress progress_;
  TrainingProfile::Phase* profile_ = nullptr; // of the phase under way
  Timeline timeline_;
  TrainingResult result_;
};

Result<TrainingResult> train(const ExecutorMaker& make_executor, const Dataset& dataset,
                             const TrainerOptions& options, const LatestCheckpoint* resume) {
  CHECK(!options.phases.empty());
  return Trainer(make_executor, dataset, options).run(resume);
}

} // namespace striate
