#include "driver/build_artifact.h"

#include "codegen/cpu/artifact.h"
#include "codegen/cpu/link_library.h"
#include "driver/artifact_header.h"
#include "driver/memory_limit.h"
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

namespace {

// What is written: an object, a static library of it or a shared one, by the name of `-o`.
enum class Form { Object, Static, Shared };

struct Place {
  std::filesystem::path file; // "net.o", "lib/libnet.so"
  std::filesystem::path base; // "net", "lib/net": of the header, of external weights, and of the names in C
  Form form = Form::Object;
};

} // namespace

// `-o net`, `-o net.o`, `-o libnet.a`, `-o libnet.so`, or the program's name in this folder.
static Place place_of(const Options& options) {
  Place place;
  place.base = options.output.empty() ? std::filesystem::path(options.file).stem()
                                      : std::filesystem::path(options.output);
  const std::string ending = place.base.extension().string();
  if (ending == ".a") place.form = Form::Static;
  if (ending == ".so") place.form = Form::Shared;
  if (ending == ".o" || place.form != Form::Object) place.base.replace_extension();
  place.file = place.base.string() + (place.form == Form::Object ? ".o" : ending);
  const std::string name = place.base.filename().string();
  if (place.form != Form::Object && name.starts_with("lib") && name.size() > 3)
    place.base.replace_filename(name.substr(3));
  return place;
}

#ifdef STRIATE_HAS_LLVM
// The bytes of the file.
static Status write_code(const Place& place, const std::string& object, const TargetInfo& target) {
  if (place.form == Form::Object) return write_file_safely(place.file.string(), object);
  if (place.form == Form::Shared) return link_shared_library(place.file.string(), object, target);
  const Result<std::string> library = static_library(place.base.filename().string() + ".o", object);
  if (!library) return library.failure();
  return write_file_safely(place.file.string(), *library);
}
#endif

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

// One compilation for each CPU of --mcpu; they differ in their kernels alone.
static Result<std::vector<Compilation>> compilations_of(const Options& options, const Module& module,
                                                        bool training, const CompileOptions& settings,
                                                        const std::vector<TargetInfo>& targets) {
  std::vector<Compilation> compilations;
  for (const TargetInfo& target : targets) {
    CompileOptions own = settings;
    own.pipeline.target = target;
    Result<Compilation> compilation = lower_within_memory(options, module, training, own);
    if (!compilation) return compilation.failure();
    compilations.push_back(std::move(*compilation));
  }
  return compilations;
}

Status build_artifact(const Options& options, Module module, const CompileOptions& settings,
                      const std::vector<TargetInfo>& targets) {
  const bool training = options.train;
  if (training && !module.has_training)
    return Failure{ExitCode::Failed,
                   fmt::format("--train takes a program with a `train` block; `{}` has none", options.file)};
  if (training && module.training.accumulate > 1)
    return Failure{ExitCode::Failed, "--train does not take `accumulate`: give the step a smaller `batch`"};
  if (!training) keep_model_only(module);
  const Result<std::vector<Compilation>> compilations =
      compilations_of(options, module, training, settings, targets);
  if (!compilations) return compilations.failure();
  const int64_t capacity = settings.pipeline.capacity;
  Executable layout = describe(compilations->front(), capacity);
  for (const Compilation& other : *compilations)
    CHECK(describe(other, capacity).arena_bytes == layout.arena_bytes, "a workspace depends on the CPU");

  Artifact artifact;
  const Place place = place_of(options);
  const std::filesystem::path& base = place.base;
  artifact.prefix = c_identifier(base.filename().string());
  artifact.capacity = capacity;
  if (training) artifact.entries.push_back({"train_step", true, layout.step.inputs, layout.step.outputs});
  artifact.entries.push_back({training ? "eval" : "run", false, layout.eval.inputs, layout.eval.outputs});
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const Compilation& compilation = (*compilations)[k];
    ArtifactVersion version{targets[k], {}, training ? &compilation.init.program : nullptr};
    if (training) version.entries.push_back(&compilation.step.program);
    version.entries.push_back(&compilation.eval.program);
    artifact.versions.push_back(std::move(version));
  }
  for (const ArtifactEntry& entry : artifact.entries)
    if (Status sound = check_names(entry); !sound) return sound;
  artifact.persistents = layout.parameters;
  artifact.persistents.insert(artifact.persistents.end(), layout.states.begin(), layout.states.end());

  ArtifactDescription description;
  description.title =
      fmt::format("{} ({})", module.training.model.empty() ? base.filename().string() : module.training.model,
                  std::filesystem::path(options.file).filename().string());
  description.command = options.command_line;
  for (const TargetInfo& target : targets)
    description.cpu += (description.cpu.empty() ? "" : ", ") + target.name;
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
  const Result<std::string> object = artifact_object(artifact);
  if (!object) return object.failure();
  const std::string header = artifact_header(artifact, description);
  if (options.external_weights)
    if (Status written = write_file_safely(base.string() + ".safetensors", file); !written) return written;
  if (Status written = write_code(place, *object, targets[0]); !written) return written;
  return write_file_safely(base.string() + ".h", header);
#else
  return Failure{ExitCode::Failed, "this build has no CPU back end for an object"};
#endif
}

} // namespace striate
