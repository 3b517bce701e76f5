#include "codegen/reference/execute.h"

#include "codegen/reference/registers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace striate::reference {
namespace {

// A piece of the innermost loop within a block.
struct Run {
  int begin = 0; // first point in the block
  int length = 0;
  int64_t position = 0;   // of its first point along the innermost loop
  int64_t output = 0;     // offset in the target, at position 0
  int64_t flat_index = 0; // over the reduced variables, at its first point
  int64_t lane = 0;       // of its first point
};

// Accumulators of the outputs that are being reduced: one per lane and output, [lane][output].
template <typename V>
struct Accumulators {
  std::vector<V> values;
  std::vector<int64_t> indices; // ArgMax, ArgMin
};

template <typename V>
V identity(Reducer reducer) {
  switch (reducer) {
  case Reducer::Prod:
  case Reducer::All:
    return V{1};
  case Reducer::Max:
  case Reducer::ArgMax:
    if constexpr (std::is_floating_point_v<V>) return -std::numeric_limits<V>::infinity();
    return static_cast<V>(std::numeric_limits<int32_t>::min());
  case Reducer::Min:
  case Reducer::ArgMin:
    if constexpr (std::is_floating_point_v<V>) return std::numeric_limits<V>::infinity();
    return static_cast<V>(std::numeric_limits<int32_t>::max());
  default:
    return V{0};
  }
}

// Of equal values, the one with the smaller index stays, whatever the order.
template <typename V>
bool replaces(bool largest, V value, int64_t index, V best, int64_t best_index) {
  return (largest ? value > best : value < best) || (value == best && index < best_index);
}

// `V` is the type of the body's values: T, or int64_t for Int and Bool.
template <typename T, typename V>
class Execution {
public:
  Execution(const Program& program, const Buffers& buffers, uint64_t seed)
      : program_(program), buffers_(buffers), seed_(seed), registers_(program.registers),
        base_(program.start), counters_(program.loops.size(), 0),
        width_(program.run_is_free ? program.loops.back().extent : 1),
        spread_(program.run_is_free || program.lane_loop + 1 == static_cast<int>(program.loops.size())) {}

  void run();

private:
  int64_t stride(int slot) const { return program_.loops.back().strides[slot]; }
  int64_t run_limit() const;
  bool advance();
  void walk_innermost();
  void add_run(int64_t position, int length);
  template <typename R>
  void copy(const AffineRead& read, const Run& run, R* target) const;
  void flush();
  void combine(const Run& run);
  int64_t accumulator_index(const Run& run) const {
    return run.lane * width_ + (program_.run_is_free ? run.position : 0);
  }
  template <typename F>
  void accumulate(const Run& run, F f);
  void accumulate_position(const Run& run, bool largest);
  template <typename F>
  void fold_lanes(F f);
  void finish(const Run& run);
  void reset();

  const Program& program_;
  const Buffers& buffers_;
  uint64_t seed_;
  std::vector<Register<T>> registers_;
  std::vector<int64_t>
      base_; // per slot: its value at the current place of the outer loops, innermost digit 0
  std::vector<int64_t> counters_;
  std::vector<Run> runs_;
  int filled_ = 0; // points in the block
  int64_t width_;  // outputs reduced side by side
  bool spread_;    // neighbouring points of a run have neighbouring accumulators; else they share one
  int64_t done_ = 0;
  Accumulators<V> accumulators_;
};

// Points of the innermost loop that exist here: fewer where a split variable's last digit is ragged.
template <typename T, typename V>
int64_t Execution<T, V>::run_limit() const {
  int64_t limit = program_.loops.back().extent;
  for (const RaggedBound& bound : program_.ragged) {
    const int64_t left = bound.extent - base_[bound.slot];
    const int64_t step = stride(bound.slot);
    // A digit that runs down is there as a whole, or not at all.
    limit =
        std::min(limit, step <= 0 ? (left > 0 ? limit : 0) : std::max<int64_t>((left + step - 1) / step, 0));
  }
  return limit;
}

// The next place of the loops around the innermost; false at the end.
template <typename T, typename V>
bool Execution<T, V>::advance() {
  for (std::size_t level = program_.loops.size() - 1; level-- > 0;) {
    const Loop& loop = program_.loops[level];
    const bool wraps = ++counters_[level] == loop.extent;
    const int64_t factor = wraps ? 1 - loop.extent : 1;
    for (std::size_t s = 0; s < base_.size(); ++s) base_[s] += factor * loop.strides[s];
    if (!wraps) return true;
    counters_[level] = 0;
  }
  return false;
}

// The strided copy of an affine read along a run: `otherwise` before and after the part that is in bounds.
template <typename T, typename V>
template <typename R>
void Execution<T, V>::copy(const AffineRead& read, const Run& run, R* target) const {
  int64_t low = run.position, high = run.position + run.length;
  for (const AffineRead::Bound& bound : read.bounds) {
    const int64_t at = base_[bound.slot], step = stride(bound.slot);
    if (step == 0) {
      if (at < 0 || at >= bound.extent) high = low;
    } else if (step > 0) {
      low = std::max(low, -floor_div(at, step));
      high = std::min(high, -floor_div(at - bound.extent, step));
    } else {
      low = std::max(low, floor_div(at - bound.extent, -step) + 1);
      high = std::min(high, floor_div(at, -step) + 1);
    }
  }
  low = std::min(low, run.position + run.length);
  high = std::clamp(high, low, run.position + run.length);
  const R otherwise = static_cast<R>(read.otherwise);
  const int64_t end = run.length, first = low - run.position, last = high - run.position;
  const int64_t step = stride(read.offset);
  const double* source = buffers_.operands[read.operand] + base_[read.offset] + run.position * step;
  for (int64_t p = 0; p < first; ++p) target[p] = otherwise;
  if (step == 1) {
    for (int64_t p = first; p < last; ++p) target[p] = static_cast<R>(source[p]);
  } else {
    for (int64_t p = first; p < last; ++p) target[p] = static_cast<R>(source[p * step]);
  }
  for (int64_t p = last; p < end; ++p) target[p] = otherwise;
}

template <typename T, typename V>
void Execution<T, V>::add_run(int64_t position, int length) {
  Run run{.begin = filled_, .length = length, .position = position, .output = base_[program_.output]};
  if (program_.flat_index >= 0)
    run.flat_index = base_[program_.flat_index] + position * stride(program_.flat_index);
  if (program_.lane_loop >= 0) {
    const bool innermost = program_.lane_loop + 1 == static_cast<int>(program_.loops.size());
    run.lane = innermost ? position : counters_[program_.lane_loop];
  }
  for (const AffineRead& read : program_.reads) {
    Register<T>& target = registers_[read.target];
    if (read.type == ScalarType::Real) {
      copy(read, run, target.real + run.begin);
    } else {
      copy(read, run, target.integer + run.begin);
    }
  }
  for (const AffineValue& value : program_.values) {
    const int64_t step = stride(value.slot), first = base_[value.slot] + position * step;
    int64_t* target = registers_[value.target].integer + run.begin;
    for (int p = 0; p < length; ++p) target[p] = first + p * step;
  }
  runs_.push_back(run);
  filled_ += length;
}

template <typename T, typename V>
void Execution<T, V>::walk_innermost() {
  const int64_t limit = run_limit();
  for (int64_t position = 0; position < limit;) {
    const int length = static_cast<int>(std::min<int64_t>(kBlock - filled_, limit - position));
    add_run(position, length);
    position += length;
    if (filled_ == kBlock) flush();
  }
}

template <typename T, typename V>
void Execution<T, V>::run() {
  for (const Loop& loop : program_.loops) {
    if (loop.extent != 0) continue;
    // Nothing to combine. Only then is the whole target written here: in a loop, it holds other steps.
    const bool position = program_.flat_index >= 0;
    if (program_.reducer != Reducer::None)
      std::fill_n(buffers_.target, buffers_.target_size, position ? 0 : identity_of(program_.reducer));
    return;
  }
  if (program_.reducer != Reducer::None) reset();
  for (const Fill& fill : program_.fills) {
    Register<T>& target = registers_[fill.target];
    if (fill.type == ScalarType::Real) {
      std::fill_n(target.real, kBlock, static_cast<T>(fill.value));
    } else {
      std::fill_n(target.integer, kBlock, static_cast<int64_t>(fill.value));
    }
  }
  do {
    walk_innermost();
  } while (advance());
  flush();
}

template <typename T, typename V>
void Execution<T, V>::flush() {
  for (const Instruction& instruction : program_.instructions)
    execute<T>(instruction, registers_.data(), filled_, buffers_, seed_);
  for (const Run& run : runs_) combine(run);
  runs_.clear();
  filled_ = 0;
}

// acc = f(acc, point) for each point of the run, in order.
template <typename T, typename V>
template <typename F>
void Execution<T, V>::accumulate(const Run& run, F f) {
  const int end = run.begin + run.length;
  V* accumulator = accumulators_.values.data() + accumulator_index(run);
  if (spread_) {
    for (int p = run.begin; p < end; ++p, ++accumulator) *accumulator = f(*accumulator, p);
  } else {
    V one = *accumulator;
    for (int p = run.begin; p < end; ++p) one = f(one, p);
    *accumulator = one;
  }
}

template <typename T, typename V>
void Execution<T, V>::accumulate_position(const Run& run, bool largest) {
  const V* value = values_of<V>(registers_[program_.result]);
  const int64_t step = stride(program_.flat_index), start = accumulator_index(run);
  for (int p = 0; p < run.length; ++p) {
    const int64_t at = start + (spread_ ? p : 0), index = run.flat_index + p * step;
    if (!replaces(largest, value[run.begin + p], index, accumulators_.values[at], accumulators_.indices[at]))
      continue;
    accumulators_.values[at] = value[run.begin + p];
    accumulators_.indices[at] = index;
  }
}

template <typename T, typename V>
void Execution<T, V>::combine(const Run& run) {
  const V* value = values_of<V>(registers_[program_.result]);
  switch (program_.reducer) {
  case Reducer::None: {
    double* target = buffers_.target + run.output + run.position * stride(program_.output);
    const int64_t step = stride(program_.output);
    for (int p = 0; p < run.length; ++p) target[p * step] = static_cast<double>(value[run.begin + p]);
    return;
  }
  case Reducer::Sum:
    if (program_.second_factor >= 0) {
      const V* factor = values_of<V>(registers_[program_.second_factor]);
      if constexpr (std::is_floating_point_v<V>)
        accumulate(run, [=](V acc, int p) { return std::fma(value[p], factor[p], acc); });
    } else {
      accumulate(run, [=](V acc, int p) { return acc + value[p]; });
    }
    break;
  case Reducer::Prod:
    accumulate(run, [=](V acc, int p) { return acc * value[p]; });
    break;
  case Reducer::Max:
    accumulate(run, [=](V acc, int p) { return value[p] > acc ? value[p] : acc; });
    break;
  case Reducer::Min:
    accumulate(run, [=](V acc, int p) { return value[p] < acc ? value[p] : acc; });
    break;
  case Reducer::Any:
    accumulate(run, [=](V acc, int p) { return V(acc != 0 || value[p] != 0); });
    break;
  case Reducer::All:
    accumulate(run, [=](V acc, int p) { return V(acc != 0 && value[p] != 0); });
    break;
  case Reducer::ArgMax:
  case Reducer::ArgMin:
    accumulate_position(run, program_.reducer == Reducer::ArgMax);
    break;
  }
  done_ += run.length;
  if (done_ == width_ * program_.points_per_output) finish(run);
}

// Lane l takes l + 8, then l + 4, l + 2, l + 1.
template <typename T, typename V>
template <typename F>
void Execution<T, V>::fold_lanes(F f) {
  for (int64_t half = kLaneCount / 2; half > 0; half /= 2) {
    for (int64_t at = 0; at < half * width_; ++at) {
      V& value = accumulators_.values[at];
      value = f(value, accumulators_.values[at + half * width_]);
    }
  }
}

// The outputs side by side are complete: store them and begin the next ones.
template <typename T, typename V>
void Execution<T, V>::finish(const Run& run) {
  if (program_.lane_loop >= 0) {
    switch (program_.reducer) {
    case Reducer::None:
      break;
    case Reducer::Sum:
      fold_lanes([](V a, V b) { return a + b; });
      break;
    case Reducer::Prod:
      fold_lanes([](V a, V b) { return a * b; });
      break;
    case Reducer::Max:
      fold_lanes([](V a, V b) { return b > a ? b : a; });
      break;
    case Reducer::Min:
      fold_lanes([](V a, V b) { return b < a ? b : a; });
      break;
    case Reducer::Any:
      fold_lanes([](V a, V b) { return V(a != 0 || b != 0); });
      break;
    case Reducer::All:
      fold_lanes([](V a, V b) { return V(a != 0 && b != 0); });
      break;
    case Reducer::ArgMax:
    case Reducer::ArgMin:
      // A total order decides: the tree's shape does not matter.
      for (int64_t at = width_; at < kLaneCount * width_; ++at) {
        const int64_t first = at % width_;
        if (!replaces(program_.reducer == Reducer::ArgMax, accumulators_.values[at],
                      accumulators_.indices[at], accumulators_.values[first], accumulators_.indices[first]))
          continue;
        accumulators_.values[first] = accumulators_.values[at];
        accumulators_.indices[first] = accumulators_.indices[at];
      }
      break;
    }
  }
  const int64_t step = program_.run_is_free ? stride(program_.output) : 0;
  for (int64_t i = 0; i < width_; ++i) {
    double& target = buffers_.target[run.output + i * step];
    if (program_.flat_index >= 0) {
      target = static_cast<double>(accumulators_.indices[i]);
    } else {
      target = static_cast<double>(accumulators_.values[i]);
    }
  }
  reset();
}

template <typename T, typename V>
void Execution<T, V>::reset() {
  const int64_t count = width_ * (program_.lane_loop >= 0 ? kLaneCount : 1);
  accumulators_.values.assign(count, identity<V>(program_.reducer));
  if (program_.flat_index >= 0) accumulators_.indices.assign(count, 0);
  done_ = 0;
}

} // namespace

template <typename T>
void execute(const Program& program, const Buffers& buffers, uint64_t seed) {
  if (program.body_type == ScalarType::Real) {
    Execution<T, T>(program, buffers, seed).run();
  } else {
    Execution<T, int64_t>(program, buffers, seed).run();
  }
}

template void execute<float>(const Program&, const Buffers&, uint64_t);
template void execute<double>(const Program&, const Buffers&, uint64_t);

} // namespace striate::reference
