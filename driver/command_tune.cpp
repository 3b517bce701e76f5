// striate tune: measures register tiles that the scheduler might have chosen, kernel by kernel, and keeps
// what is faster beside the program.

#include "driver/commands.h"
#include "driver/kernel_id.h"
#include "driver/kernel_profile.h"
#include "driver/kernel_program.h"
#include "driver/tuning.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#endif
#include "ir/kernel/analysis.h"
#include "passes/schedule/schedule.h"
#include "runtime/files.h"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace striate {

#ifdef STRIATE_HAS_LLVM

namespace {

constexpr std::size_t kAlternatives = 12; // of a kernel
constexpr double kWorthwhile = 1.03;      // less is noise

// Of this thread's own time: others may be running.
double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// One kernel in several forms, on memory whose bytes are all alike.
class Race {
public:
  Race(std::vector<Program> forms, char* arena, int64_t examples)
      : forms_(std::move(forms)), arena_(arena), examples_(examples),
        scalars_(forms_[0].scalars.size(), 1e-3F) {}

  Status compile(const CompileOptions& settings) {
    std::vector<const Program*> programs;
    for (const Program& form : forms_) programs.push_back(&form);
    auto code = jit_compile(programs, settings.pipeline.target, settings.threads);
    if (!code) return code.failure();
    code_ = std::move(*code);
    return {};
  }

  // Seconds of each form that takes part, by round; all have their turn in each round.
  std::vector<std::vector<double>> run(const std::vector<std::size_t>& who, int rounds, double turn) {
    std::vector<std::vector<double>> seconds(forms_.size());
    for (int round = 0; round < rounds; ++round)
      for (std::size_t form : who) {
        int runs = 0;
        const double begin = thread_seconds();
        double end = begin;
        while (runs == 0 || end - begin < turn) {
          call(form);
          ++runs;
          end = thread_seconds();
        }
        seconds[form].push_back((end - begin) / runs);
      }
    return seconds;
  }

private:
  void call(std::size_t form) {
    const int64_t extent = parallel_extent(forms_[form].kernels[0], examples_);
    code_->function(form, 0)(arena_, scalars_.data(), examples_, 0, extent);
  }

  std::vector<Program> forms_;
  char* arena_;
  int64_t examples_;
  std::vector<float> scalars_;
  std::shared_ptr<CompiledPrograms> code_;
};

// The program with another tile for one region; nothing where it cannot be.
std::optional<Program> with_tile(Graph graph, std::size_t region, const std::string& tile,
                                 const PipelineOptions& options) {
  for (Decision& decision : graph.decisions)
    if (decision.pass == "schedule" && decision.what == graph.regions[region].name) decision.chosen = tile;
  Result<Program> program = lower_regions(graph, options);
  if (!program) return std::nullopt;
  return only_kernel(*program, region);
}

const Decision* tile_of(const Graph& graph, std::size_t region) {
  const auto found = std::ranges::find_if(graph.decisions, [&](const Decision& decision) {
    return decision.pass == "schedule" && decision.what == graph.regions[region].name;
  });
  return found == graph.decisions.end() ? nullptr : &*found;
}

// The tile that is faster than the scheduler's, if there is one.
Result<std::optional<TunedTile>> tune_kernel(const BenchSubject& subject, std::size_t region, char* arena) {
  const PipelineOptions& options = subject.settings.pipeline;
  const Decision* chosen = tile_of(subject.regions, region);
  if (!chosen || subject.regions.nodes[subject.regions.regions[region].nodes[0]].loop >= 0)
    return std::optional<TunedTile>();
  std::vector<std::string> tiles = {chosen->chosen};
  std::vector<Program> forms = {only_kernel(subject.program, region)};
  for (const std::string& tile :
       tile_alternatives(subject.regions, region, options.capacity, options.target, kAlternatives)) {
    if (tile == chosen->chosen) continue;
    std::optional<Program> form = with_tile(subject.regions, region, tile, options);
    if (!form) continue;
    tiles.push_back(tile);
    forms.push_back(std::move(*form));
  }
  if (tiles.size() == 1) return std::optional<TunedTile>();
  const std::string key = tuning_key(forms[0].kernels[0], subject.program);
  Race race(std::move(forms), arena, subject.examples());
  if (const Status compiled = race.compile(subject.settings); !compiled) return compiled.failure();

  std::vector<std::size_t> who(tiles.size());
  for (std::size_t k = 0; k < who.size(); ++k) who[k] = k;
  race.run(who, 1, 0); // a first touch
  const auto first = race.run(who, 3, 2e-3);
  const auto median = [](const std::vector<double>& seconds) { return quantile(seconds, 0.5); };
  const std::size_t best =
      *std::ranges::min_element(who, {}, [&](std::size_t form) { return median(first[form]); });
  if (best == 0 || median(first[0]) < kWorthwhile * median(first[best])) return std::optional<TunedTile>();
  // The fastest of many is fast by chance, too: these two once more.
  const auto again = race.run({0, best}, 7, 4e-3);
  std::vector<double> gains;
  for (std::size_t round = 0; round < again[0].size(); ++round)
    gains.push_back(again[0][round] / again[best][round]);
  const double gain = median(gains);
  if (gain < kWorthwhile || quantile(gains, 0.15) < 1) return std::optional<TunedTile>();
  return std::optional(TunedTile{tuned_cpu(options.target), key, subject.program.kernels[region].name,
                                 tiles[best], tiles[0], gain});
}

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

} // namespace

int command_tune(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  if (!options.file.ends_with(".nn")) return report({ExitCode::Usage, "tune takes a program, FILE.nn"});
  Options untuned = options;
  untuned.tuned = false;
  Result<BenchSubject> subject = bench_subject(untuned);
  if (!subject) return report(subject.failure());
  Timeline last;
  const Result<RunProfile> profile = profile_runs(*subject, 0.5, 0, last);
  if (!profile) return report(profile.failure());
  std::vector<KernelProfile> kernels = profile->kernels;
  std::ranges::stable_sort(kernels, std::greater(), &KernelProfile::seconds);
  subject->executor.reset(); // its memory is as large as that of the race
  Result<Tensor> arena = Tensor::allocate(ElementType::U8, {subject->program.arena_bytes + 64});
  if (!arena) return report(arena.failure());
  constexpr char kByte = 0x3C; // four of them are the f32 0.0115
  std::fill_n(static_cast<char*>(arena->data()), arena->bytes(), kByte);

  std::vector<TunedTile> found;
  std::size_t seen = 0;
  double before = 0, after = 0;
  for (const KernelProfile& kernel : kernels) {
    before += kernel.seconds;
    after += kernel.seconds;
    if (seconds_since(began) > options.budget) continue;
    ++seen;
    Result<std::optional<TunedTile>> tile =
        tune_kernel(*subject, kernel.kernel, static_cast<char*>(arena->data()));
    if (!tile) return report(tile.failure());
    if (!*tile) continue;
    after += kernel.seconds / (*tile)->gain - kernel.seconds;
    fmt::print("{}: {} is {:.0f} % faster than {}; {:.1f} % of the time\n", (*tile)->name, (*tile)->tile,
               ((*tile)->gain - 1) * 100, (*tile)->instead, 100 * kernel.seconds / profile->typical);
    found.push_back(std::move(**tile));
  }
  // What is known of other batches and CPUs stays.
  std::vector<TunedTile> all = found;
  if (const auto known = read_tuning(options.file, subject->settings.pipeline.target))
    for (const TunedTile& tile : known->all()) {
      const auto same = [&](const TunedTile& other) {
        return other.cpu == tile.cpu && other.key == tile.key;
      };
      bool of_this = std::ranges::any_of(found, same);
      for (const Kernel& kernel : subject->program.kernels)
        of_this = of_this || (tile.cpu == tuned_cpu(subject->settings.pipeline.target) &&
                              tile.key == tuning_key(kernel, subject->program));
      if (!of_this) all.push_back(tile);
    }
  const std::string file = tuning_file(options.file);
  if (const Status written = write_file_safely(file, tuning_text(all)); !written)
    return report(written.failure());
  fmt::print(
      "{} of {} kernels looked at in {:.0f} s; {} faster than the model's choice; kernels take {:.1f} % "
      "less time; written to {}\n",
      seen, kernels.size(), seconds_since(began), found.size(), 100 * (1 - after / before), file);
  return 0;
}

#else

int command_tune(const Options&) { return report(no_cpu_back_end()); }

#endif

} // namespace striate
