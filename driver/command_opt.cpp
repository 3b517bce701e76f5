// striate opt: reads a graph from its text, applies passes, prints it. striate why: the decisions about
// layers.

#include "driver/commands.h"
#include "driver/ir_file.h"
#include "driver/kernel_id.h"
#include "driver/kernel_profile.h"
#include "driver/memory_limit.h"
#include "driver/pass_trace.h"
#include "driver/program.h"
#include "driver/stored_speed.h"
#include "driver/write_output.h"
#include "passes/pass.h"
#include "runtime/trainer.h"

#include <algorithm>
#include <chrono>

namespace striate {

static int list_passes() {
  std::size_t width = 0;
  for (const Pass& pass : graph_passes()) width = std::max(width, std::string(pass.name).size());
  for (const Pass& pass : graph_passes()) fmt::print("{:{}}  {}\n", pass.name, width, pass.meaning);
  fmt::print("{:{}}  {}\n", "schedule", width, "regions become kernels; last, the result is a program");
  return 0;
}

static int print_program(const Options& options, const Program& program) {
  if (options.only.empty()) return write_output(options, print(program));
  const Result<std::size_t> kernel = kernel_with_id(program, options.only);
  return kernel ? write_output(options, print(only_kernel(program, *kernel))) : report(kernel.failure());
}

int command_opt(const Options& options) {
  if (options.list) return list_passes();
  if (options.file.empty()) return report({ExitCode::Usage, "a file is missing: striate opt FILE.sir"});
  if (const std::string problem = problem_with_passes(options); !problem.empty())
    return report({ExitCode::Usage, problem});
  Result<IrText> text = read_ir(options.file);
  if (!text) return report(text.failure());
  const std::string name = options.file == "-" ? "stdin" : options.file;
  // A program is only read, verified and printed.
  if (const auto* program = std::get_if<Program>(&*text)) {
    if (options.passes.empty()) return print_program(options, *program);
    return report({ExitCode::Failed, fmt::format("{} is a program of kernels; passes work on graphs", name)});
  }
  Graph& graph = std::get<Graph>(*text);
  const int64_t capacity = options.batch > 0 ? options.batch : kInferenceBatch;
  Result<CompileOptions> settings = compile_options(options, capacity, false);
  if (!settings) return report(settings.failure());
  use_stored_speed(*settings);
  PassTrace trace(options);
  trace.attach(settings->pipeline, graph.entry);
  PassState state(settings->pipeline);
  std::optional<Program> result;
  for (const std::string& pass : options.passes) {
    if (result)
      return report({ExitCode::Failed, fmt::format("{} comes after schedule, which leaves no graph", pass)});
    if (pass != "schedule") {
      if (const Status status = run_passes(graph, {pass}, state); !status) return report(status.failure());
      continue;
    }
    if (const std::string problem = unmet(Needs::Regions, graph); !problem.empty())
      return report({ExitCode::Failed, fmt::format("schedule does not apply to {}: {}", name, problem)});
    const auto started = std::chrono::steady_clock::now();
    Result<Program> program = lower_regions(graph, settings->pipeline);
    if (!program) return report(program.failure());
    result = std::move(*program);
    trace.record(pass, print(*result),
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  if (const Status status = trace.finish(); !status) return report(status.failure());
  if (result) return print_program(options, *result);
  if (options.only.empty()) return write_output(options, print(graph));
  const Result<std::size_t> region = region_with_id(graph, options.only);
  return region ? write_output(options, print(only_region(graph, *region))) : report(region.failure());
}

// Whether a decision about `what` ("conv1 + pool1") speaks of a layer or value: of it, or of a part of it.
static bool speaks_of(const std::string& what, const std::string& name) {
  for (std::size_t at = what.find(name); at != std::string::npos; at = what.find(name, at + 1)) {
    const auto inside = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    const bool begins = at == 0 || !(inside(what[at - 1]) || what[at - 1] == '.');
    const std::size_t end = at + name.size();
    if (begins && (end == what.size() || !inside(what[end]))) return true;
  }
  return false;
}

// "4900": "4.9 k".
static std::string counted(double value) {
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit) value /= 1000;
  static const char* const kUnits[] = {"", "k", "M", "G", "T"};
  return unit == 0 ? fmt::format("{:.0f} ", value) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

// At the capacity, as everything about a region is.
static std::string cost_in_words(const Cost& cost) {
  std::string text = fmt::format("{}FLOP, reads {}B, writes {}B: {} FLOP a byte", counted(cost.flops),
                                 counted(static_cast<double>(cost.bytes_read)),
                                 counted(static_cast<double>(cost.bytes_written)),
                                 fmt::format("{:.{}f}", cost.intensity(), cost.intensity() < 10 ? 1 : 0));
  if (cost.predicted > 0) text += "; " + seconds_text(cost.predicted) + " at least on this machine";
  return text;
}

static int explain_decisions(const Graph& graph, const std::vector<std::string>& names) {
  int found = 0;
  for (const Decision& decision : graph.decisions) {
    const bool all = std::ranges::all_of(names, [&](const std::string& name) {
      return speaks_of(decision.what, name) || decision.pass == name || speaks_of(decision.reason, name);
    });
    if (!all) continue;
    ++found;
    fmt::print("{} {}: {}: {}\n    {}\n", graph.entry, decision.pass, decision.what, decision.chosen,
               decision.reason);
  }
  for (const Region& region : graph.regions) {
    std::string members;
    for (NodeId node : region.nodes)
      members += (members.empty() ? "" : " + ") + graph.values[graph.nodes[node].outputs[0]].name;
    if (!std::ranges::all_of(names, [&](const std::string& name) { return speaks_of(members, name); }))
      continue;
    ++found;
    std::string stored;
    for (ValueId value : region.stored)
      stored += fmt::format("{}{} {}", stored.empty() ? "" : ", ", graph.values[value].name,
                            graph.values[value].layout.text());
    fmt::print("{} kernel: {}\n    stores {}\n", graph.entry, members, stored);
    if (region.cost) fmt::print("    {}\n", cost_in_words(*region.cost));
  }
  return found;
}

int command_why(const Options& options) {
  if (options.files.empty() && options.only.empty())
    return report({ExitCode::Usage, "what about? Name layers, values or a pass, or a kernel with --only"});
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  const Module& module = program->module();
  const int64_t capacity = module.has_training ? phase_options(options, module).capacity() : kInferenceBatch;
  Result<CompileOptions> settings = compile_options(options, capacity, false);
  if (!settings) return report(settings.failure());
  use_stored_speed(*settings);
  const Result<Compilation> compilation =
      lower_within_memory(options, module, module.has_training, *settings);
  if (!compilation) return report(compilation.failure());
  std::vector<const Graph*> graphs = {&compilation->eval.regions};
  if (module.has_training) graphs.insert(graphs.begin(), &compilation->step.regions);
  Graph alone;
  if (!options.only.empty()) {
    // Of the step, or where it has no such kernel, of the evaluation.
    Result<std::size_t> region = region_with_id(*graphs[0], options.only);
    if (!region && graphs.size() > 1)
      if (const Result<std::size_t> other = region_with_id(*graphs[1], options.only); other)
        region = *other, graphs.erase(graphs.begin());
    if (!region) return report(region.failure());
    alone = only_region(*graphs[0], *region);
    graphs = {&alone};
  }
  int found = 0;
  for (const Graph* graph : graphs) found += explain_decisions(*graph, options.files);
  if (found > 0) return 0;
  return report({ExitCode::Failed,
                 fmt::format("nothing was decided about {}; `striate build {} --emit=regions` has all "
                             "decisions",
                             fmt::join(options.files, " and "), options.file)});
}

} // namespace striate
