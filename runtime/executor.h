// An Executable with its device and threads: runs entry points, and moves weights, examples and results.
// Guarantees: run() allocates nothing on the CPU; every value of an entry point's scalar slots is set before
// each run; loading weights takes all or, with a message that lists what differs, nothing.
#pragma once

#include "runtime/data_readers.h"
#include "runtime/device.h"
#include "runtime/placement.h"

#include <map>
#include <memory>
#include <optional>

namespace striate {

// Which graph input reads which column of a split's table.
struct ColumnBinding {
  static constexpr int kRowNumbers = -1;
  std::string input;
  int column = 0; // kRowNumbers: it gets the numbers of the rows
};

class Executor {
public:
  // The device's memory is taken here; Failure where there is too little of it.
  static Result<Executor> create(Executable executable, int threads);

  const Executable& executable() const { return *executable_; }
  ThreadPool& pool() { return *pool_; }

  // Run-time scalars by slot name; "seed" sets both halves. Rounded to f32 when a run begins.
  void set_scalar(const std::string& name, double value) { scalars_[name] = value; }
  void set_seed(uint64_t seed) { seed_ = seed; }
  // Of how many examples an update takes the mean, where several runs make one; 0: of those of the run.
  void set_mean_over(int64_t examples) { mean_over_ = examples; }

  // Fills parameters and states from the seed.
  Status initialize() { return run(executable_->init, 1); }
  // A Failure where the device has failed, now or before; the CPU does not.
  Status run(const EntryPoint& entry, int64_t examples);
  // The two parts of a run: up to the loss, with parameters and optimizer states as they were, and the rest.
  Status run_forward(const EntryPoint& entry, int64_t examples);
  Status run_update(const EntryPoint& entry, int64_t examples);
  // Waits for what runs; to be asked before results are relied on (where the device has failed, they are no
  // numbers).
  Status finish() const { return device_->finish(); }

  // Sets every byte of memory.
  void fill(char byte) { device_->fill(byte); }

  // From now on every run adds its kernels to the timeline; nullptr: no more.
  void record(Timeline* timeline) { timeline_ = timeline; }

  // An input of an entry point, rows of a column as its examples.
  Status set_input(const EntryPoint& entry, std::string_view name, const Tensor& column,
                   std::span<const int64_t> rows);
  Status set_inputs(const EntryPoint& entry, std::span<const ColumnBinding> bindings, const Table& table,
                    std::span<const int64_t> rows);
  bool has_output(const EntryPoint& entry, std::string_view name) const;
  Tensor output(const EntryPoint& entry, std::string_view name, int64_t examples) const;

  // Everything a resume needs: parameters, layer states and optimizer states.
  std::vector<NamedTensor> state() const;
  // What inference needs: parameters and layer states (optimizer states have a `/` in their names).
  std::vector<NamedTensor> weights() const;
  // Sets tensors by name. Each of state() (weights() without `optimizer`) must be there with its type and
  // shape, and nothing else; but optimizer states in the file are passed over without `optimizer`. `source`
  // names the file.
  Status load(std::span<const NamedTensor> tensors, bool optimizer, const std::string& source);

  // The bytes of a parameter or state as they lie in the arena.
  std::string stored(const Placement& placement) const;

  // One parameter or state, of its type and number of elements.
  void set(const std::string& name, Tensor value);

  // The name of the first parameter or state with a value that is not finite; "" where there is none.
  std::string first_non_finite() const;

  // Where values that are not finite come from: looks at the inputs (which must have been set anew), at
  // parameters and states, and then at what each kernel of the forward part leaves, which it runs again.
  struct NonFinite {
    std::string what;     // "the input `x`", "`fc1` (lenet.nn:8:30)"
    int64_t example = -1; // of an input
  };
  Result<std::optional<NonFinite>> find_non_finite(const EntryPoint& entry, int64_t examples);

private:
  Executor() = default;
  const PlacedTensor& placed(const Placement& placement) const { return placed_.at(&placement); }
  std::vector<const Placement*> persistent(bool optimizer) const;
  void set_slots(const EntryPoint& entry, int64_t examples);
  Status run_kernels(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples);
  Tensor read(const PlacedTensor& tensor, int64_t examples) const;
  void write(const PlacedTensor& to, const Tensor& tensor) const;
  int64_t first_non_finite(const PlacedTensor& tensor, int64_t examples) const;

  std::unique_ptr<Executable> executable_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Device> device_;
  std::map<const Placement*, PlacedTensor> placed_;
  std::map<std::string, double, std::less<>> scalars_;
  std::vector<float> slots_; // reused by every run
  uint64_t seed_ = 0;
  int64_t mean_over_ = 0;
  Timeline* timeline_ = nullptr;
};

} // namespace striate
