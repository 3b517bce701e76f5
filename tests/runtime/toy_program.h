// A small hand-made Executable: logistic regression on two features with momentum, noise that depends on the
// seed and the step, and a state that follows the mean of the input. The features lie in a batch-blocked
// layout.
#pragma once

#include "runtime/executable.h"
#include "support/random.h"

#include <bit>
#include <cmath>
#include <csignal>
#include <cstdint>

namespace striate::toy {

inline constexpr int64_t kCapacity = 40; // no multiple of 16
// Bytes in the arena.
inline constexpr int64_t kWeight = 0, kVelocity = 64, kMean = 128, kFeatures = 192,
                         kLabels = 192 + 48 * 2 * 4, kLoss = kLabels + 192, kAccuracy = kLoss + 192,
                         kEnd = kAccuracy + 192;
enum Slot { kN, kInverseN, kStep, kEpoch, kRate, kSeedLow, kSeedHigh };

// The step at which the program raises SIGINT, the evaluation that does (counted down), the step whose loss
// is not a number, and the one that leaves such a weight; -1: none.
inline int64_t interrupt_at_step = -1, interrupt_in_evaluation = -1, break_at_step = -1,
               break_weight_at_step = -1;

inline float* floats(char* arena, int64_t offset) { return reinterpret_cast<float*>(arena + offset); }
inline float feature(const char* arena, int64_t n, int64_t i) {
  return reinterpret_cast<const float*>(arena + kFeatures)[n / 16 * 32 + i * 16 + n % 16];
}

inline uint64_t seed_of(const float* scalars) {
  return uint64_t{std::bit_cast<uint32_t>(scalars[kSeedHigh])} << 32 |
         std::bit_cast<uint32_t>(scalars[kSeedLow]);
}

inline void init(char* arena, const float* scalars, int64_t, int64_t, int64_t, const int64_t*) {
  for (uint64_t i = 0; i < 2; ++i) {
    floats(arena, kWeight)[i] = uniform(seed_of(scalars), i, 0, stream_of("weight")) - 0.5f;
    floats(arena, kVelocity)[i] = 0;
  }
  floats(arena, kMean)[0] = 0;
}

inline float probability(char* arena, int64_t n) {
  const float* w = floats(arena, kWeight);
  return 1 / (1 + std::exp(-(w[0] * feature(arena, n, 0) + w[1] * feature(arena, n, 1))));
}

// Loss and accuracy of the examples [begin, end): the parallel kernel.
inline void forward(char* arena, const float* scalars, int64_t, int64_t begin, int64_t end, const int64_t*) {
  const auto* labels = reinterpret_cast<const int32_t*>(arena + kLabels);
  for (int64_t n = begin; n < end; ++n) {
    const float p = probability(arena, n);
    floats(arena, kLoss)[n] = -std::log(labels[n] == 1 ? p : 1 - p);
    floats(arena, kAccuracy)[n] = (p > 0.5f) == (labels[n] == 1);
    if (static_cast<int64_t>(scalars[kStep]) == break_at_step) floats(arena, kLoss)[n] = NAN;
  }
}

inline void update(char* arena, const float* scalars, int64_t examples, int64_t, int64_t, const int64_t*) {
  const auto* labels = reinterpret_cast<const int32_t*>(arena + kLabels);
  const auto step = static_cast<int64_t>(scalars[kStep]);
  float gradient[2] = {0, 0}, mean = 0;
  for (int64_t n = 0; n < examples; ++n) {
    const float noise = uniform(seed_of(scalars), static_cast<uint64_t>(n), static_cast<uint32_t>(step), 1);
    const float error = (probability(arena, n) - static_cast<float>(labels[n])) * (0.5f + noise);
    for (int64_t i = 0; i < 2; ++i) gradient[i] += error * feature(arena, n, i);
    mean += feature(arena, n, 0);
  }
  for (int i = 0; i < 2; ++i) {
    float& velocity = floats(arena, kVelocity)[i];
    velocity = 0.9f * velocity + gradient[i] * scalars[kInverseN];
    floats(arena, kWeight)[i] -= scalars[kRate] / (1 + scalars[kEpoch]) * velocity;
  }
  floats(arena, kMean)[0] = 0.9f * floats(arena, kMean)[0] + 0.1f * mean * scalars[kInverseN];
  if (step == break_weight_at_step) floats(arena, kWeight)[1] = NAN;
  if (step == interrupt_at_step) std::raise(SIGINT);
}

inline void maybe_interrupt(char*, const float*, int64_t, int64_t, int64_t, const int64_t*) {
  if (interrupt_in_evaluation >= 0 && interrupt_in_evaluation-- == 0) std::raise(SIGINT);
}

inline Placement plain(const std::string& name, ElementType element, std::vector<int64_t> shape, bool batch,
                       int64_t offset) {
  Placement placement{name, element, std::move(shape), batch, offset, 1, {}};
  for (int dimension = static_cast<int>(placement.shape.size()) - 1; dimension >= 0; --dimension) {
    const int64_t size = placement.shape[static_cast<std::size_t>(dimension)];
    placement.digits.push_back({dimension, 1, size, placement.storage});
    placement.storage *= size;
  }
  return placement;
}

inline Executable program() {
  Executable program;
  program.capacity = kCapacity;
  program.arena_bytes = kEnd;
  program.parameters = {plain("fc.weight", ElementType::F32, {1, 2}, false, kWeight)};
  program.states = {plain("norm.running_mean", ElementType::F32, {1}, false, kMean),
                    plain("fc.weight/v", ElementType::F32, {1, 2}, false, kVelocity)};
  program.scalar_defaults = {{"optimizer.lr", 0.5}};
  const auto once = [](int64_t) -> int64_t { return 1; };
  const auto each = [](int64_t examples) { return examples; };
  const std::vector<std::string> scalars = {"N",        "1/N",      "step", "epoch", "optimizer.lr",
                                            "seed.low", "seed.high"};
  const std::vector<Placement> inputs = {{"x",
                                          ElementType::F32,
                                          {kCapacity, 2},
                                          true,
                                          kFeatures,
                                          96,
                                          {{0, 16, 3, 32}, {1, 1, 2, 16}, {0, 1, 16, 1}}},
                                         plain("label", ElementType::I32, {kCapacity}, true, kLabels)};
  const std::vector<Placement> outputs = {plain("loss", ElementType::F32, {kCapacity}, true, kLoss),
                                          plain("accuracy", ElementType::F32, {kCapacity}, true, kAccuracy)};
  const ExecutableKernel forward_kernel = {"forward", {forward}, each, "fc", "toy.nn:2:5", {outputs[0]}};
  program.init = {"init", {{"init", {init}, once}}, 1, scalars, {}, {}};
  program.step = {"step", {forward_kernel, {"update", {update}, once}}, 1, scalars, inputs, outputs};
  program.eval = {"eval", {forward_kernel, {"signal", {maybe_interrupt}, once}}, 2, scalars, inputs, outputs};
  return program;
}

} // namespace striate::toy
