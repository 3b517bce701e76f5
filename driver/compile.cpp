#include "driver/compile.h"

#include "driver/cuda_target.h"
#include "driver/kernel_program.h"
#include "driver/tuning.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#endif
#include "ir/kernel/analysis.h"
#include "runtime/files.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

namespace striate {

static CompiledEntry lower_entry(Graph graph, const std::map<std::string, Layout>& fixed,
                                 const PipelineOptions& options,
                                 const std::optional<PersistentPlan>& persistents = std::nullopt) {
  run_region_passes(graph, fixed, options, persistents);
  return {std::move(graph), {}};
}

Result<Compilation> lower(const Module& module, bool training, const CompileOptions& options) {
  PipelineOptions pipeline = options.pipeline;
  pipeline.accumulate = module.training.accumulate > 1;
  Compilation result;
  result.training = training;

  // The step decides the persistents' layouts and places; without one, eval does.
  std::map<std::string, Layout> layouts;
  if (training) {
    Graph step = module.train;
    step.entry = "step";
    step.scalars = module.scalars;
    const Status status = run_gradient_passes(step, module.optimizers, true, pipeline);
    if (!status) return status.failure();
    result.step = lower_entry(std::move(step), {}, pipeline);
    layouts = persistent_layouts(result.step.regions);
    result.persistents = plan_persistents(result.step.regions);
  }
  Graph eval = module.eval;
  eval.entry = "eval";
  const Status status = run_gradient_passes(eval, {}, false, pipeline);
  if (!status) return status.failure();
  const auto places = training ? std::optional(result.persistents) : std::nullopt;
  result.eval = lower_entry(std::move(eval), layouts, pipeline, places);
  const Graph& decider = training ? result.step.regions : result.eval.regions;
  layouts = persistent_layouts(decider);
  if (!training) result.persistents = plan_persistents(decider);
  result.init = lower_entry(make_init_graph(decider), layouts, pipeline, result.persistents);

  for (CompiledEntry* entry : {&result.init, &result.step, &result.eval})
    if (!entry->regions.nodes.empty())
      entry->program = run_kernel_passes(entry->regions, result.persistents, pipeline);
  if (options.tuned)
    for (CompiledEntry* entry : {&result.init, &result.step, &result.eval})
      apply_tuning(*entry, *options.tuned, pipeline);
  return result;
}

static Placement placement_of(const Value& value, const std::string& name, int64_t capacity) {
  Placement placement = placement_of(
      ProgramValue{ProgramValue::Role::Output, name, value.type, value.layout, value.offset}, capacity);
  placement.storage = storage_bytes(value, capacity) / byte_size(value.type.element);
  return placement;
}

// The kernel's name for people, and the values that can be looked at after it ran.
static void describe_kernel(const Graph& graph, const Region& region, int64_t capacity,
                            ExecutableKernel& kernel) {
  const Node& head = graph.nodes[region.nodes.front()];
  kernel.layer = head.path.empty() ? graph.values[head.outputs[0]].name : head.path;
  kernel.place = head.location.text();
  for (ValueId id : region.stored) {
    const Value& value = graph.values[id];
    const bool by_example = !value.type.has_batch() || value.type.shape[0] == Size::n();
    if (value.type.element == ElementType::F32 && by_example)
      kernel.stores.push_back(placement_of(value, value.name, capacity));
  }
}

// How many regions come before the first that changes a parameter or an optimizer state.
static std::size_t forward_regions(const Graph& graph) {
  std::set<ValueId> updates;
  for (const Persistent& persistent : graph.persistents)
    if (persistent.next >= 0 && (persistent.trainable || !persistent.group.empty()))
      updates.insert(persistent.next);
  std::size_t count = 0;
  while (count < graph.regions.size() &&
         std::ranges::none_of(graph.regions[count].stored,
                              [&](ValueId value) { return updates.contains(value); }))
    ++count;
  return count;
}

// What the runtime has to know of an entry point, but for the machine code.
static void describe_entry(const CompiledEntry& entry, int64_t capacity, EntryPoint& point) {
  const Graph& graph = entry.regions;
  const Program& program = entry.program;
  point.name = program.name;
  point.scalars = program.scalars;
  for (std::size_t k = 0; k < program.kernels.size(); ++k) {
    const Kernel& kernel = program.kernels[k];
    point.kernels.push_back(
        {kernel.name, {}, [kernel](int64_t examples) { return parallel_extent(kernel, examples); }});
    describe_kernel(graph, graph.regions[k], capacity, point.kernels.back());
  }
  point.loops = program.loops;
  point.forward_kernels = forward_regions(graph);
  const std::vector<std::vector<NodeId>> readers = graph.readers();
  for (ValueId input : graph.inputs)
    if (!readers[input].empty())
      point.inputs.push_back(placement_of(graph.values[input], graph.values[input].name, capacity));
  for (const auto& [name, value] : graph.outputs)
    point.outputs.push_back(placement_of(graph.values[value], name, capacity));
}

Executable describe(const Compilation& compilation, int64_t capacity) {
  Executable executable;
  executable.capacity = capacity;
  executable.scalar_defaults = compilation.step.regions.scalars;
  describe_entry(compilation.init, capacity, executable.init);
  describe_entry(compilation.eval, capacity, executable.eval);
  if (compilation.training) describe_entry(compilation.step, capacity, executable.step);
  for (const CompiledEntry* entry : {&compilation.init, &compilation.eval, &compilation.step})
    executable.arena_bytes = std::max(executable.arena_bytes, entry->program.arena_bytes);
  const Graph& decider = compilation.training ? compilation.step.regions : compilation.eval.regions;
  for (const Persistent& persistent : decider.persistents) {
    const Value& value = decider.values[persistent.value];
    (value.role == ValueRole::Parameter ? executable.parameters : executable.states)
        .push_back(placement_of(value, value.name, capacity));
  }
  return executable;
}

#ifdef STRIATE_HAS_LLVM
static Status write_listing(KernelListing& listing, const std::string& folder) {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::absolute(folder, error);
  std::filesystem::create_directories(place, error);
  listing.directory = place.string();
  return write_file_safely((place / listing.file).string(), listing.text);
}
#endif

// The entry points to compile, each with what it is made of. The step first: kernels that are shared are
// called after the first one.
static std::vector<std::pair<const Program*, EntryPoint*>> entries_of(const Compilation& compilation,
                                                                      Executable& executable) {
  std::vector<std::pair<const Program*, EntryPoint*>> entries = {
      {&compilation.eval.program, &executable.eval}, {&compilation.init.program, &executable.init}};
  if (compilation.training) entries.insert(entries.begin(), {&compilation.step.program, &executable.step});
  return entries;
}

Result<Executable> compile(const Compilation& compilation, const CompileOptions& options) {
  Executable executable = describe(compilation, options.pipeline.capacity);
  const auto entries = entries_of(compilation, executable);
  if (options.cuda) {
    if (Status made = options.cuda->compile(entries, options.threads, executable); !made)
      return made.failure();
    return executable;
  }
#ifdef STRIATE_HAS_LLVM
  std::vector<const Program*> programs;
  for (const auto& [program, point] : entries) programs.push_back(program);
  std::optional<KernelListing> listing;
  if (!options.listing_folder.empty()) {
    listing = list_kernels(programs);
    const Status written = write_listing(*listing, options.listing_folder);
    if (!written) return written.failure();
  }
  const std::optional<DiskCache> cache = open_cache("kernels");
  Result<std::shared_ptr<CompiledPrograms>> code =
      jit_compile(programs, options.pipeline.target, options.threads, listing ? &*listing : nullptr,
                  cache ? &*cache : nullptr);
  if (!code) return code.failure();
  executable.code = *code;
  for (std::size_t e = 0; e < entries.size(); ++e)
    for (std::size_t k = 0; k < entries[e].second->kernels.size(); ++k)
      entries[e].second->kernels[k].function = (*code)->function(e, k);
  return executable;
#else
  return no_cpu_back_end();
#endif
}

} // namespace striate
