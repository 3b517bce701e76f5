// striate build: every stage as text on stdout, and objects for other programs.

#include "driver/build_artifact.h"
#include "driver/commands.h"
#include "driver/cuda_target.h"
#include "driver/kernel_id.h"
#include "driver/memory_limit.h"
#include "driver/pass_trace.h"
#include "driver/program.h"
#include "driver/report/emit_report.h"
#include "driver/report/graph_dot.h"
#include "driver/report/graph_json.h"
#include "driver/stored_speed.h"
#include "driver/trace_events.h"
#include "driver/write_output.h"
#include "frontend/parser.h"
#include "frontend/print_ast.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"
#include "runtime/files.h"
#include "runtime/trainer.h"
#include "support/time_trace.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/artifact.h"
#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#endif
#include "codegen/cuda/emit_cuda.h"
#include "codegen/cuda/nvrtc.h"
#include "support/disk_cache.h"

#include <algorithm>

namespace striate {

static Failure no_phase(const Options& options, const std::vector<Module>& phases) {
  std::vector<std::string> names;
  for (const Module& module : phases)
    if (!module.training.phase.empty()) names.push_back(module.training.phase);
  return {ExitCode::Usage, fmt::format("there is no phase `{}`; {}", options.phase,
                                       names.empty() ? "the program has none"
                                                     : fmt::format("there are {}", fmt::join(names, ", ")))};
}

// What --mcpu says: one CPU, or several with `+` between them.
static std::vector<std::string> split_cpus(const std::string& text) {
  std::vector<std::string> cpus;
  std::size_t begin = 0;
  for (std::size_t end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find('+', begin);
    cpus.push_back(text.substr(begin, end - begin));
  }
  return cpus;
}

// The CPUs that one object is for, the plainest first.
static Result<std::vector<TargetInfo>> versions_of([[maybe_unused]] const std::vector<std::string>& cpus,
                                                   [[maybe_unused]] const Options& options,
                                                   const CompileOptions& settings) {
  std::vector<TargetInfo> targets = {settings.pipeline.target};
#ifdef STRIATE_HAS_LLVM
  for (std::size_t k = 1; k < cpus.size(); ++k) {
    Result<TargetInfo> target = target_named(cpus[k], options.architecture);
    if (!target) return target.failure();
    targets.push_back(std::move(*target));
  }
  if (targets.size() > 1)
    for (std::size_t k = 0; k < targets.size(); ++k)
      if (!is_level(targets[k]) || (k > 0 && targets[k].name <= targets[k - 1].name))
        return Failure{
            ExitCode::Usage,
            fmt::format("an object for several CPUs is for levels of x86-64, in ascending order: x86-64, "
                        "x86-64-v2, x86-64-v3 and x86-64-v4, not `{}`",
                        cpus[k])};
#endif
  return targets;
}

static bool is_for_cuda(const Options& options) {
  return options.emit == "cuda" || options.emit == "ptx" || options.emit == "cubin";
}

static bool is_for_cpu(const Options& options) {
  return options.emit == "object" || options.emit == "llvm" || options.emit == "asm" ||
         options.emit == "html";
}

// "sm_90a", "compute_80": what NVRTC knows.
static Status check_architecture(const Options& options, const Nvrtc& compiler) {
  const std::string& name = options.gpu_architecture;
  const bool is_virtual = name.starts_with("compute_");
  if (options.emit == "cubin" && is_virtual)
    return Failure{
        ExitCode::Usage,
        fmt::format("--emit=cubin takes a real architecture (sm_..), not `{}`; for every later device there "
                    "is --emit=ptx",
                    name)};
  std::string number = name.starts_with("sm_") ? name.substr(3) : is_virtual ? name.substr(8) : "";
  if (number.ends_with('a') || number.ends_with('f')) number.pop_back();
  const std::vector<int> known = compiler.architectures();
  if (std::ranges::none_of(known, [&](int one) { return std::to_string(one) == number; }))
    return Failure{ExitCode::Usage,
                   fmt::format("--gpu-arch takes sm_ or compute_ and a number that NVRTC {} knows ({}), "
                               "not `{}`",
                               compiler.version(), fmt::join(known, ", "), name)};
  return {};
}

// CUDA C++, PTX or machine code of all kernels.
static Result<std::string> cuda_code(const Options& options, const Program& program) {
  Result<std::string> text = cuda_text(program);
  if (!text || options.emit == "cuda") return text;
  const Result<const Nvrtc*> compiler = Nvrtc::load();
  if (!compiler) return compiler.failure();
  if (const Status known = check_architecture(options, **compiler); !known) return known.failure();
  const std::optional<DiskCache> cache = open_cache(kCudaCache);
  Result<CudaBinary> binary =
      (*compiler)->compile(*text, program.name + ".cu", options.gpu_architecture, cache ? &*cache : nullptr);
  if (!binary) return binary.failure();
  for (const CudaResources& kernel : binary->resources)
    if (kernel.spill_bytes > 0)
      fmt::print(stderr,
                 "striate: warning: {} has more values than registers: {} bytes of it go through memory\n",
                 kernel.function, kernel.spill_bytes);
  return std::move(options.emit == "ptx" ? binary->ptx : binary->cubin);
}

static int build(const Options& asked) {
  Options options = asked;
  const std::vector<std::string> cpus = split_cpus(options.cpu);
  if (is_for_cuda(options)) options.target = "cuda";
  if (options.emit.empty()) options.emit = options.train || !options.weights.empty() ? "object" : "regions";
  if (options.target == "cuda" && is_for_cpu(options))
    return report(
        {ExitCode::Usage,
         fmt::format("--emit={} is for --target cpu; cuda, ptx and cubin are for a GPU", options.emit)});
  if (options.emit != "object" && (options.train || !options.weights.empty()))
    return report(
        {ExitCode::Usage, fmt::format("--emit={} takes neither --weights nor --train: those are for an "
                                      "object",
                                      options.emit)});
  static const std::vector<std::string> kByKernel = {"regions", "kernel", "llvm", "asm",
                                                     "cuda",    "dot",    "json", "html"};
  if (!options.only.empty() && std::ranges::find(kByKernel, options.emit) == kByKernel.end())
    return report(
        {ExitCode::Usage, fmt::format("--only is for --emit={}, not for {}: there are no kernels apart",
                                      fmt::join(kByKernel, ", "), options.emit)});
  if (options.emit != "object" && cpus.size() > 1)
    return report({ExitCode::Usage, "--mcpu names several CPUs: those are for an object"});
  options.cpu = cpus[0];
  if (options.emit == "ast") {
    Result<std::string> text = read_program_text(options.file);
    if (!text) return report(text.failure());
    Diagnostics diagnostics;
    const ast::File file = parse(options.file, *text, diagnostics);
    if (diagnostics.has_errors()) {
      fmt::print(stderr, "{}", diagnostics.render(use_color(options)));
      return static_cast<int>(ExitCode::Failed);
    }
    return write_output(options, print_ast(file));
  }
  if (options.train && options.external_weights)
    return report({ExitCode::Usage,
                   "--external-weights are for an object that does not train: a training's own file "
                   "has its optimizer's states too"});
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  const auto phase = std::ranges::find_if(program->phases, [&](const Module& module) {
    return options.phase.empty() || module.training.phase == options.phase;
  });
  if (phase == program->phases.end()) return report(no_phase(options, program->phases));
  const Module& module = options.phase.empty() ? program->module() : *phase;
  const bool training = options.mode == "train" && module.has_training;
  if (options.emit == "graph") return write_output(options, print(training ? module.train : module.eval));

  const int64_t capacity = options.batch > 0     ? options.batch
                           : module.has_training ? phase_options(options, module).capacity()
                                                 : kInferenceBatch;
  Result<CompileOptions> found = compile_options(options, capacity, false);
  if (!found) return report(found.failure());
  CompileOptions& settings = *found;
  use_stored_speed(settings);
  if (const std::string problem = problem_with_passes(options); !problem.empty())
    return report({ExitCode::Usage, problem});
  if (options.emit == "object") {
    const Result<std::vector<TargetInfo>> targets = versions_of(cpus, options, settings);
    if (!targets) return report(targets.failure());
    const Status built = build_artifact(options, module, settings, *targets);
    return built ? 0 : report(built.failure());
  }
  PassTrace trace(options);
  trace.attach(settings.pipeline, training ? "step" : "eval");
  PassHistory history;
  if (options.emit == "html") history.attach(settings.pipeline, training ? "step" : "eval");
  if (options.emit == "grad") {
    Graph graph = training ? module.train : module.eval;
    graph.entry = training ? "step" : "eval";
    if (training) graph.scalars = module.scalars;
    settings.pipeline.accumulate = module.training.accumulate > 1;
    const Status status = run_gradient_passes(graph, module.optimizers, training, settings.pipeline);
    if (!status) return report(status.failure());
    if (const Status traced = trace.finish(); !traced) return report(traced.failure());
    return write_output(options, print(graph));
  }
  const Result<Compilation> compilation = lower_within_memory(options, module, training, settings);
  if (!compilation) return report(compilation.failure());
  const CompiledEntry& entry = training ? compilation->step : compilation->eval;
  if (const Status traced = trace.finish(); !traced) return report(traced.failure());
  std::optional<std::size_t> only;
  if (!options.only.empty()) {
    const Result<std::size_t> found = kernel_with_id(entry.program, options.only);
    if (!found) return report(found.failure());
    only = *found;
  }
  const Graph regions = only ? only_region(entry.regions, *only) : entry.regions;
  const Program kernels = only ? only_kernel(entry.program, *only) : entry.program;
  if (options.emit == "regions") return write_output(options, print(regions));
  if (options.emit == "kernel") return write_output(options, print(kernels));
  if (options.emit == "dot") return write_output(options, graph_dot(regions));
  const LayerCalls calls(program->file, entry.regions.name);
  if (options.emit == "json")
    return write_output(
        options,
        json_text(graph_json(entry.regions, entry.program, calls, settings.pipeline.target.name, only), 1) +
            "\n");
  if (options.emit == "html") {
    const Result<std::string> page = html_report(entry, history, calls, options.file, settings, only);
    return page ? write_output(options, *page) : report(page.failure());
  }
  if (is_for_cuda(options)) {
    const Result<std::string> code = cuda_code(options, kernels);
    return code ? write_output(options, *code) : report(code.failure());
  }
#ifdef STRIATE_HAS_LLVM
  if (options.emit == "llvm") {
    const Result<std::string> text = llvm_text(entry.program, settings.pipeline.target, only);
    return text ? write_output(options, *text) : report(text.failure());
  }
  if (options.emit == "asm") {
    const Result<std::string> text = assembly_text(entry.program, settings.pipeline.target, only);
    return text ? write_output(options, *text) : report(text.failure());
  }
#endif
  return report(
      {ExitCode::Failed, fmt::format("this build has no CPU back end for --emit={}", options.emit)});
}

int command_build(const Options& options) {
  if (options.trace.empty()) return build(options);
  begin_time_trace();
  const int code = build(options);
  const Status written = write_file_safely(options.trace, trace_text(compilation_events()));
  return code != 0 || written ? code : report(written.failure());
}

} // namespace striate
