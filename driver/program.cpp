#include "driver/program.h"

#include "driver/crash_report.h"
#include "driver/print_diagnostics.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/target.h"
#endif
#include "frontend/parser.h"
#include "runtime/files.h"
#include "runtime/trainer.h"
#include "support/random.h"
#include "support/version.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace striate {

static std::string key_of(const ReaderCall& call) {
  std::string key = call.kind;
  for (const std::string& file : call.files) key += '\n' + file;
  for (const auto& [name, value] : call.options) {
    key += '\n' + name + '=';
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
            key += v;
          } else if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::vector<int64_t>>) {
            key += fmt::format("{}", v);
          }
        },
        value);
  }
  return key;
}

static Failure located(const ReaderCall& call, const Failure& failure) {
  return {failure.code, fmt::format("{}: {}", call.location.text(), failure.message)};
}

Result<std::shared_ptr<const Table>> DataSource::table(const ReaderCall& call) {
  const std::string key = key_of(call);
  const auto found = tables_.find(key);
  if (found != tables_.end()) return found->second;
  std::vector<std::string> paths;
  for (const std::string& file : call.files) {
    const std::filesystem::path path(file);
    paths.push_back(path.is_absolute() || folder_.empty() ? file
                                                          : (std::filesystem::path(folder_) / path).string());
  }
  Result<Table> table = Failure{};
  if (call.kind == "idx") {
    table = read_idx(paths);
  } else {
    CsvOptions options;
    const auto label = call.options.find("label");
    if (label != call.options.end()) {
      const std::string* name = std::get_if<std::string>(&label->second);
      const int64_t* index = std::get_if<int64_t>(&label->second);
      options.label = name ? *name : index ? std::to_string(*index) : "";
    }
    const auto header = call.options.find("header");
    if (header != call.options.end())
      if (const bool* present = std::get_if<bool>(&header->second))
        options.header = *present ? CsvOptions::Header::Present : CsvOptions::Header::Absent;
    table = read_csv(paths.at(0), options);
  }
  if (!table) return located(call, table.failure());
  return tables_[key] = std::make_shared<const Table>(std::move(*table));
}

std::optional<ColumnType> DataSource::column_type(const ReaderCall& call, int column) {
  const Result<std::shared_ptr<const Table>> found = table(call);
  if (!found || column >= static_cast<int>((*found)->columns.size())) return std::nullopt;
  const Tensor& values = (*found)->columns[column].values;
  return ColumnType{values.element(), {values.shape().begin() + 1, values.shape().end()}};
}

Result<Dataset> DataSource::dataset(const DataDescription& description) {
  Dataset dataset;
  for (const SplitDescription& split : description.splits) {
    const Result<std::shared_ptr<const Table>> rows = table(split.reader);
    if (!rows) return rows.failure();
    Split whole;
    whole.name = split.names.at(0);
    whole.table = *rows;
    whole.rows = split.shuffle ? shuffled_order((*rows)->rows(), static_cast<uint64_t>(*split.shuffle), 0)
                               : natural_order((*rows)->rows());
    std::vector<Split> parts;
    if (split.counts.empty()) {
      parts.push_back(std::move(whole));
    } else {
      Result<std::vector<Split>> divided = divide(whole, split.names, split.counts);
      if (!divided) return located(split.reader, divided.failure());
      parts = std::move(*divided);
    }
    for (Split& part : parts) {
      const Status status = dataset.add(std::move(part));
      if (!status) return located(split.reader, status.failure());
    }
  }
  return dataset;
}

Result<std::string> read_program_text(const std::string& file) {
  Result<std::string> text = read_file(file);
  if (!text) return text.failure();
  return std::move(*text);
}

bool use_color(const Options& options) {
  if (options.color == "always") return true;
  if (options.color == "never" || std::getenv("NO_COLOR")) return false;
  return isatty(STDERR_FILENO) != 0;
}

static Result<std::map<std::string, std::string>> assignments(const std::vector<std::string>& texts,
                                                              const char* flag) {
  std::map<std::string, std::string> result;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return Failure{ExitCode::Usage, fmt::format("{} takes NAME=VALUE, not `{}`", flag, text)};
    result[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return result;
}

Result<OpenProgram> open_program(const Options& options) {
  OpenProgram program;
  set_crash_program(options.file);
  Result<std::string> text = read_program_text(options.file);
  if (!text) return text.failure();
  program.source = std::move(*text);
  ElaborateOptions elaborate_options;
  Result<std::map<std::string, std::string>> parameters = assignments(options.parameters, "--param");
  if (!parameters) return parameters.failure();
  Result<std::map<std::string, std::string>> settings = assignments(options.settings, "--set");
  if (!settings) return settings.failure();
  elaborate_options.parameters = std::move(*parameters);
  elaborate_options.settings = std::move(*settings);
  const std::string folder =
      options.data.empty() ? std::filesystem::path(options.file).parent_path().string() : options.data;
  program.data = std::make_unique<DataSource>(folder);
  elaborate_options.column_type = [&](const ReaderCall& call, int column) {
    return program.data->column_type(call, column);
  };

  Diagnostics diagnostics;
  program.file = parse(options.file, program.source, diagnostics);
  std::optional<Module> module;
  if (!diagnostics.has_errors()) module = elaborate(program.file, elaborate_options, diagnostics);
  if (!module || diagnostics.has_errors()) {
    print_diagnostics(diagnostics, options);
    // What --set and --param say is the command line's.
    const bool usage = std::ranges::all_of(diagnostics.messages(), [](const DiagnosticMessage& message) {
      return message.location.file.starts_with("--");
    });
    return Failure{usage ? ExitCode::Usage : ExitCode::Failed, ""};
  }
  program.module = std::make_unique<Module>(std::move(*module));
  return program;
}

int thread_count(const Options& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Result<CompileOptions> compile_options(const Options& options, int64_t capacity,
                                       [[maybe_unused]] bool runs_here) {
  CompileOptions compile;
  compile.threads = thread_count(options);
  compile.pipeline.capacity = capacity;
  compile.pipeline.fuse = options.fuse;
#ifdef STRIATE_HAS_LLVM
  compile.pipeline.target = host_target();
  if (options.cpu != "native") {
    Result<TargetInfo> named = target_named(options.cpu);
    if (!named) return named.failure();
    if (runs_here)
      if (const std::string missing = missing_here(*named); !missing.empty())
        return Failure{ExitCode::Usage, fmt::format("this machine cannot run code for `{}`: it lacks {}",
                                                    options.cpu, missing)};
    compile.pipeline.target = *named;
  }
#endif
  if (options.layout == "batch") compile.pipeline.layout = LayoutPolicy::BatchBlocked;
  if (options.layout == "channel") compile.pipeline.layout = LayoutPolicy::ChannelBlocked;
  if (options.layout == "plain") compile.pipeline.layout = LayoutPolicy::Plain;
  return compile;
}

TrainerOptions trainer_options(const Options& options, const OpenProgram& program) {
  TrainerOptions trainer;
  const Module& module = *program.module;
  const TrainDescription& training = module.training;
  trainer.epochs = training.epochs;
  trainer.batch = training.batch;
  trainer.seed = static_cast<uint64_t>(training.seed);
  for (const InputBinding& binding : module.bindings)
    trainer.bindings.push_back({binding.input, binding.column});
  trainer.metrics = training.metrics;
  trainer.checkpoint_every = training.checkpoint_every;
  trainer.checkpoint_keep = static_cast<int>(training.checkpoint_keep);
  trainer.best = training.best;
  trainer.notes = {{"striate.version", kVersion},
                   {"striate.command", options.command_line},
                   {kProgramNote, fmt::format("{:016x}", fnv1a(program.source))}};
  if (options.progress == "bar") trainer.progress = ProgressMode::Bar;
  if (options.progress == "plain") trainer.progress = ProgressMode::Plain;
  if (options.progress == "none") trainer.progress = ProgressMode::None;
  return trainer;
}

int report(const Failure& failure) {
  if (!failure.message.empty()) fmt::print(stderr, "striate: error: {}\n", failure.message);
  return static_cast<int>(failure.code);
}

} // namespace striate
