// A program in memory, for callers that bring their own examples: applied, trained step by step, its weights
// read and written. What the C interface (api/striate.h) is made of.
//
// Guarantees: results are those of `striate run`, `eval` and `train` for the same examples in the same
// batches, to the bit. One thread uses a session at a time.
#pragma once

#include "driver/options.h"
#include "driver/program.h"
#include "runtime/executor.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

// An input or output of an entry point, as the caller's arrays have it.
struct SessionTensor {
  std::string name;
  ElementType element = ElementType::F32;
  std::vector<int64_t> shape; // of one example, where it has a batch; else of all of it
  bool batch = false;
};

class Session {
public:
  // Reads and compiles options.file, for at most options.batch examples at a time (0: the program's). With
  // `training` the program's step too, its parameters drawn from its seed, or options.weights. Without,
  // weights come from options.weights or load(). Failures of the program's text are its rendered messages.
  static Result<Session> open(const Options& options, bool training);

  bool training() const { return training_; }
  int64_t capacity() const { return executor_->executable().capacity; }
  // Of run(): the model's inputs, and its outputs; with a train block, loss and metrics too, where their
  // fields are given. Of train_step(): the fields, and loss and metrics.
  std::vector<SessionTensor> inputs(bool of_step) const;
  std::vector<SessionTensor> outputs(bool of_step) const;
  std::vector<SessionTensor> weights() const;
  // Settings of the optimizers ("optimizer.lr"), "epoch", "step"; and their values.
  std::vector<std::string> scalars() const;
  double scalar(const std::string& name) const { return scalars_.at(name); }
  Status set_scalar(const std::string& name, double value);

  // Applies the model; every array has the same number of examples, as its first dimension, and any number of
  // them: they are run in batches. Inputs that are left out are zero, which no wanted output should depend
  // on.
  Result<std::map<std::string, Tensor>> run(const std::map<std::string, Tensor>& inputs);
  // One update with these examples, at most capacity() of them; gives loss and metrics by example.
  Result<std::map<std::string, Tensor>> train_step(const std::map<std::string, Tensor>& inputs);

  Result<Tensor> read(const std::string& weight) const;
  Status write(const std::string& weight, Tensor value);
  Status load(const std::string& file);
  Status save(const std::string& file) const;

private:
  Session() = default;
  const EntryPoint& entry(bool of_step) const;
  Result<int64_t> count_examples(const EntryPoint& entry, const std::map<std::string, Tensor>& inputs) const;

  bool training_ = false;
  std::string fit_; // what the training split settled, for saved weights
  std::unique_ptr<Executor> executor_;
  std::map<std::string, double> scalars_;
};

} // namespace striate
