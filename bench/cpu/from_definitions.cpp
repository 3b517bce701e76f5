// How fast are the library's own definitions? Convolutions from std/*.nn, through every pass and the JIT,
// against a loop of nothing but FMAs in the same run: every round times both, and the medians of the ratios
// are printed.
//
//   from_definitions [FILTER]        time the cases whose name contains FILTER
//   from_definitions --kernel NAME   print a case's kernels instead
#include "bench/cpu/convolution.h"
#include "codegen/cpu/target.h"

#include <algorithm>

namespace striate {

static Convolution convolution(const std::string& name, Direction direction, int64_t batch,
                               LayoutPolicy layout, int64_t in, int64_t out, int64_t image, int64_t window,
                               int64_t padding) {
  return {name, direction, batch, in, out, image, window, padding, 1, 1, layout};
}

static std::vector<Convolution> all_cases() {
  using enum Direction;
  const LayoutPolicy batch = LayoutPolicy::BatchBlocked, channel = LayoutPolicy::ChannelBlocked;
  return {
      convolution("lenet_conv1_forward", Forward, 64, batch, 1, 20, 28, 5, 0),
      convolution("lenet_conv1_weight_gradient", WeightGradient, 64, batch, 1, 20, 28, 5, 0),
      convolution("lenet_conv2_forward", Forward, 64, batch, 20, 50, 12, 5, 0),
      convolution("lenet_conv2_weight_gradient", WeightGradient, 64, batch, 20, 50, 12, 5, 0),
      convolution("lenet_conv2_data_gradient", DataGradient, 64, batch, 20, 50, 12, 5, 0),
      convolution("blocked_64_64_56_forward", Forward, 1, channel, 64, 64, 56, 3, 1),
  };
}

static double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

static int run(const std::string& filter, bool print_kernels) {
  const TargetInfo target = host_target();
  double peak_flops = 0;
  std::vector<Convolution> cases;
  std::vector<Program> programs = {peak_program(target, &peak_flops)};
  for (const Convolution& one : all_cases()) {
    if (one.name.find(filter) == std::string::npos) continue;
    cases.push_back(one);
    programs.push_back(program_of(one, target));
    if (print_kernels) fmt::print("{}", print(programs.back()));
  }
  if (print_kernels) return 0;
  Runs runs(programs, target);
  constexpr int kRounds = 15;
  fmt::print("{} ({} bit vectors), one thread\n", target.name, target.vector_bits);
  for (std::size_t c = 0; c < cases.size(); ++c) {
    std::vector<double> ratios, rates;
    for (int round = 0; round <= kRounds; ++round) {
      const double peak = peak_flops / runs.seconds(0, 1);
      const double rate = cases[c].flops() / runs.seconds(c + 1, cases[c].batch);
      if (round == 0) continue; // warm-up
      ratios.push_back(rate / peak);
      rates.push_back(rate);
    }
    fmt::print("{:32} {:7.1f} GFLOP/s {:6.1f} % of the FMA peak\n", cases[c].name, median(rates) * 1e-9,
               median(ratios) * 100);
  }
  return 0;
}

} // namespace striate

int main(int count, char** arguments) {
  const bool print_kernels = count > 2 && std::string(arguments[1]) == "--kernel";
  return striate::run(count > 1 ? arguments[count - 1] : "", print_kernels);
}
