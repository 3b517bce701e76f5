// One convolution for bench/layers, which runs it in turns with others:
//
//   layer_worker DIRECTION BATCH IN OUT IMAGE WINDOW STRIDE PADDING GROUPS [--winograd] [--kernel]
//
// DIRECTION is forward, data or weight. With --kernel it prints the kernels. Otherwise it prints `ready`, and
// answers each line `SECONDS` with an object of JSON: times of runs that long, and the machine's FMA peak
// beside them.
#include "bench/cpu/convolution.h"
#include "codegen/cpu/target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>

namespace striate {

static std::optional<Convolution> read_case(const std::vector<std::string>& words) {
  if (words.size() < 9) return std::nullopt;
  Convolution one;
  one.name = "layer";
  one.direction = words[0] == "forward" ? Direction::Forward
                  : words[0] == "data"  ? Direction::DataGradient
                                        : Direction::WeightGradient;
  int64_t* const numbers[] = {&one.batch,  &one.in,     &one.out,     &one.image,
                              &one.window, &one.stride, &one.padding, &one.groups};
  for (std::size_t k = 0; k < std::size(numbers); ++k) *numbers[k] = std::stoll(words[k + 1]);
  one.winograd = std::ranges::count(words, "--winograd") > 0;
  return one;
}

static int run(const std::vector<std::string>& words) {
  const std::optional<Convolution> one = read_case(words);
  if (!one) {
    fmt::print(stderr, "layer_worker DIRECTION BATCH IN OUT IMAGE WINDOW STRIDE PADDING GROUPS\n");
    return 2;
  }
  const TargetInfo target = host_target();
  double peak_flops = 0;
  const std::vector<Program> programs = {peak_program(target, &peak_flops), program_of(*one, target)};
  if (std::ranges::count(words, "--kernel") > 0) {
    fmt::print("{}", print(programs[1]));
    return 0;
  }
  Runs runs(programs, target);
  runs.seconds(0, 1);
  runs.seconds(1, one->batch);
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<double> times, peaks;
    const double end = thread_seconds() + std::stod(line);
    while (times.size() < 3 || thread_seconds() < end) {
      times.push_back(runs.seconds(1, one->batch));
      if (peaks.size() < 8) peaks.push_back(peak_flops / runs.seconds(0, 1));
    }
    fmt::print("{{\"times\": [{}], \"flops\": {}, \"peaks\": [{}]}}\n", fmt::join(times, ", "), one->flops(),
               fmt::join(peaks, ", "));
    std::fflush(stdout);
  }
  return 0;
}

} // namespace striate

int main(int count, char** arguments) { return striate::run({arguments + 1, arguments + count}); }
