#include "runtime/executor.h"

#include "runtime/dataset.h"
#include "runtime/host_device.h"
#include "runtime/listed.h"
#include "support/parameter_path.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace striate {

Result<Executor> Executor::create(Executable executable, int threads) {
  Executor executor;
  executor.executable_ = std::make_unique<Executable>(std::move(executable));
  const Executable& program = *executor.executable_;
  executor.pool_ = std::make_unique<ThreadPool>(threads);
  Result<std::unique_ptr<Device>> device =
      program.make_device ? program.make_device(program) : make_host_device(program, *executor.pool_);
  if (!device) return device.failure();
  executor.device_ = std::move(*device);
  for (const auto& [name, value] : program.scalar_defaults) executor.scalars_[name] = value;
  for (const char* counter : {"step", "epoch"}) executor.scalars_[counter] = 0;

  std::size_t slots = 0;
  for (const EntryPoint* entry : {&program.init, &program.step, &program.eval}) {
    slots = std::max(slots, entry->scalars.size());
    for (const auto* list : {&entry->inputs, &entry->outputs})
      for (const Placement& placement : *list) executor.placed_.emplace(&placement, placement);
  }
  for (const auto* list : {&program.parameters, &program.states})
    for (const Placement& placement : *list) executor.placed_.emplace(&placement, placement);
  executor.slots_.resize(slots);
  return executor;
}

void Executor::set_slots(const EntryPoint& entry, int64_t examples) {
  CHECK(examples >= 1 && examples <= executable_->capacity, "{} of {}", examples, executable_->capacity);
  for (std::size_t slot = 0; slot < entry.scalars.size(); ++slot) {
    const std::string& name = entry.scalars[slot];
    if (name == "N")
      slots_[slot] = static_cast<float>(examples);
    else if (name == "1/N")
      slots_[slot] = static_cast<float>(1.0 / static_cast<double>(mean_over_ ? mean_over_ : examples));
    else if (name == "seed.low")
      slots_[slot] = std::bit_cast<float>(static_cast<uint32_t>(seed_));
    else if (name == "seed.high")
      slots_[slot] = std::bit_cast<float>(static_cast<uint32_t>(seed_ >> 32));
    else {
      const auto value = scalars_.find(name);
      CHECK(value != scalars_.end(), "the scalar `{}` of `{}` has no value", name, entry.name);
      slots_[slot] = static_cast<float>(value->second);
    }
  }
}

Status Executor::run_kernels(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples) {
  return device_->run(entry, first, last, examples, slots_, timeline_);
}

Status Executor::run(const EntryPoint& entry, int64_t examples) {
  set_slots(entry, examples);
  return run_kernels(entry, 0, entry.kernels.size(), examples);
}

Status Executor::run_forward(const EntryPoint& entry, int64_t examples) {
  set_slots(entry, examples);
  return run_kernels(entry, 0, entry.forward_kernels, examples);
}

Status Executor::run_update(const EntryPoint& entry, int64_t examples) {
  set_slots(entry, examples);
  return run_kernels(entry, entry.forward_kernels, entry.kernels.size(), examples);
}

Tensor Executor::read(const PlacedTensor& tensor, int64_t examples) const {
  return tensor.read(device_->read(tensor.offset(), tensor.bytes_of(examples)), examples);
}

void Executor::write(const PlacedTensor& to, const Tensor& tensor) const {
  to.write(device_->begin_write(to.offset(), to.bytes(), true), tensor);
  device_->end_write();
}

static const Placement* find(const std::vector<Placement>& placements, std::string_view name) {
  const auto found =
      std::find_if(placements.begin(), placements.end(), [&](const Placement& p) { return p.name == name; });
  return found == placements.end() ? nullptr : &*found;
}

Status Executor::set_input(const EntryPoint& entry, std::string_view name, const Tensor& column,
                           std::span<const int64_t> rows) {
  const Placement* input = find(entry.inputs, name);
  // An input that nothing reads has no place in the program.
  if (!input) return {};
  const PlacedTensor& to = placed(*input);
  const int64_t bytes = to.bytes_of(static_cast<int64_t>(rows.size()));
  Status written = to.write_examples(device_->begin_write(to.offset(), bytes, false), column, rows, *pool_);
  device_->end_write();
  return written;
}

Status Executor::set_inputs(const EntryPoint& entry, std::span<const ColumnBinding> bindings,
                            const Table& table, std::span<const int64_t> rows) {
  for (const ColumnBinding& binding : bindings) {
    if (binding.column == ColumnBinding::kRowNumbers) {
      Tensor numbers(ElementType::I32, {static_cast<int64_t>(rows.size())});
      std::ranges::copy(rows, numbers.as<int32_t>().begin());
      const std::vector<int64_t> order = natural_order(static_cast<int64_t>(rows.size()));
      if (Status status = set_input(entry, binding.input, numbers, order); !status) return status;
      continue;
    }
    const auto column = static_cast<std::size_t>(binding.column);
    if (column >= table.columns.size())
      return bad_data("`{}` reads column {}, but the data has {} columns", binding.input, column,
                      table.columns.size());
    // Examples are not made for an input that nothing reads.
    if (!find(entry.inputs, binding.input)) continue;
    const Result<FetchedRows> fetched = fetch_rows(table.columns[column], rows);
    if (!fetched) return fetched.failure();
    if (Status status = set_input(entry, binding.input, *fetched->values, fetched->positions); !status)
      return status;
  }
  return {};
}

bool Executor::has_output(const EntryPoint& entry, std::string_view name) const {
  return find(entry.outputs, name);
}

Tensor Executor::output(const EntryPoint& entry, std::string_view name, int64_t examples) const {
  const Placement* placement = find(entry.outputs, name);
  CHECK(placement, "`{}` has no output `{}`", entry.name, name);
  return read(placed(*placement), examples);
}

std::vector<const Placement*> Executor::persistent(bool optimizer) const {
  std::vector<const Placement*> list;
  for (const Placement& placement : executable_->parameters) list.push_back(&placement);
  for (const Placement& placement : executable_->states)
    if (optimizer || !is_optimizer_state(placement.name)) list.push_back(&placement);
  return list;
}

std::vector<NamedTensor> Executor::state() const {
  std::vector<NamedTensor> tensors;
  for (const Placement* placement : persistent(true))
    tensors.push_back({placement->name, read(placed(*placement), 0)});
  return tensors;
}

std::vector<NamedTensor> Executor::weights() const {
  std::vector<NamedTensor> tensors;
  for (const Placement* placement : persistent(false))
    tensors.push_back({placement->name, read(placed(*placement), 0)});
  return tensors;
}

Status Executor::load(std::span<const NamedTensor> tensors, bool optimizer, const std::string& source) {
  std::map<std::string_view, const Tensor*> found;
  for (const auto& [name, tensor] : tensors) found[name] = &tensor;
  std::vector<std::string> missing, different, unexpected;
  const std::vector<const Placement*> wanted = persistent(optimizer);
  for (const Placement* placement : wanted) {
    const auto tensor = found.find(placement->name);
    if (tensor == found.end()) {
      missing.push_back(fmt::format("`{}`", placement->name));
      continue;
    }
    if (tensor->second->element() != placement->element || tensor->second->shape() != placement->shape)
      different.push_back(fmt::format("`{}` is {} instead of {}", placement->name,
                                      tensor->second->type_text(),
                                      tensor_type_text(placement->element, placement->shape)));
    tensor->second = nullptr;
  }
  for (const auto& [name, tensor] : found)
    if (tensor && (optimizer || !is_optimizer_state(name))) unexpected.push_back(fmt::format("`{}`", name));
  if (!missing.empty()) return bad_data("`{}` lacks {}", source, listed(missing));
  if (!different.empty()) return bad_data("`{}` does not fit the model: {}", source, listed(different));
  if (!unexpected.empty())
    return bad_data("`{}` holds what the model has not: {}", source, listed(unexpected));

  for (const auto& [name, tensor] : tensors)
    for (const Placement* placement : wanted)
      if (placement->name == name) write(placed(*placement), tensor);
  return {};
}

std::string Executor::stored(const Placement& placement) const {
  const int64_t bytes = placement.storage * byte_size(placement.element);
  return {device_->read(placement.offset, bytes), static_cast<std::size_t>(bytes)};
}

void Executor::set(const std::string& name, Tensor value) {
  for (const Placement* placement : persistent(true))
    if (placement->name == name) {
      value.reshape(placement->shape);
      return write(placed(*placement), value);
    }
  CHECK(false, "nothing is called {}", name);
}

int64_t Executor::first_non_finite(const PlacedTensor& tensor, int64_t examples) const {
  if (tensor.element() != ElementType::F32) return -1;
  return tensor.first_non_finite(device_->read(tensor.offset(), tensor.bytes_of(examples)), examples);
}

std::string Executor::first_non_finite() const {
  for (const Placement* placement : persistent(true))
    if (first_non_finite(placed(*placement), 0) >= 0) return placement->name;
  return "";
}

Result<std::optional<Executor::NonFinite>> Executor::find_non_finite(const EntryPoint& entry,
                                                                     int64_t examples) {
  if (Status sound = finish(); !sound) return sound.failure();
  for (const Placement& input : entry.inputs)
    if (const int64_t example = first_non_finite(placed(input), examples); example >= 0)
      return std::optional(NonFinite{fmt::format("the input `{}`", input.name), example});
  if (const std::string name = first_non_finite(); !name.empty())
    return std::optional(NonFinite{fmt::format("`{}`", name), -1});
  set_slots(entry, examples);
  for (std::size_t k = 0; k < entry.forward_kernels;) {
    const auto loop = std::ranges::find(entry.loops, k, &KernelLoop::first);
    const std::size_t end = loop == entry.loops.end() ? k + 1 : k + loop->count;
    if (Status run = run_kernels(entry, k, end, examples); !run) return run.failure();
    for (; k < end; ++k)
      for (const Placement& stored : entry.kernels[k].stores)
        if (first_non_finite(PlacedTensor(stored), examples) >= 0)
          return std::optional(
              NonFinite{fmt::format("`{}` ({})", entry.kernels[k].layer, entry.kernels[k].place), -1});
  }
  return std::optional<NonFinite>();
}

} // namespace striate
