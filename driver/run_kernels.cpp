#include "driver/run_kernels.h"

#include "driver/ir_file.h"
#include "driver/kernel_program.h"
#include "driver/program.h"
#include "driver/trained_model.h"
#include "runtime/load_weights.h"
#include "runtime/npy.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>

namespace striate {

namespace {

class KernelRun {
public:
  KernelRun(const Options& options, const Program& program, Executor executor)
      : options_(options), program_(program), executor_(std::move(executor)) {}

  Status run() {
    const auto files = output_files();
    if (!files) return files.failure();
    if (const Status read = read_inputs(); !read) return read;
    if (const Status filled = fill(); !filled) return filled;
    if (const Status run = executor_.run(entry(), examples_); !run) return run;
    if (const Status sound = executor_.finish(); !sound) return sound;
    return write(*files);
  }

private:
  const EntryPoint& entry() const { return executor_.executable().eval; }

  const ProgramValue* named(const std::string& name, bool output) const {
    for (const ProgramValue& value : program_.values)
      if (value.name == name && (value.role == ProgramValue::Role::Output) == output) return &value;
    return nullptr;
  }

  // Which values go to which files.
  Result<std::map<std::string, std::string>> output_files() const {
    std::map<std::string, std::string> files;
    for (const std::string& text : options_.outputs) {
      const char* form = "--output takes NAME=@FILE.npy";
      const auto parts = split_assignment(text, form);
      if (!parts) return parts.failure();
      const auto& [name, file] = *parts;
      if (file.size() < 2 || file[0] != '@')
        return Failure{ExitCode::Usage, fmt::format("{}, not `{}`", form, text)};
      const ProgramValue* value = named(name, true);
      if (!value) value = named(name, false);
      if (!value || value->role == ProgramValue::Role::Input) {
        std::vector<std::string> known;
        for (const ProgramValue& other : program_.values)
          if (other.role != ProgramValue::Role::Input) known.push_back(other.name);
        return unknown_name("output", name, known);
      }
      files[name] = file.substr(1);
    }
    return files;
  }

  Status read_inputs() {
    for (const std::string& text : options_.inputs) {
      const auto parts = split_assignment(text, "--input takes NAME=@FILE.npy or NAME=NUMBER");
      if (!parts) return parts.failure();
      const auto& [name, what] = *parts;
      const ProgramValue* value = named(name, false);
      const bool scalar = std::ranges::find(program_.scalars, name) != program_.scalars.end();
      if (!value && !scalar) {
        std::vector<std::string> known = program_.scalars;
        for (const ProgramValue& other : program_.values)
          if (other.role != ProgramValue::Role::Output) known.push_back(other.name);
        return unknown_name("input", name, known);
      }
      if (value && what.starts_with('@')) {
        if (const Status read = read_array(*value, what.substr(1)); !read) return read;
        continue;
      }
      float number = 0;
      const auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), number);
      if (error != std::errc() || end != what.data() + what.size())
        return Failure{ExitCode::Usage, fmt::format("`{}` is {}", what,
                                                    value ? "neither @FILE.npy nor a number" : "no number")};
      numbers_[name] = number;
    }
    return {};
  }

  // Of an input with a batch, as many examples as the array has.
  Status read_array(const ProgramValue& value, const std::string& file) {
    Result<Tensor> tensor = read_npy(file);
    if (!tensor) return tensor.failure();
    const TensorType& type = value.type;
    const auto misfit = [&] {
      return bad_data("{} holds {}, but `{}` takes {}", file, tensor->type_text(), value.name, type.text());
    };
    if (tensor->element() != type.element || tensor->rank() != type.rank()) return misfit();
    for (std::size_t d = 0; d < type.shape.size(); ++d)
      if (!type.shape[d].batch && tensor->shape()[d] != type.shape[d].factor) return misfit();
    if (type.has_batch()) {
      const int64_t rows = tensor->shape()[0], factor = type.shape[0].factor;
      if (rows == 0 || rows % factor != 0) return misfit();
      if (counted_ && rows / factor != examples_)
        return Failure{ExitCode::Usage, fmt::format("`{}` has {} examples, the input before it {}",
                                                    value.name, rows / factor, examples_)};
      if (rows / factor > program_.capacity)
        return Failure{ExitCode::Usage, fmt::format("`{}` has {} examples, the program runs {} at most",
                                                    value.name, rows / factor, program_.capacity)};
      examples_ = rows / factor;
      counted_ = true;
    }
    arrays_.insert_or_assign(value.name, std::move(*tensor));
    return {};
  }

  Status fill() {
    executor_.fill(0);
    executor_.set_seed(options_.seed);
    if (!options_.weights.empty()) {
      const Result<std::vector<NamedTensor>> weights = read_weights(options_.weights);
      if (!weights) return weights.failure();
      const bool optimizer = std::ranges::any_of(executor_.executable().states, [](const Placement& state) {
        return state.name.find('/') != std::string::npos;
      });
      if (const Status loaded = executor_.load(*weights, optimizer, options_.weights); !loaded) return loaded;
    }
    for (const ProgramValue& value : program_.values)
      if (value.role != ProgramValue::Role::Output)
        if (const Status filled = fill(value); !filled) return filled;
    return set_scalars();
  }

  Status fill(const ProgramValue& value) {
    const bool input = value.role == ProgramValue::Role::Input;
    auto array = arrays_.find(value.name);
    if (array == arrays_.end()) {
      const auto number = numbers_.find(value.name);
      if (number == numbers_.end()) {
        if (!input && !options_.weights.empty()) return {};
        return Failure{ExitCode::Usage, fmt::format("the {} `{}` ({}) is missing: add --input {}=@FILE.npy{}",
                                                    name_of(value.role), value.name, value.type.text(),
                                                    value.name, input ? "" : ", or --weights FILE")};
      }
      std::vector<int64_t> shape;
      for (const Size& size : value.type.shape) shape.push_back(size.at(examples_));
      Result<Tensor> filled = filled_with(value, shape, number->second);
      if (!filled) return filled.failure();
      array = arrays_.emplace(value.name, std::move(*filled)).first;
    }
    if (!input) {
      executor_.set(value.name, std::move(array->second));
      return {};
    }
    const int64_t count = value.type.has_batch() ? array->second.shape()[0] : 1;
    std::vector<int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), int64_t{0});
    return executor_.set_input(entry(), value.name, array->second, rows);
  }

  static Result<Tensor> filled_with(const ProgramValue& value, const std::vector<int64_t>& shape,
                                    float number) {
    Tensor tensor(value.type.element, shape);
    const auto whole = static_cast<float>(static_cast<int32_t>(std::clamp(number, -1e9F, 1e9F)));
    if (value.type.element != ElementType::F32 && value.type.element != ElementType::F64 &&
        (whole != number || (value.type.element != ElementType::I32 && (number < 0 || number > 255))))
      return Failure{ExitCode::Usage,
                     fmt::format("`{}` takes {}, not {}", value.name, value.type.text(), number)};
    switch (value.type.element) {
    case ElementType::F32:
      std::ranges::fill(tensor.as<float>(), number);
      break;
    case ElementType::F64:
      std::ranges::fill(tensor.as<double>(), number);
      break;
    case ElementType::BF16:
      CHECK(false, "`{}` is bf16", value.name); // ir/kernel/verify
    case ElementType::I32:
      std::ranges::fill(tensor.as<int32_t>(), static_cast<int32_t>(number));
      break;
    case ElementType::U8:
    case ElementType::Bool:
      std::ranges::fill(tensor.as<uint8_t>(), static_cast<uint8_t>(number));
      break;
    }
    return tensor;
  }

  // What the executor does not know itself.
  Status set_scalars() {
    for (const std::string& name : program_.scalars) {
      static const std::vector<std::string> kOwn = {"N", "1/N", "seed.low", "seed.high"};
      if (std::ranges::find(kOwn, name) != kOwn.end()) continue;
      const auto number = numbers_.find(name);
      const bool counts = name == "step" || name == "epoch";
      if (number == numbers_.end() && !counts)
        return Failure{ExitCode::Usage,
                       fmt::format("the run-time scalar `{}` is missing: add --input {}=NUMBER", name, name)};
      executor_.set_scalar(name, number == numbers_.end() ? 0 : number->second);
    }
    return {};
  }

  Status write(const std::map<std::string, std::string>& files) const {
    for (const ProgramValue& value : program_.values) {
      if (value.role != ProgramValue::Role::Output) continue;
      const Tensor tensor = executor_.output(entry(), value.name, examples_);
      const auto file = files.find(value.name);
      if (file == files.end())
        print(value, tensor);
      else if (const Status written = write_npy(file->second, tensor); !written)
        return written;
    }
    for (const auto& [name, tensor] : executor_.state()) {
      const auto file = files.find(name);
      if (file == files.end() || named(name, true)) continue;
      if (const Status written = write_npy(file->second, tensor); !written) return written;
    }
    return {};
  }

  // A line for each row of the batch.
  static void print(const ProgramValue& value, const Tensor& tensor) {
    const int64_t rows = value.type.has_batch() ? tensor.shape()[0] : 1, width = tensor.elements() / rows;
    for (int64_t row = 0; row < rows; ++row) {
      fmt::print("{}", value.name);
      for (int64_t k = row * width; k < (row + 1) * width; ++k)
        fmt::print(" {}", static_cast<float>(tensor.number(k)));
      fmt::print("\n");
    }
  }

  const Options& options_;
  const Program& program_;
  Executor executor_;
  std::map<std::string, Tensor> arrays_;
  std::map<std::string, float> numbers_;
  int64_t examples_ = 1;
  bool counted_ = false; // an array said how many examples there are
};

} // namespace

int run_kernels(const Options& options) {
  if (options.generate > 0) return report({ExitCode::Usage, "--generate takes a model, not kernels"});
  const Result<IrText> text = read_ir(options.file);
  if (!text) return report(text.failure());
  const auto* program = std::get_if<Program>(&*text);
  if (!program)
    return report(
        bad_data("{} is a graph; what runs is a program of kernels, as `build --emit=kernel` prints it",
                 options.file));
  if (program->values.empty())
    return report(
        bad_data("{} does not say where its inputs and outputs lie: `input %x : ..` and so on belong below "
                 "its first line (docs/ir.md)",
                 options.file));
  const Result<CompileOptions> settings = compile_options(options, program->capacity, true);
  if (!settings) return report(settings.failure());
  Result<Executable> executable = executable_of(*program, *settings);
  if (!executable) return report(executable.failure());
  Result<Executor> executor = Executor::create(std::move(*executable), settings->threads);
  if (!executor) return report(executor.failure());
  const Status status = KernelRun(options, *program, std::move(*executor)).run();
  return status ? 0 : report(status.failure());
}

} // namespace striate
