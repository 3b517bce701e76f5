#include "verify/verify_module.h"

#include "passes/pass.h"
#include "support/random.h"
#include "verify/gradient_check.h"
#include "verify/rounding.h"
#include "verify/shrink.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

namespace striate {

namespace {

struct Stage {
  std::string pass; // that left it; "" for the source
  Graph graph;
};

// What was found, from one process to another.
std::string text_of(const Problem& problem) {
  return problem.found() ? fmt::format("{}\n{}\n{}", problem.kind, problem.value, problem.text) : "";
}
Problem problem_in(std::istream& stream) {
  Problem problem;
  std::getline(stream, problem.kind);
  std::getline(stream, problem.value);
  std::getline(stream, problem.text, '\0');
  return problem;
}
std::string text_of(const Result<std::optional<KernelDifference>>& found) {
  if (!found) return fmt::format("!{} {}", static_cast<int>(found.failure().code), found.failure().message);
  if (!*found) return "";
  return fmt::format("{} {}\n{}", (**found).step, (**found).kernel, text_of((**found).problem));
}
Result<std::optional<KernelDifference>> difference_in(const std::string& text) {
  if (text.empty()) return std::optional<KernelDifference>();
  std::istringstream stream(text);
  if (stream.peek() == '!') {
    int code = 0;
    std::string message;
    stream.ignore() >> code >> std::ws;
    std::getline(stream, message, '\0');
    return Failure{static_cast<ExitCode>(code), message};
  }
  KernelDifference difference;
  stream >> difference.step >> difference.kernel;
  stream.ignore(); // the end of the line
  difference.problem = problem_in(stream);
  return std::optional(difference);
}

// The condition that failed; names and numbers behind it change from graph to graph.
std::string kind_of_end(const std::string& end) {
  constexpr std::string_view kFailed = "does not hold";
  const std::size_t failed = end.find(kFailed);
  return failed == std::string::npos ? end : end.substr(0, end.find_first_of("`0123456789", failed));
}
Problem problem_of_end(const std::string& end) { return {kind_of_end(end), "", end}; }

// One entry point: its graph as it was elaborated, and what its passes need.
struct Entry {
  Graph source;
  bool training = false;
  const std::vector<OptimizerInstance>* optimizers = nullptr;
  std::map<std::string, Layout> fixed;
};

class EntryVerifier {
public:
  EntryVerifier(const Entry& entry, const VerifyOptions& options) : entry_(entry), options_(options) {
    report_.name = entry.source.name + "." + entry.source.entry;
    report_.examples = options.trial.examples;
    report_.steps = options.trial.steps;
  }

  Result<EntryReport> run() {
    if (!passes_end()) return std::move(report_);
    if (const Status status = run_pipeline(); !status) return status.failure();
    if (entry_.training) check_gradients();
    check_passes();
    check_rounding();
    check_kernels();
    if (!status_) return status_.failure();
    return std::move(report_);
  }

  bool has_regions() const { return !stages_.empty(); }
  const Graph& regions() const { return stages_.back().graph; }

private:
  void say(const std::string& what) const {
    if (options_.progress) options_.progress(report_.name + ": " + what);
  }

  std::vector<std::string> pass_names() const {
    std::vector<std::string> names = gradient_pipeline(entry_.training, options_.pipeline);
    const std::vector<std::string> more = region_pipeline(options_.pipeline);
    names.insert(names.end(), more.begin(), more.end());
    return names;
  }

  void prepare(PassState& state) const {
    if (entry_.training) state.optimizers = entry_.optimizers;
    state.fixed = entry_.fixed;
  }

  // ---- what ends the process

  // How the work ended the process, or "".
  std::string how_it_ends(const std::function<void()>& work) const {
    if (!options_.guard) return "";
    const Result<std::string> done = options_.guard([&] {
      work();
      return std::string();
    });
    return !done && done.failure().code == ExitCode::Internal ? done.failure().message : "";
  }

  // The first `count` passes on the source; a pass that does not apply is the last.
  Graph after_passes(const std::vector<std::string>& names, std::size_t count) const {
    PassState state(options_.pipeline);
    prepare(state);
    Graph graph = entry_.source;
    (void)run_passes(graph, {names.begin(), names.begin() + static_cast<long>(count)}, state);
    return graph;
  }

  // False where a pass ends the process, which is noted.
  bool passes_end() {
    const std::vector<std::string> names = pass_names();
    std::string end = how_it_ends([&] { after_passes(names, names.size()); });
    if (end.empty()) return true;
    std::size_t good = 0, bad = names.size();
    while (bad - good > 1) {
      const std::size_t middle = (good + bad) / 2;
      const std::string found = how_it_ends([&] { after_passes(names, middle); });
      (found.empty() ? good : bad) = middle;
      if (!found.empty()) end = found;
    }
    Mistake mistake;
    mistake.culprit = "the pass " + names[good];
    mistake.notes.emplace_back("what comes after it was not looked at");
    const LayoutPolicy layout = options_.pipeline.layout.value_or(LayoutPolicy::BatchBlocked);
    add(std::move(mistake), problem_of_end(end), after_passes(names, good),
        check_of(CheckKind::Crash, names[good], lowering(layout, options_.pipeline.fuse)));
    return false;
  }

  // The kernels of a graph, or their run, end the process in this way: in which step?
  void add_crash(const Graph& orders, const Lowering& lowering, std::string end) {
    static const std::vector<std::string> kSteps = {"assign_layouts", "form_regions", "plan_memory",
                                                    "estimate_costs"};
    Mistake mistake;
    mistake.culprit = "the kernels' code, or what makes it";
    for (std::size_t count = 1; count <= kSteps.size() + 1; ++count) {
      const std::string found = how_it_ends([&] {
        if (count > kSteps.size()) {
          lower_to_kernels(orders, lowering);
          return;
        }
        PipelineOptions pipeline = options_.pipeline;
        pipeline.layout = lowering.layout;
        pipeline.fuse = lowering.fuse;
        PassState state(pipeline);
        state.fixed = lowering.fixed;
        Graph graph = orders;
        (void)run_passes(graph, {kSteps.begin(), kSteps.begin() + static_cast<long>(count)}, state);
      });
      if (found.empty()) continue;
      mistake.culprit = "the pass " + (count > kSteps.size() ? "schedule" : kSteps[count - 1]);
      end = found;
      break;
    }
    add(std::move(mistake), problem_of_end(end), orders, check_of(CheckKind::Crash, "", lowering));
  }

  // ---- the stages

  // A Failure where the program has no gradient.
  Status run_pipeline() {
    say("passes");
    PipelineOptions pipeline = options_.pipeline;
    stages_.push_back({"", entry_.source});
    pipeline.after_pass = [this](const char* pass, const Graph& graph) { stages_.push_back({pass, graph}); };
    PassState state(pipeline);
    prepare(state);
    Graph graph = entry_.source;
    if (const Status status = run_passes(graph, pass_names(), state); !status) return status;
    policy_ = state.policy.value_or(LayoutPolicy::BatchBlocked);

    // The oracle: what has to be done, and no rewriting.
    oracle_ = entry_.source;
    std::vector<std::string> names = gradient_pipeline(entry_.training, options_.pipeline);
    std::erase(names, "commute_monotone");
    std::erase(names, "lower_precision");
    pipeline.after_pass = nullptr;
    PassState plain(pipeline);
    plain.optimizers = state.optimizers;
    if (const Status status = run_passes(oracle_, names, plain); !status) return status;
    unrounded_ = oracle_;
    if (pipeline.bfloat16) return run_passes(oracle_, {"lower_precision"}, plain);
    return {};
  }

  // The last stage that `pass` left.
  std::size_t stage_after(const std::string& pass) const {
    for (std::size_t s = stages_.size(); s-- > 0;)
      if (stages_[s].pass == pass) return s;
    CHECK(false, "no pass is called {}", pass);
  }

  Lowering lowering(LayoutPolicy layout, bool fuse) const {
    return {options_.pipeline.capacity, options_.pipeline.target, layout, fuse, entry_.fixed};
  }

  Result<std::string> guarded(const std::function<std::string()>& work) const {
    return options_.guard ? options_.guard(work) : Result<std::string>(work());
  }

  Check check_of(CheckKind kind, const std::string& pass, const Lowering& lowering) const {
    return {kind, pass, options_.trial, lowering, options_.device};
  }

  // What is wrong with a graph; a crash is what the check of one looks for.
  Problem problem_with(const Graph& graph, const Check& check) const {
    const Result<std::string> found =
        guarded([&] { return text_of(problem_of(graph, check, options_.compile)); });
    if (check.kind == CheckKind::Crash)
      return !found && found.failure().code == ExitCode::Internal ? problem_of_end(found.failure().message)
                                                                  : Problem();
    if (!found || found->empty()) return {};
    std::istringstream stream(*found);
    return problem_in(stream);
  }

  // `same`: what a problem of the same kind, of a smaller graph, has to be beyond that.
  using IsSame = std::function<bool(const Problem&, const Graph&, const Check&)>;
  void add(Mistake mistake, const Problem& problem, const Graph& graph, Check check,
           const IsSame& same = {}) {
    say("reducing what shows a mistake");
    mistake.kind = check.kind;
    mistake.entry = entry_.source.entry;
    mistake.value = problem.value;
    mistake.difference = problem.text;
    Reproducer reproducer{graph, std::move(check)};
    const StillShows shows = [&](const Graph& candidate, const Check& how) {
      const Problem found = problem_with(candidate, how);
      return found.found() && found.kind == problem.kind && (!same || same(found, candidate, how));
    };
    if (shows(reproducer.graph, reproducer.check))
      shrink(reproducer, shows);
    else
      mistake.notes.emplace_back("the graph alone does not show it: what it reads matters");
    mistake.reproducer = std::move(reproducer);
    report_.mistakes.push_back(std::move(mistake));
  }

  // ---- gradients

  // Values as the program has them, moved a little, so that none is exactly at a kink (a 0 after a clamp) or
  // equal to its neighbour.
  ReferenceTensor nudged(ReferenceTensor tensor, uint32_t stream) const {
    if (tensor.type.element != ElementType::F32) return tensor;
    constexpr double kNudge = 0.01;
    const double typical =
        norm(tensor) / std::sqrt(static_cast<double>(std::max<std::size_t>(tensor.values.size(), 1)));
    for (std::size_t k = 0; k < tensor.values.size(); ++k) {
      const double u = uniform(options_.trial.seed, k, stream, 4711);
      double& value = tensor.values[k];
      value = value == 0 ? kNudge * (typical + 1e-3) * (u + 0.01) : value * (1 + kNudge * (2 * u - 1));
    }
    return tensor;
  }

  void check_gradients() {
    say("gradients by differences");
    Trial trial = options_.trial;
    trial.steps = 1;
    const Graph& source = entry_.source;
    ReferenceRun run(source, Precision::F64, trial.seed);
    for (auto& [name, tensor] : first_persistents(source, trial)) run.set_persistent(name, std::move(tensor));
    run.step(draw_inputs(source, trial, 1), trial.examples, scalars_of(source, trial, 1));
    std::set<std::string> done;
    std::set<int> loops;
    for (std::size_t n = 0; n < source.nodes.size(); ++n) {
      const Node& node = source.nodes[n];
      if (declares_gradient(*node.definition)) continue;
      std::vector<NodeId> nodes = {static_cast<NodeId>(n)};
      if (node.loop >= 0) {
        if (!loops.insert(node.loop).second) continue;
        for (std::size_t m = n + 1; m < source.nodes.size(); ++m)
          if (source.nodes[m].loop == node.loop) nodes.push_back(static_cast<NodeId>(m));
      } else if (!done.insert(definition_text(*node.definition)).second) {
        continue;
      }
      bool right = true;
      for (NodeId part : nodes)
        for (ValueId output : source.nodes[part].outputs)
          right = check_gradient(subgraph(source, nodes, {output}), run, node, trial) && right;
      if (right) ++report_.operators;
    }
  }

  // True where it is right.
  bool check_gradient(Graph graph, const ReferenceRun& run, const Node& node, const Trial& trial) {
    expand_all(graph);
    Tensors values;
    uint32_t stream = 0;
    for (ValueId input : graph.inputs) {
      const std::string& name = graph.values[input].name;
      values[name] = nudged(run.value(name), stream++);
    }
    Problem problem = gradient_difference(graph, trial, &values);
    if (!problem.found()) return true;
    problem.value = graph.outputs[0].first;
    Mistake mistake;
    mistake.culprit = fmt::format("the derivative of `{}` ({})", node.op, node.location.text());
    Check check;
    check.kind = CheckKind::Gradients;
    check.trial = trial;
    add(std::move(mistake), problem, graph, std::move(check));
    return false;
  }

  void expand_all(Graph& graph) const {
    PassState state(options_.pipeline);
    const Status status = run_passes(graph, {"expand_calls", "eliminate_dead_nodes"}, state);
    CHECK(status, "{}", status.failure().message);
  }

  // ---- passes

  Outcome exact(const Graph& graph) const { return interpret(graph, Precision::F64, options_.trial); }

  void check_passes() {
    say("passes, in f64");
    const std::size_t elementary = stage_after("expand_elementary"), last = stages_.size() - 1;
    exact_ = exact(stages_[last].graph);
    bounds_ = rounding_bounds(stages_[last].graph, exact_, options_.trial);
    const Outcome oracle = exact(oracle_), before = exact(stages_[elementary - 1].graph),
                  after = exact(stages_[elementary].graph);
    report_.passes = last;
    std::size_t first = 0;
    if (options_.pipeline.bfloat16) { // from there on the program is another one
      first = stage_after("lower_precision");
      const Outcome unrounded = exact(unrounded_);
      compare_stages(unrounded, exact(stages_[first - 1].graph), 0, first - 1);
      note_movement(unrounded, oracle);
    }
    compare_stages(oracle, before, first, elementary - 1);
    compare_stages(before, after, elementary - 1, elementary);
    compare_stages(after, exact_, elementary, last);
  }

  void note_movement(const Outcome& from, const Outcome& to) {
    for (const auto& [name, value] : entry_.source.outputs) {
      const ReferenceTensor& before = from[0].at(name);
      const double size = norm(before), by = size > 0 ? distance(to[0].at(name), before) / size : 0;
      if (report_.moved.empty() || by > report_.moved_by) report_.moved = name;
      report_.moved_by = std::max(report_.moved_by, by);
    }
  }

  // Whether the stage leaves something else than expected; a forward pass alone has the outputs of one step.
  std::vector<Excess> excess_at(std::size_t stage, const Outcome& got, const Outcome& expected) const {
    const double share = pass_tolerance(stages_[stage].pass);
    if (!entry_.training || stage > stage_of_updates()) return beyond(got, expected, bounds_, share);
    Outcome outputs(1);
    for (const auto& [name, value] : entry_.source.outputs) outputs[0][name] = got[0].at(name);
    return beyond(outputs, expected, bounds_, share);
  }
  std::size_t stage_of_updates() const { return stage_after("append_updates") - 1; }

  void compare_stages(const Outcome& expected, const Outcome& got, std::size_t good, std::size_t bad) {
    std::vector<Excess> excess = excess_at(bad, got, expected);
    if (excess.empty()) return;
    --report_.passes;
    Outcome shown = got;
    while (bad - good > 1) {
      const std::size_t middle = (good + bad) / 2;
      Outcome between = exact(stages_[middle].graph);
      std::vector<Excess> found = excess_at(middle, between, expected);
      if (found.empty()) {
        good = middle;
      } else {
        bad = middle;
        excess = std::move(found);
        shown = std::move(between);
      }
    }
    std::string pass = stages_[bad].pass;
    Mistake mistake;
    // What is derived from a rewritten graph: the oracle, which is not rewritten, has its gradients right.
    if (pass == "differentiate" || pass == "append_updates")
      mistake.notes.push_back("the gradients are right without commute_monotone, which runs before");
    mistake.culprit = "the pass " + pass;
    Problem problem = largest_difference(shown[excess[0].step].at(excess[0].name),
                                         expected[excess[0].step].at(excess[0].name));
    problem.value = excess[0].name;
    add(std::move(mistake), problem, stages_[bad - 1].graph,
        check_of(CheckKind::Passes, pass, lowering(policy_, options_.pipeline.fuse)));
  }

  // ---- rounding

  void check_rounding() {
    say("f32 against f64");
    const Graph& graph = stages_.back().graph;
    const Outcome rounded = interpret(graph, Precision::F32, options_.trial);
    report_.rounding = largest_ratio(rounded, exact_, bounds_);
    const std::vector<Excess> list = beyond(rounded, exact_, bounds_, 1);
    if (list.empty()) return;
    Mistake mistake;
    mistake.culprit = "the orders of evaluation, or the numbers themselves";
    Problem problem =
        largest_difference(rounded[list[0].step].at(list[0].name), exact_[list[0].step].at(list[0].name));
    problem.value = list[0].name;
    problem.text =
        fmt::format("{:.3g} times as far from f64 as rounding explains: {}", list[0].ratio, problem.text);
    add(std::move(mistake), problem, stages_[stage_after("assign_orders")].graph,
        check_of(CheckKind::Rounding, "", lowering(policy_, options_.pipeline.fuse)));
  }

  // ---- kernels

  void check_kernels() {
    if (!options_.compile) return;
    const bool fuse = options_.pipeline.fuse;
    say("kernels against the interpreter");
    const bool used = check_kernels(lowering(policy_, fuse), report_.kernels);
    if (!fuse && policy_ == LayoutPolicy::Plain) return;
    say("unfused kernels against the interpreter");
    Lowering unfused = lowering(LayoutPolicy::Plain, false);
    unfused.fixed.clear();
    const bool plain = check_kernels(unfused, report_.plain);
    if (!used && plain && !report_.mistakes.empty())
      report_.mistakes.back().notes.push_back("unfused, in row-major layouts, its values are right");
  }

  // True where all agree.
  bool check_kernels(const Lowering& lowering, std::size_t& count) {
    const Graph& orders = stages_[stage_after("assign_orders")].graph;
    const Result<std::string> text = kernel_difference(orders, lowering, options_.trial, false);
    if (!text) {
      if (text.failure().code == ExitCode::Internal)
        add_crash(orders, lowering, text.failure().message);
      else
        status_ = text.failure();
      return false;
    }
    const Result<std::optional<KernelDifference>> found = difference_in(*text);
    const LoweredKernels kernels = lower_to_kernels(orders, lowering);
    count = kernels.program.kernels.size();
    if (found && !found->has_value()) return true;
    Mistake mistake;
    const Check check = check_of(CheckKind::Kernels, "", lowering);
    if (!found) {
      if (found.failure().code == ExitCode::OutOfMemory || found.failure().code == ExitCode::Usage) {
        status_ = found.failure();
        return false;
      }
      mistake.culprit = "the code generator";
      add(std::move(mistake), {kNoCode, "", found.failure().message}, orders, check);
      return false;
    }
    const KernelDifference& difference = **found;
    const Kernel& kernel = kernels.program.kernels[difference.kernel];
    count = difference.kernel;
    mistake.culprit = fmt::format("the kernel {} ({})", kernel.name, kernel.location.text());
    // Where no two values share memory it is right: then their places are wrong.
    if (const Result<std::string> apart = kernel_difference(orders, lowering, options_.trial, true);
        apart && apart->empty()) {
      mistake.culprit = "the pass plan_memory";
      mistake.notes.push_back(fmt::format("it shows in the kernel {} ({}), which is right where every value "
                                          "has a place of its own",
                                          kernel.name, kernel.location.text()));
      add(std::move(mistake), difference.problem, orders, check,
          [this](const Problem&, const Graph& graph, const Check& how) {
            const Result<std::string> right = kernel_difference(graph, how.lowering, how.trial, true);
            return right && right->empty();
          });
      return false;
    }
    // It is the same kernel as long as it shows in a value that this one computes.
    std::set<std::string> members;
    for (NodeId n : kernels.graph.regions[difference.kernel].nodes)
      members.insert(kernels.graph.values[kernels.graph.nodes[n].outputs[0]].name);
    if (difference.problem.value.empty()) members.insert(""); // it does not come to its end
    add(std::move(mistake), difference.problem,
        narrowed(orders, kernels.graph, difference.kernel, members, check), check,
        [members](const Problem& found, const Graph&, const Check&) {
          return members.contains(found.value);
        });
    return false;
  }

  // As text; wrong code may write anywhere.
  Result<std::string> kernel_difference(const Graph& orders, const Lowering& lowering, const Trial& trial,
                                        bool spread) const {
    return guarded([&] {
      return text_of(first_kernel_difference(lower_to_kernels(orders, lowering), options_.compile,
                                             lowering.target, trial, spread));
    });
  }

  // The kernel's own statements, where they show the mistake on inputs of their own.
  Graph narrowed(const Graph& orders, const Graph& lowered, std::size_t kernel,
                 const std::set<std::string>& members, const Check& check) const {
    std::vector<NodeId> nodes;
    std::vector<ValueId> outputs;
    std::set<std::string> stored;
    for (ValueId value : lowered.regions[kernel].stored) stored.insert(lowered.values[value].name);
    for (std::size_t n = 0; n < orders.nodes.size(); ++n) {
      const ValueId value = orders.nodes[n].outputs[0];
      const std::string& name = orders.values[value].name;
      if (!members.contains(name)) continue;
      if (orders.nodes[n].loop >= 0) return orders;
      nodes.push_back(static_cast<NodeId>(n));
      if (stored.contains(name)) outputs.push_back(value);
    }
    if (outputs.empty()) return orders;
    Graph part = subgraph(orders, nodes, outputs);
    if (!verify(part).empty()) return orders;
    return problem_with(part, check).found() ? part : orders;
  }

  const Entry& entry_;
  const VerifyOptions& options_;
  EntryReport report_;
  std::vector<Stage> stages_;
  Graph oracle_;    // what has to be done, and no rewriting
  Graph unrounded_; // the same without lower_precision
  LayoutPolicy policy_ = LayoutPolicy::BatchBlocked;
  Outcome exact_; // of the last stage
  Bounds bounds_;
  Status status_; // why it could not be done
};

} // namespace

Result<std::vector<EntryReport>> verify_module(const Module& module, const VerifyOptions& options) {
  std::vector<EntryReport> reports;
  std::map<std::string, Layout> layouts;
  Graph decider;
  const auto verify_entry = [&](const Entry& entry,
                                const VerifyOptions& how) -> Result<std::optional<Graph>> {
    EntryVerifier verifier(entry, how);
    Result<EntryReport> report = verifier.run();
    if (!report) return report.failure();
    reports.push_back(std::move(*report));
    return verifier.has_regions() ? std::optional(verifier.regions()) : std::nullopt;
  };
  VerifyOptions how = options;
  how.pipeline.accumulate = module.training.accumulate > 1;
  if (module.has_training) {
    Entry step{module.train, true, &module.optimizers, {}};
    step.source.entry = "step";
    step.source.scalars = module.scalars;
    Result<std::optional<Graph>> regions = verify_entry(step, how);
    if (!regions) return regions.failure();
    if (!*regions) return reports;
    decider = std::move(**regions);
    layouts = persistent_layouts(decider);
  }
  how.trial.steps = 1; // nothing changes
  Entry eval{module.eval, false, nullptr, layouts};
  eval.source.entry = "eval";
  Result<std::optional<Graph>> evaluation = verify_entry(eval, how);
  if (!evaluation) return evaluation.failure();
  if (!*evaluation) return reports;
  if (!module.has_training) decider = std::move(**evaluation);
  const Result<std::optional<Graph>> init =
      verify_entry({make_init_graph(decider), false, nullptr, persistent_layouts(decider)}, how);
  if (!init) return init.failure();
  return reports;
}

int64_t default_examples(const Module& module, int64_t capacity) {
  constexpr double kOperations = 2e8;
  constexpr int64_t kLeast = 2, kMost = 17;
  double work = 1;
  for (const Node& node : (module.has_training ? module.train : module.eval).nodes)
    for (const Statement& statement : node.definition->statements) {
      double points = 1;
      for (const IndexVariable& variable : statement.variables)
        points *= static_cast<double>(variable.extent.at(1));
      work += points;
    }
  const auto affordable = static_cast<int64_t>(std::min(kOperations / work, 1e9));
  return std::min(std::clamp(affordable, kLeast, kMost), capacity);
}

} // namespace striate
