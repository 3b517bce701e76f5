// striate run: applies a trained model to inputs given on the command line.

#include "driver/commands.h"
#include "driver/generate.h"
#include "driver/run_kernels.h"
#include "driver/trained_model.h"
#include "frontend/print_ast.h"
#include "runtime/npy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

namespace striate {

// "; the program transforms them itself: `column(0) -> to_real(1 / 255)` (lenet.nn:14:5)" for an input that
// is a field.
static std::string transformation(const OpenProgram& program, const std::string& input) {
  for (const InputBinding& binding : program.module().bindings) {
    if (binding.input != input) continue;
    for (const ast::Item& item : program.file.items) {
      if (item.kind != ast::ItemKind::Data || item.name != program.module().data.name) continue;
      for (const ast::Stmt& statement : item.body->statements)
        if (statement.kind == ast::StmtKind::Field && statement.targets[0]->text == binding.field)
          return fmt::format("; the program transforms them itself: `{}` ({})", print_expr(*statement.value),
                             statement.location.text());
    }
  }
  return "";
}

// A copy as bytes; a Failure where a value is none.
static Result<Tensor> bytes_of(const Tensor& tensor, const OpenProgram& program, const std::string& input,
                               const std::string& file) {
  Tensor bytes(ElementType::U8, tensor.shape());
  for (int64_t k = 0; k < tensor.elements(); ++k) {
    const double value = tensor.number(k);
    if (!(value >= 0 && value <= 255 && value == std::floor(value)))
      return bad_data("`{}` takes whole numbers from 0 to 255, as the data has them, but {} holds {}{}",
                      input, file, value, transformation(program, input));
    bytes.as<uint8_t>()[static_cast<std::size_t>(k)] = static_cast<uint8_t>(value);
  }
  return bytes;
}

// Sizes of 1 do not count.
static std::vector<int64_t> essential(std::vector<int64_t> shape) {
  std::erase(shape, 1);
  return shape;
}

// How many examples of a shape an array is: one of that very shape, or several along its first dimension,
// each of that shape or flat; -1: neither.
static int64_t examples_in(const std::vector<int64_t>& array, const std::vector<int64_t>& example) {
  const int64_t elements = std::accumulate(example.begin(), example.end(), int64_t{1}, std::multiplies<>());
  const auto is_example = [&](const std::vector<int64_t>& shape) {
    return essential(shape) == essential(example) || essential(shape) == essential({elements});
  };
  if (is_example(array)) return 1;
  if (!array.empty() && array[0] > 0 && is_example({array.begin() + 1, array.end()})) return array[0];
  return -1;
}

// A picture, as the data's reader brings it to the input's shape.
static Result<Tensor> read_picture(const std::string& file, const OpenProgram& program, const Value& input,
                                   const std::vector<int64_t>& example) {
  const std::vector<SplitDescription>& splits = program.module().data.splits;
  const ReaderCall* reader = splits.empty() ? nullptr : &splits[0].reader;
  const auto channels = example.size() == 3 ? example[0] : int64_t{1};
  const ImageOptions options =
      example.size() == 2 || example.size() == 3 ? image_options(reader, example) : ImageOptions();
  std::vector<int64_t> shape = options.shape();
  if (options.height == 0 || (channels != 1 && channels != 3) || essential(shape) != essential(example))
    return bad_data("{} is a picture, but `{}` takes {}", file, input.name, input.type.text());
  shape.insert(shape.begin(), 1);
  Tensor tensor(ElementType::U8, std::move(shape));
  if (Status read = read_image(file, options, tensor.as<uint8_t>().data()); !read) return read.failure();
  return tensor;
}

static bool is_picture(std::string file) {
  std::ranges::transform(file, file.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return file.ends_with(".jpg") || file.ends_with(".jpeg") || file.ends_with(".png");
}

// `NAME=@FILE.npy`, `NAME=@FILE.jpg`, or `NAME=NUMBER` for an input filled with one value.
static Result<std::pair<std::string, Tensor>> read_input(const std::string& text, const OpenProgram& program,
                                                         const std::vector<ValueId>& needed) {
  const auto parts =
      split_assignment(text, "--input takes NAME=@FILE.npy, NAME=@FILE.jpg, NAME=@FILE.png or NAME=NUMBER");
  if (!parts) return parts.failure();
  const auto& [name, what] = *parts;
  const Graph& graph = program.module().eval;
  const Value* input = nullptr;
  std::vector<std::string> known;
  for (ValueId id : needed) {
    known.push_back(graph.values[id].name);
    if (graph.values[id].name == name) input = &graph.values[id];
  }
  if (!input) return unknown_name("input", name, known);
  const std::vector<int64_t> example = example_shape(*input);

  Tensor tensor;
  const bool is_file = what.starts_with('@');
  if (is_file) {
    Result<Tensor> file =
        is_picture(what) ? read_picture(what.substr(1), program, *input, example) : read_npy(what.substr(1));
    if (!file) return file.failure();
    const int64_t examples = examples_in(file->shape(), example);
    if (examples < 0)
      return bad_data("{} holds {}, but `{}` takes {}", what.substr(1), file->type_text(), name,
                      input->type.text());
    tensor = std::move(*file);
    std::vector<int64_t> shape = example;
    shape.insert(shape.begin(), examples);
    tensor.reshape(shape);
  } else {
    float value = 0;
    const auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), value);
    if (error != std::errc() || end != what.data() + what.size())
      return Failure{ExitCode::Usage, fmt::format("`{}` is neither @FILE nor a number", what)};
    std::vector<int64_t> shape = example;
    shape.insert(shape.begin(), 1);
    tensor = Tensor(ElementType::F32, shape);
    std::ranges::fill(tensor.as<float>(), value);
  }
  if (input->type.element == ElementType::U8 && tensor.element() != ElementType::U8) {
    Result<Tensor> bytes = bytes_of(tensor, program, name, is_file ? what.substr(1) : "the command line");
    if (!bytes) return bytes.failure();
    tensor = std::move(*bytes);
  }
  return std::pair(name, std::move(tensor));
}

// One line for an example: the class with the largest value (its name, where the data has names) and its
// probability; or the values.
static void print_example(const std::string& name, const Tensor& output, int64_t first, int64_t width,
                          const std::vector<std::string>& classes) {
  std::vector<double> row;
  for (int64_t k = first; k < first + width; ++k) row.push_back(output.number(k));
  const bool scores = output.element() == ElementType::F32 && output.rank() == 2 && width >= 2;
  if (!scores || !std::ranges::all_of(row, [](double value) { return std::isfinite(value); })) {
    fmt::print("{}", name);
    for (double value : row) fmt::print(" {}", static_cast<float>(value));
    fmt::print("\n");
    return;
  }
  const auto best = std::ranges::max_element(row);
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  const bool is_distribution = std::ranges::min(row) >= 0 && std::abs(sum - 1) < 1e-3;
  double total = 0;
  for (double value : row) total += std::exp(value - *best);
  const auto number = best - row.begin();
  const bool named = std::ssize(classes) == width;
  fmt::print("{} class {}{} probability {:.4f}\n", name, number,
             named ? fmt::format(" ({})", classes[static_cast<std::size_t>(number)]) : "",
             is_distribution ? *best : 1 / total);
}

static void print_output(const std::string& name, const Tensor& output, bool by_example,
                         const std::vector<std::string>& classes) {
  const int64_t examples = by_example ? output.shape()[0] : 1, width = output.elements() / examples;
  for (int64_t e = 0; e < examples; ++e) print_example(name, output, e * width, width, classes);
}

// Which outputs go to which files.
static Result<std::map<std::string, std::string>> output_files(const Options& options, const Graph& graph) {
  std::vector<std::string> known;
  for (const auto& [name, value] : graph.outputs) known.push_back(name);
  std::map<std::string, std::string> files;
  for (const std::string& text : options.outputs) {
    const char* form = "--output takes NAME=@FILE.npy";
    const auto parts = split_assignment(text, form);
    if (!parts) return parts.failure();
    if (!parts->second.starts_with('@') || parts->second.size() < 2)
      return Failure{ExitCode::Usage, fmt::format("{}, not `{}`", form, text)};
    if (std::ranges::find(known, parts->first) == known.end())
      return unknown_name("output", parts->first, known);
    files[parts->first] = parts->second.substr(1);
  }
  return files;
}

int command_run(const Options& options) {
  if (options.file.ends_with(".sir")) return run_kernels(options);
  if (options.weights.empty())
    return report({ExitCode::Usage, "--weights is required: the weights of the model"});
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  Module& module = program->module();
  const std::vector<ValueId> needed = keep_model_only(module);
  if (options.generate > 0) {
    const Status generated = generate_text(options, *program, needed);
    return generated ? 0 : report(generated.failure());
  }

  std::map<std::string, Tensor> inputs;
  int64_t examples = 1;
  for (const std::string& text : options.inputs) {
    Result<std::pair<std::string, Tensor>> input = read_input(text, *program, needed);
    if (!input) return report(input.failure());
    const int64_t count = input->second.shape()[0];
    if (!inputs.empty() && count != examples)
      return report({ExitCode::Usage, fmt::format("`{}` has {} examples, the input before it {}",
                                                  input->first, count, examples)});
    examples = count;
    inputs.insert_or_assign(input->first, std::move(input->second));
  }
  for (ValueId id : needed) {
    const Value& value = module.eval.values[id];
    if (!inputs.contains(value.name))
      return report({ExitCode::Usage, fmt::format("the input `{}` ({}) is missing: add --input {}=@FILE.npy",
                                                  value.name, value.type.text(), value.name)});
  }
  const Result<std::map<std::string, std::string>> files = output_files(options, module.eval);
  if (!files) return report(files.failure());

  Result<Executor> executor = load_trained_model(options, module, std::min(examples, kInferenceBatch));
  if (!executor) return report(executor.failure());
  const Result<std::map<std::string, Tensor>> outputs = run_in_batches(*executor, inputs, examples);
  if (!outputs) return report(outputs.failure());
  for (const auto& [name, value] : module.eval.outputs) {
    const Tensor& output = outputs->at(name);
    if (const auto file = files->find(name); file == files->end())
      print_output(name, output, module.eval.values[value].type.has_batch(), program->data->fit().classes);
    else if (const Status written = write_npy(file->second, output); !written)
      return report(written.failure());
  }
  return 0;
}

} // namespace striate
