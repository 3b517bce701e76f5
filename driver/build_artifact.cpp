#include "driver/build_artifact.h"

#include "codegen/cpu/artifact.h"
#include "driver/artifact_header.h"
#include "driver/trained_model.h"
#include "runtime/executor.h"
#include "runtime/files.h"
#include "runtime/load_weights.h"
#include "runtime/safetensors.h"
#include "support/parameter_path.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace striate {

// Where the files go, without their endings: `-o net`, `-o net.o`, or the program's name in this folder.
static std::filesystem::path base_path(const Options& options) {
  std::filesystem::path path = options.output.empty() ? std::filesystem::path(options.file).stem()
                                                      : std::filesystem::path(options.output);
  if (path.extension() == ".o") path.replace_extension();
  return path;
}

// The C names of an entry's inputs and outputs must differ.
static Status check_names(const ArtifactEntry& entry) {
  std::map<std::string, std::string> known;
  for (const char* own : {"workspace", "settings", "examples", "threads"}) known.emplace(own, own);
  for (const auto* list : {&entry.inputs, &entry.outputs})
    for (const Placement& placement : *list)
      if (const auto [other, fresh] = known.emplace(c_identifier(placement.name), placement.name); !fresh)
        return Failure{ExitCode::Failed, fmt::format("`{}` and `{}` would have the same name in C",
                                                     other->second, placement.name)};
  return {};
}

Status build_artifact(const Options& options, Module module, const CompileOptions& settings) {
  const bool training = options.train;
  if (training && !module.has_training)
    return Failure{ExitCode::Failed,
                   fmt::format("--train takes a program with a `train` block; `{}` has none", options.file)};
  if (training && module.training.accumulate > 1)
    return Failure{ExitCode::Failed, "--train does not take `accumulate`: give the step a smaller `batch`"};
  if (!training) keep_model_only(module);
  const Result<Compilation> compilation = lower(module, training, settings);
  if (!compilation) return compilation.failure();
  const int64_t capacity = settings.pipeline.capacity;
  Executable layout = describe(*compilation, capacity);

  Artifact artifact;
  const std::filesystem::path base = base_path(options);
  artifact.prefix = c_identifier(base.filename().string());
  artifact.capacity = capacity;
  const auto add_entry = [&](const char* name, const CompiledEntry& entry, const EntryPoint& point) {
    artifact.entries.push_back(
        {name, &entry.program, name == std::string_view("train_step"), point.inputs, point.outputs});
  };
  if (training) {
    artifact.init = &compilation->init.program;
    add_entry("train_step", compilation->step, layout.step);
  }
  add_entry(training ? "eval" : "run", compilation->eval, layout.eval);
  for (const ArtifactEntry& entry : artifact.entries)
    if (Status sound = check_names(entry); !sound) return sound;
  artifact.persistents = layout.parameters;
  artifact.persistents.insert(artifact.persistents.end(), layout.states.begin(), layout.states.end());

  ArtifactDescription description;
  description.title =
      fmt::format("{} ({})", module.training.model.empty() ? base.filename().string() : module.training.model,
                  std::filesystem::path(options.file).filename().string());
  description.command = options.command_line;
  description.cpu = settings.pipeline.target.name;
  description.workspace_bytes = layout.arena_bytes;
  if (training)
    for (const auto& [name, value] : layout.scalar_defaults) {
      artifact.settings.push_back(name);
      description.settings.push_back(value);
    }

  Result<Executor> executor = Executor::create(std::move(layout), 1);
  if (!executor) return executor.failure();
  if (!options.weights.empty()) {
    const Result<std::vector<NamedTensor>> weights = read_weights(options.weights);
    if (!weights) return weights.failure();
    if (Status loaded = executor->load(*weights, false, options.weights); !loaded) return loaded;
    if (!options.external_weights)
      for (const Placement& placement : artifact.persistents) // an optimizer's states begin anew
        artifact.weights.push_back(is_optimizer_state(placement.name) ? "" : executor->stored(placement));
  }
  const std::string file = safetensors_bytes(executor->state(), {});
  uint64_t header_bytes = 0; // of the JSON text, little-endian, in front of it
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  artifact.file_header = file.substr(0, sizeof header_bytes + header_bytes);

#ifdef STRIATE_HAS_LLVM
  const Result<std::string> object = artifact_object(artifact, settings.pipeline.target);
#else
  const Result<std::string> object =
      Failure{ExitCode::Failed, "this build has no CPU back end for an object"};
#endif
  if (!object) return object.failure();
  const std::string header = artifact_header(artifact, description);
  if (options.external_weights)
    if (Status written = write_file_safely(base.string() + ".safetensors", file); !written) return written;
  if (Status written = write_file_safely(base.string() + ".o", *object); !written) return written;
  return write_file_safely(base.string() + ".h", header);
}

} // namespace striate
