// How far f32 may be from f64: the bound that values are held against.
//
// Monte Carlo arithmetic (Parker, "Monte Carlo arithmetic", UCLA CSD-970002, 1997): the f64 run is repeated
// with the result of every statement disturbed at random by what f32 may round off it, and what becomes of
// the disturbances shows how the program amplifies them. A sum S of k terms t is disturbed by a random share
// of 2^-24 (sqrt(k) |S| + sum |t|): the first part is what rounding leaves of partial sums that grow, the
// second of ones that cancel (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section
// 4.2 bounds both); every other statement's value y by 4 * 2^-24 |y|.
#pragma once

#include "verify/trial.h"

namespace striate {

constexpr double kRoundoff = 0x1p-24; // of f32: half a unit in the last place, relative

// Disturbs what statements leave; to be given to interpret() with Precision::F64.
decltype(ReferenceSettings::after_statement) rounding_noise(const Graph& graph, const Trial& trial,
                                                            uint64_t stream);

// What f32 may be away from `exact` in each output, parameter and state, as a Euclidean norm: 32 times the
// farthest of the disturbed runs, plus 16 roundoffs of the value's norm.
using Bounds = std::vector<std::map<std::string, double>>; // by step and name
Bounds rounding_bounds(const Graph& graph, const Outcome& exact, const Trial& trial);

// Names with how far apart they are in units of the bound, of the first step that has one above 1; the worst
// first. `share` scales the bound.
struct Excess {
  std::size_t step = 0;
  std::string name;
  double ratio = 0;
};
std::vector<Excess> beyond(const Outcome& got, const Outcome& expected, const Bounds& bounds, double share);
// The largest ratio of all.
double largest_ratio(const Outcome& got, const Outcome& expected, const Bounds& bounds);

} // namespace striate
