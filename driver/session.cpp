#include "driver/session.h"

#include "driver/memory_limit.h"
#include "driver/trained_model.h"
#include "runtime/data_fit.h"
#include "runtime/load_weights.h"
#include "runtime/safetensors.h"
#include "runtime/trainer.h"
#include "support/parameter_path.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {

static std::vector<std::string> names_of(const std::vector<SessionTensor>& tensors) {
  std::vector<std::string> names;
  for (const SessionTensor& tensor : tensors) names.push_back(tensor.name);
  return names;
}

static std::vector<SessionTensor> described(const std::vector<Placement>& placements) {
  std::vector<SessionTensor> tensors;
  for (const Placement& placement : placements) {
    SessionTensor tensor{placement.name, placement.element, placement.shape, placement.batch};
    if (placement.batch) tensor.shape.erase(tensor.shape.begin());
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<Session> Session::open(const Options& options, bool training) {
  Diagnostics diagnostics;
  Result<OpenProgram> program = read_program(options, diagnostics);
  if (!program) {
    Failure failure = program.failure();
    if (failure.message.empty())
      failure.message = diagnostics.render(false, static_cast<std::size_t>(options.error_limit));
    return failure;
  }
  Module& module = program->module();
  Session session;
  session.training_ = training;
  if (!program->data->fit().empty()) session.fit_ = fit_text(program->data->fit());
  if (training && !module.has_training)
    return Failure{ExitCode::Failed, fmt::format("`{}` has no `train` block", options.file)};
  if (training && module.training.accumulate > 1)
    return Failure{ExitCode::Failed,
                   "steps by the caller do not take `accumulate`: give them a smaller batch"};
  if (training && options.weights.empty() && !module.data.fits.empty())
    return Failure{ExitCode::Failed, "the program's fields are fitted to its training split (`standardize`, "
                                     "`whiten`): `striate train` does that; its weights can be given here"};
  if (!training) keep_model_only(module);
  int64_t capacity = options.batch;
  if (capacity == 0) capacity = module.has_training ? module.training.batch : kInferenceBatch;
  const Result<CompileOptions> settings = compile_options(options, capacity, true);
  if (!settings) return settings.failure();
  const Result<Compilation> compilation = lower_within_memory(options, module, training, *settings);
  if (!compilation) return compilation.failure();
  Result<Executable> executable = compile(*compilation, *settings);
  if (!executable) return executable.failure();
  for (const auto& [name, value] : executable->scalar_defaults) session.scalars_[name] = value;
  for (const ScalarSchedule& schedule : module.schedules) session.scalars_[schedule.scalar] = NAN;
  if (training) session.scalars_.insert({{"epoch", 0}, {"step", 0}});
  Result<Executor> executor = Executor::create(std::move(*executable), settings->threads);
  if (!executor) return executor.failure();
  session.executor_ = std::make_unique<Executor>(std::move(*executor));
  if (training) {
    session.executor_->set_seed(static_cast<uint64_t>(module.training.seed));
    if (Status drawn = session.executor_->initialize(); !drawn) return drawn.failure();
    for (const WeightLoad& load : phase_options(options, module).loads) {
      const Result<std::vector<NamedTensor>> loaded = with_loaded(session.executor_->weights(), load);
      if (!loaded) return loaded.failure();
      if (Status set = session.executor_->load(*loaded, false, load.file); !set) return set.failure();
    }
  }
  if (!options.weights.empty())
    if (Status loaded = session.load(options.weights); !loaded) return loaded.failure();
  return session;
}

const EntryPoint& Session::entry(bool of_step) const {
  const Executable& executable = executor_->executable();
  CHECK(!of_step || training_, "no step was compiled");
  return of_step ? executable.step : executable.eval;
}

std::vector<SessionTensor> Session::inputs(bool of_step) const { return described(entry(of_step).inputs); }
std::vector<SessionTensor> Session::outputs(bool of_step) const { return described(entry(of_step).outputs); }

std::vector<SessionTensor> Session::weights() const {
  std::vector<SessionTensor> tensors = described(executor_->executable().parameters);
  for (SessionTensor& state : described(executor_->executable().states))
    if (!is_optimizer_state(state.name)) tensors.push_back(std::move(state));
  return tensors;
}

std::vector<std::string> Session::scalars() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : scalars_) names.push_back(name);
  return names;
}

Status Session::set_scalar(const std::string& name, double value) {
  const auto scalar = scalars_.find(name);
  if (scalar == scalars_.end()) return unknown_name("setting", name, scalars());
  scalar->second = value;
  return {};
}

Result<int64_t> Session::count_examples(const EntryPoint& entry,
                                        const std::map<std::string, Tensor>& inputs) const {
  int64_t examples = 0;
  const std::vector<SessionTensor> known = described(entry.inputs);
  for (const auto& [name, tensor] : inputs) {
    if (std::ranges::find(known, name, &SessionTensor::name) == known.end())
      return unknown_name("input", name, names_of(known));
    const int64_t count = tensor.rank() > 0 ? tensor.shape()[0] : 0;
    if (count < 1)
      return Failure{ExitCode::Usage,
                     fmt::format("`{}` is {}, without an example", name, tensor.type_text())};
    if (examples > 0 && count != examples)
      return Failure{ExitCode::Usage,
                     fmt::format("`{}` has {} examples, another input {}", name, count, examples)};
    examples = count;
  }
  if (examples == 0) return Failure{ExitCode::Usage, "no input is given"};
  return examples;
}

Result<std::map<std::string, Tensor>> Session::run(const std::map<std::string, Tensor>& inputs) {
  const Result<int64_t> examples = count_examples(entry(false), inputs);
  if (!examples) return examples.failure();
  return run_in_batches(*executor_, inputs, *examples);
}

Result<std::map<std::string, Tensor>> Session::train_step(const std::map<std::string, Tensor>& inputs) {
  if (!training_) return Failure{ExitCode::Usage, "the program was not opened for training"};
  const EntryPoint& step = entry(true);
  const Result<int64_t> examples = count_examples(step, inputs);
  if (!examples) return examples.failure();
  if (*examples > capacity())
    return Failure{ExitCode::Usage,
                   fmt::format("a step takes {} examples at most, not {}", capacity(), *examples)};
  for (const SessionTensor& input : described(step.inputs))
    if (input.name != kRowNumbersInput && !inputs.contains(input.name))
      return Failure{ExitCode::Usage, fmt::format("the input `{}` is missing", input.name)};
  for (const auto& [name, value] : scalars_)
    if (!std::isfinite(value))
      return Failure{
          ExitCode::Usage,
          fmt::format("the program has a schedule for `{}`: give it a value before each step", name)};
  std::vector<int64_t> order(static_cast<std::size_t>(*examples));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (const auto& [name, tensor] : inputs)
    if (Status set = executor_->set_input(step, name, tensor, order); !set) return set.failure();
  if (!inputs.contains(kRowNumbersInput)) {
    // Draws of fields belong to rows: every step has its own.
    Tensor rows(ElementType::I32, {*examples});
    const auto before = static_cast<int64_t>(scalars_["step"]) * capacity();
    std::iota(rows.as<int32_t>().begin(), rows.as<int32_t>().end(), static_cast<int32_t>(before));
    if (Status set = executor_->set_input(step, kRowNumbersInput, rows, order); !set) return set.failure();
  }
  // The step counts from here: what was refused above was none.
  scalars_["step"] += 1;
  for (const auto& [name, value] : scalars_) executor_->set_scalar(name, value);
  if (Status run = executor_->run(step, *examples); !run) return run.failure();
  std::map<std::string, Tensor> outputs;
  for (const Placement& output : step.outputs)
    outputs.insert_or_assign(output.name, executor_->output(step, output.name, *examples));
  if (Status sound = executor_->finish(); !sound) return sound.failure();
  return outputs;
}

Result<Tensor> Session::read(const std::string& weight) const {
  if (Status sound = executor_->finish(); !sound) return sound.failure();
  for (NamedTensor& tensor : executor_->weights())
    if (tensor.name == weight) return std::move(tensor.tensor);
  return unknown_name("weight", weight, names_of(weights()));
}

Status Session::write(const std::string& weight, Tensor value) {
  const std::vector<SessionTensor> known = weights();
  const auto own = std::ranges::find(known, weight, &SessionTensor::name);
  if (own == known.end()) return unknown_name("weight", weight, names_of(known));
  if (value.element() != own->element || value.shape() != own->shape)
    return Failure{ExitCode::Usage,
                   fmt::format("`{}` is {}, not {}", weight, tensor_type_text(own->element, own->shape),
                               value.type_text())};
  executor_->set(weight, std::move(value));
  return {};
}

Status Session::load(const std::string& file) {
  const Result<std::vector<NamedTensor>> loaded = read_weights(file);
  if (!loaded) return loaded.failure();
  return executor_->load(*loaded, false, file);
}

Status Session::save(const std::string& file) const {
  if (Status sound = executor_->finish(); !sound) return sound;
  std::map<std::string, std::string> notes;
  if (!fit_.empty()) notes[kDataNote] = fit_;
  return write_safetensors(file, executor_->weights(), notes);
}

} // namespace striate
