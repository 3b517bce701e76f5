#include "driver/kernel_profile.h"

#include "driver/trace_events.h"
#include "ir/kernel/analysis.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {

double quantile(std::vector<double> values, double share) {
  CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (place - static_cast<double>(low));
}

// "relu (conv1)": a kernel and the layer that it begins with.
static std::string name_of(const ExecutableKernel& kernel) {
  const bool said = kernel.layer.empty() || kernel.name.starts_with(kernel.layer);
  return said ? kernel.name : fmt::format("{} ({})", kernel.name, kernel.layer);
}

Result<RunProfile> profile_runs(BenchSubject& subject, double seconds, int64_t iterations, Timeline& last) {
  Executor& executor = *subject.executor;
  const EntryPoint& entry = subject.entry();
  const int64_t examples = subject.examples();
  const auto since = [](int64_t began) { return static_cast<double>(steady_nanoseconds() - began) * 1e-9; };
  const int64_t warm_up = steady_nanoseconds();
  for (int run = 0; run < 2 || (since(warm_up) < seconds / 10 && iterations == 0); ++run)
    if (Status run = executor.run(entry, examples); !run) return run.failure();
  if (Status sound = executor.finish(); !sound) return sound.failure();

  const bool on_device = static_cast<bool>(executor.executable().make_device);
  RunProfile profile;
  std::vector<std::vector<double>> kernels, waits; // of each run, each kernel's seconds
  const int64_t started = steady_nanoseconds();
  constexpr std::size_t kLeast = 3;
  while (iterations > 0 ? static_cast<int64_t>(profile.runs.size()) < iterations
                        : profile.runs.size() < kLeast || since(started) < seconds) {
    last.clear();
    int64_t began = steady_nanoseconds();
    if (on_device) {
      if (Status run = executor.run(entry, examples); !run) return run.failure();
      if (Status sound = executor.finish(); !sound) return sound.failure();
      profile.runs.push_back(since(began));
    }
    executor.record(&last);
    began = steady_nanoseconds();
    if (Status run = executor.run(entry, examples); !run) return run.failure();
    if (!on_device) profile.runs.push_back(since(began));
    executor.record(nullptr);
    kernels.emplace_back(entry.kernels.size(), 0.0);
    waits.emplace_back(entry.kernels.size(), 0.0);
    for (const KernelSpan& span : last) {
      kernels.back()[span.kernel] += span.work_seconds();
      waits.back()[span.kernel] += span.wait_seconds();
    }
  }

  // The middle half of the runs stands for all of them: so the parts add up to the whole.
  std::vector<std::size_t> middle(profile.runs.size());
  std::iota(middle.begin(), middle.end(), std::size_t{0});
  std::ranges::sort(middle, {}, [&](std::size_t run) { return profile.runs[run]; });
  const std::size_t quarter = middle.size() / 4;
  middle = {middle.begin() + static_cast<long>(quarter), middle.end() - static_cast<long>(quarter)};
  const auto share = 1.0 / static_cast<double>(middle.size());
  for (const std::size_t run : middle) profile.typical += profile.runs[run] * share;
  profile.outside = profile.typical;
  for (std::size_t k = 0; k < entry.kernels.size(); ++k) {
    const Kernel& kernel = subject.program.kernels[k];
    double own = 0, wait = 0;
    for (const std::size_t run : middle) {
      own += kernels[run][k] * share;
      wait += waits[run][k] * share;
    }
    profile.outside = std::max(profile.outside - own - wait, 0.0);
    const Cost cost = cost_of(kernel, examples);
    profile.kernels.push_back({subject.only.value_or(k), name_of(entry.kernels[k]), entry.kernels[k].place,
                               own, wait, cost.flops, cost.bytes()});
  }
  return profile;
}

RunProfile profile_of_updates(const TrainingProfile::Phase& phase, const Compilation& compilation) {
  const double share = 1 / static_cast<double>(std::max<int64_t>(phase.updates, 1));
  const auto examples = static_cast<double>(phase.examples) * share;
  const Program& program = compilation.step.program;
  const EntryPoint entry = describe(compilation, program.capacity).step;
  RunProfile profile;
  profile.typical = phase.total * share;
  profile.host = {{"inputs: waiting for rows, placing them", phase.inputs * share},
                  {"results: loss and metrics", phase.results * share},
                  {"host: schedules, log, progress", phase.host * share}};
  profile.outside = phase.rest() * share;
  for (std::size_t k = 0; k < entry.kernels.size(); ++k) {
    const Kernel& kernel = program.kernels[k];
    const Cost cost = cost_of(kernel, program.capacity);
    profile.kernels.push_back({k, name_of(entry.kernels[k]), entry.kernels[k].place, phase.kernels[k] * share,
                               phase.waits[k] * share,
                               kernel.flops_per_example * examples + kernel.flops_fixed, cost.bytes()});
  }
  return profile;
}

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  return seconds < 1 ? fmt::format("{:.2f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

double RunProfile::waits() const {
  double sum = 0;
  for (const KernelProfile& kernel : kernels) sum += kernel.wait;
  return sum;
}

namespace {
struct Row {
  std::string number; // of the kernel: what --only takes
  KernelProfile kernel;
  double least = 0; // seconds that the machine's limits leave for it
};
} // namespace

std::string profile_table(const RunProfile& profile, const MachineSpeed& speed, int64_t count,
                          std::optional<std::size_t> only) {
  std::vector<Row> rows;
  for (const KernelProfile& kernel : profile.kernels)
    rows.push_back(
        {fmt::format("{}", kernel.kernel), kernel, speed.least_seconds(kernel.flop, kernel.bytes)});
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (only && (a.kernel.kernel == *only) != (b.kernel.kernel == *only)) return a.kernel.kernel == *only;
    return a.kernel.seconds > b.kernel.seconds;
  });
  if (only) count = 1;
  if (const auto shown = static_cast<std::size_t>(count); count > 0 && shown < rows.size()) {
    Row rest;
    rest.kernel.name = fmt::format("{} others", rows.size() - shown);
    for (std::size_t k = shown; k < rows.size(); ++k) {
      rest.kernel.seconds += rows[k].kernel.seconds;
      rest.kernel.wait += rows[k].kernel.wait;
      rest.kernel.flop += rows[k].kernel.flop;
      rest.kernel.bytes += rows[k].kernel.bytes;
      rest.least += rows[k].least;
    }
    rows.resize(shown);
    rows.push_back(rest);
  }
  for (const auto& [name, seconds] : profile.host) rows.push_back({"", {0, name, "", seconds, 0, 0, 0}, 0});
  if (const double waits = profile.waits(); waits > 0)
    rows.push_back({"", {0, "waiting for other threads", "", waits, 0, 0, 0}, 0});
  rows.push_back({"", {0, "between kernels", "", profile.outside, 0, 0, 0}, 0});
  std::size_t names = 6, places = 5;
  constexpr std::size_t kLongest = 48;
  for (const auto& [number, kernel, least] : rows) {
    names = std::max(names, std::min(kLongest, kernel.name.size()));
    places = std::max(places, kernel.place.size());
  }
  std::string text = fmt::format("{:>4}  {:{}}  {:{}}  {:>10}  {:>6}  {:>9}  {:>8}  {:>9}\n", "id", "kernel",
                                 names, "place", places, "time", "share", "GFLOP/s", "GB/s", "% of roof");
  for (const auto& [number, kernel, least] : rows) {
    // Of the time until all threads are done.
    const auto rate = [&, works = least > 0](double amount, int digits) {
      return works ? fmt::format("{:.{}f}", amount / (kernel.seconds + kernel.wait), digits) : std::string();
    };
    text += fmt::format("{:>4}  {:{}}  {:{}}  {:>10}  {:>5.1f}%  {:>9}  {:>8}  {:>9}\n", number,
                        kernel.name.substr(0, kLongest), names, kernel.place, places,
                        seconds_text(kernel.seconds), 100 * kernel.seconds / profile.typical,
                        rate(kernel.flop * 1e-9, 1), rate(kernel.bytes * 1e-9, 1), rate(100 * least, 0));
  }
  return text;
}

std::string profile_json(const BenchSubject& subject, const RunProfile& profile, const MachineSpeed& speed,
                         const std::optional<MemoryUse>& memory, const nlohmann::json& code) {
  nlohmann::json kernels = nlohmann::json::array();
  for (std::size_t k = 0; k < profile.kernels.size(); ++k) {
    const KernelProfile& kernel = profile.kernels[k];
    kernels.push_back({{"kernel", kernel.kernel},
                       {"id", fmt::format("{}.{}.{}", subject.program.name, kernel.kernel,
                                          subject.program.kernels[k].name)},
                       {"name", kernel.name},
                       {"place", kernel.place},
                       {"seconds", kernel.seconds},
                       {"wait", kernel.wait},
                       {"flop", kernel.flop},
                       {"bytes", kernel.bytes}});
    if (!code.is_null()) kernels.back()["inner_loop"] = code[k];
  }
  nlohmann::json result = {
      {"program", subject.program.name},
      {subject.settings.cuda ? "device" : "cpu", subject.machine()},
      {"threads", subject.executor->pool().threads()},
      {"batch", subject.examples()},
      {"passes_seconds", subject.lowering_seconds},
      {"code_seconds", subject.code_seconds},
      {"arena_bytes", subject.executor->executable().arena_bytes},
      {"machine",
       {{"flops", speed.flops}, {"cache_bytes", speed.cache_bytes}, {"memory_bytes", speed.memory_bytes}}},
      {"runs", profile.runs},
      {"typical", profile.typical},
      {"outside_kernels", profile.outside},
      {"kernels", kernels}};
  if (memory) result["process"] = {{"peak_bytes", memory->measured}, {"predicted_bytes", memory->predicted}};
  return result.dump(1) + "\n";
}

std::string annotated_text(const BenchSubject& subject, const RunProfile& profile, const MachineSpeed& speed,
                           const std::string& stage) {
  const auto annotated = [&](const Cost& cost, std::size_t kernel) {
    Cost timed = cost;
    timed.predicted = predicted_seconds(cost, speed);
    timed.measured = three_digits(profile.kernels[kernel].seconds + profile.kernels[kernel].wait);
    return timed;
  };
  if (stage == "kernel" || subject.regions.regions.empty()) {
    Program program = subject.program;
    for (std::size_t k = 0; k < program.kernels.size(); ++k)
      program.kernels[k].cost = annotated(cost_of(program.kernels[k], subject.examples()), k);
    return print(program);
  }
  Graph graph = subject.regions;
  for (std::size_t k = 0; k < graph.regions.size(); ++k)
    graph.regions[k].cost = annotated(*graph.regions[k].cost, k);
  return print(graph);
}

std::string trace_json(const BenchSubject& subject, const Timeline& timeline) {
  nlohmann::json events = compilation_events();
  const EntryPoint& entry = subject.entry();
  const int64_t start = timeline.empty() ? 0 : timeline.front().begin;
  events.push_back(process_name(kRunProcess, subject.program.name));
  for (const KernelSpan& span : timeline) {
    const Kernel& kernel = subject.program.kernels[span.kernel];
    events.push_back(trace_event(
        kernel.name, kRunProcess, 1, span.begin - start, span.own_end - start,
        {{"kernel", subject.only.value_or(span.kernel)}, {"place", entry.kernels[span.kernel].place}}));
    if (subject.executor->pool().threads() > 1)
      events.push_back(trace_event("waiting for other threads", kRunProcess, 1, span.own_end - start,
                                   span.end - start, {}));
  }
  return trace_text(events);
}

} // namespace striate
