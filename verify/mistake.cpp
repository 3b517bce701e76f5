#include "verify/mistake.h"

#include "ir/graph/parse.h"
#include "passes/expand_calls.h"
#include "passes/pass.h"
#include "verify/gradient_check.h"
#include "verify/rounding.h"

#include <fmt/ranges.h>

#include <charconv>
#include <sstream>

namespace striate {

// In f64 a pass may change no more than this share of what f32 may be away.
static constexpr double kPassShare = 1e-6;

// Polynomials are as exact as f32 asks for.
double pass_tolerance(const std::string& pass) { return pass == "expand_elementary" ? 1 : kPassShare; }

// False where the pass does not apply.
static bool run_pass(Graph& graph, const Check& check) {
  PipelineOptions options;
  options.capacity = check.lowering.capacity;
  options.target = check.lowering.target;
  options.layout = check.lowering.layout;
  options.fuse = check.lowering.fuse;
  PassState state(options);
  state.fixed = check.lowering.fixed;
  return run_passes(graph, {check.pass}, state).ok();
}

static Problem pass_problem(const Graph& graph, const Check& check) {
  Graph after = graph;
  if (!run_pass(after, check)) return {};
  const Outcome expected = interpret(graph, Precision::F64, check.trial);
  const Outcome got = interpret(after, Precision::F64, check.trial);
  const Bounds bounds = rounding_bounds(graph, expected, check.trial);
  const std::vector<Excess> list = beyond(got, expected, bounds, pass_tolerance(check.pass));
  if (list.empty()) return {};
  const Excess& worst = list[0];
  Problem problem = largest_difference(got[worst.step].at(worst.name), expected[worst.step].at(worst.name));
  problem.text = fmt::format("{} changes `{}`: {}", check.pass, worst.name, problem.text);
  problem.value = worst.name;
  return problem;
}

static Problem rounding_problem(const Graph& graph, const Check& check) {
  const Outcome exact = interpret(graph, Precision::F64, check.trial);
  const Outcome rounded = interpret(graph, Precision::F32, check.trial);
  const std::vector<Excess> list = beyond(rounded, exact, rounding_bounds(graph, exact, check.trial), 1);
  if (list.empty()) return {};
  const Excess& worst = list[0];
  Problem problem = largest_difference(rounded[worst.step].at(worst.name), exact[worst.step].at(worst.name));
  problem.text = fmt::format("in f32 `{}` is {:.3g} times as far from f64 as rounding explains: {}",
                             worst.name, worst.ratio, problem.text);
  problem.value = worst.name;
  return problem;
}

static Problem kernel_problem(const Graph& graph, const Check& check, const CompileKernels& compile) {
  if (!compile) return {};
  const LoweredKernels kernels = lower_to_kernels(graph, check.lowering);
  const Result<std::optional<KernelDifference>> found =
      first_kernel_difference(kernels, compile, check.lowering.target, check.trial, false);
  if (!found) return {kNoCode, "", found.failure().message};
  if (!found->has_value()) return {};
  Problem problem = (**found).problem;
  const std::string of_value = problem.value.empty() ? "" : fmt::format(": `{}`", problem.value);
  problem.text =
      fmt::format("kernel {}{}: {}", kernels.program.kernels[(**found).kernel].name, of_value, problem.text);
  return problem;
}

Problem problem_of(const Graph& graph, const Check& check, const CompileKernels& compile) {
  switch (check.kind) {
  case CheckKind::Gradients: {
    if (!graph.persistents.empty() || graph.outputs.size() != 1) return {};
    Graph statements = graph;
    expand_calls(statements);
    return gradient_difference(statements, check.trial);
  }
  case CheckKind::Passes:
    return pass_problem(graph, check);
  case CheckKind::Rounding:
    return rounding_problem(graph, check);
  case CheckKind::Kernels:
    return kernel_problem(graph, check, compile);
  case CheckKind::Crash: {
    Graph after = graph;
    if (check.pass.empty())
      kernel_problem(graph, check, compile);
    else
      run_pass(after, check);
    return {};
  }
  }
  CHECK(false);
}

static constexpr const char* kMagic = "# striate reproducer:";
static constexpr const char* kKinds[] = {"gradients", "passes", "rounding", "kernels", "crash"};
static constexpr const char* kLayouts[] = {"batch", "channel", "plain"};

std::string print(const Reproducer& reproducer, const std::vector<std::string>& comments) {
  const Check& check = reproducer.check;
  std::string text =
      fmt::format("{} check={} pass={} examples={} steps={} seed={} capacity={} layout={} fuse={}", kMagic,
                  kKinds[static_cast<int>(check.kind)], check.pass.empty() ? "-" : check.pass,
                  check.trial.examples, check.trial.steps, check.trial.seed, check.lowering.capacity,
                  kLayouts[static_cast<int>(check.lowering.layout)], check.lowering.fuse ? 1 : 0);
  text += check.device.empty() ? fmt::format(" bits={}", check.lowering.target.vector_bits)
                               : fmt::format(" device={}", check.device);
  for (const auto& [name, value] : check.trial.scalars) text += fmt::format(" {}={}", name, value);
  text += "\n";
  for (const std::string& comment : comments) text += "# " + comment + "\n";
  return text + print(reproducer.graph);
}

namespace {

// The words after the mark, NAME=VALUE each.
class CheckReader {
public:
  explicit CheckReader(const std::string& line) : words_(line.substr(std::string_view(kMagic).size())) {}

  // Fills the check; what is wrong, or "".
  std::string read(Check& check, const Targets& targets) {
    check.lowering.target = targets.cpu;
    std::string word;
    while (words_ >> word) {
      const std::size_t split = word.find('=');
      if (split == std::string::npos) return fmt::format("`{}` is not NAME=VALUE", word);
      if (!set(check, word.substr(0, split), word.substr(split + 1)))
        return fmt::format("`{}` is no setting of a check", word);
    }
    if (!check.device.empty()) check.lowering.target = targets.cuda;
    const Trial& trial = check.trial;
    if (trial.examples < 1 || trial.steps < 1 || check.lowering.capacity < trial.examples)
      return "examples, steps and capacity do not fit together";
    const bool of_pass = check.kind == CheckKind::Passes || !check.pass.empty();
    return of_pass && !pass_named(check.pass) ? "it names no pass" : "";
  }

private:
  static bool number(const std::string& text, int64_t most, int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most;
  }

  template <std::size_t Count>
  static int choice(const char* const (&names)[Count], const std::string& text) {
    for (std::size_t k = 0; k < Count; ++k)
      if (text == names[k]) return static_cast<int>(k);
    return -1;
  }

  static bool set(Check& check, const std::string& name, const std::string& value) {
    constexpr int64_t kMost = int64_t{1} << 20;
    if (name == "check") {
      const int kind = choice(kKinds, value);
      check.kind = static_cast<CheckKind>(kind);
      return kind >= 0;
    }
    if (name == "layout") {
      const int layout = choice(kLayouts, value);
      check.lowering.layout = static_cast<LayoutPolicy>(layout);
      return layout >= 0;
    }
    if (name == "pass") {
      check.pass = value == "-" ? "" : value;
      return true;
    }
    if (name == "device") {
      check.device = value;
      return !value.empty();
    }
    int64_t whole = 0;
    if (name == "examples") return number(value, kMost, check.trial.examples);
    if (name == "steps") return number(value, kMost, check.trial.steps);
    if (name == "capacity") return number(value, kMost, check.lowering.capacity);
    if (name == "seed") {
      if (!number(value, std::numeric_limits<int64_t>::max(), whole)) return false;
      check.trial.seed = static_cast<uint64_t>(whole);
      return true;
    }
    if (name == "fuse") {
      if (!number(value, 1, whole)) return false;
      check.lowering.fuse = whole == 1;
      return true;
    }
    if (name == "bits") {
      if (value != "128" && value != "256" && value != "512") return false;
      if (!number(value, 512, whole)) return false;
      check.lowering.target.vector_bits = static_cast<int>(whole);
      check.lowering.target.vector_registers = whole == 512 ? 32 : 16;
      return true;
    }
    double real = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), real);
    if (error != std::errc() || end != value.data() + value.size()) return false;
    check.trial.scalars.emplace_back(name, real);
    return true;
  }

  std::istringstream words_;
};

} // namespace

Result<Reproducer> parse_reproducer(const std::string& text, const std::string& file,
                                    const Targets& targets) {
  const std::string line = text.substr(0, text.find('\n'));
  if (!line.starts_with(kMagic)) return bad_data("{} does not begin with `{}`", file, kMagic);
  Reproducer reproducer;
  if (const std::string problem = CheckReader(line).read(reproducer.check, targets); !problem.empty())
    return bad_data("{}:1: {}", file, problem);
  Result<Graph> graph = parse_graph(text, file);
  if (!graph) return graph.failure();
  reproducer.graph = std::move(*graph);
  return reproducer;
}

} // namespace striate
