// Kernels by hand, for the tests and micro-benchmarks of the code generators: short names for the parts of
// ir/kernel/kernel.h.
#pragma once

#include "ir/kernel/kernel.h"

#include <utility>

namespace striate::testing {

inline IndexExpr var(int variable) { return IndexExpr::variable(variable); }

inline KernelStatement for_(int variable, KernelBody body, std::optional<IndexExpr> bound = std::nullopt) {
  KernelStatement s;
  s.kind = KernelStatement::Kind::For;
  s.variable = variable;
  s.body = std::move(body);
  s.bound = std::move(bound);
  return s;
}

inline KernelStatement if_(ExprRef condition, KernelBody body) {
  KernelStatement s;
  s.kind = KernelStatement::Kind::If;
  s.value = std::move(condition);
  s.body = std::move(body);
  return s;
}

inline KernelStatement map(int tile, ExprRef value) {
  KernelStatement s;
  s.kind = KernelStatement::Kind::Map;
  s.tile = tile;
  s.value = std::move(value);
  return s;
}

inline KernelStatement accumulate(int tile, Reducer reducer, ExprRef value, std::vector<int> axes = {}) {
  KernelStatement s;
  s.kind = KernelStatement::Kind::Accumulate;
  s.tile = tile;
  s.reducer = reducer;
  s.value = std::move(value);
  s.axes = std::move(axes);
  return s;
}

inline KernelStatement accumulate_with_index(int tile, int index_tile, Reducer reducer, ExprRef value,
                                             ExprRef index, std::vector<int> axes = {}) {
  KernelStatement s = accumulate(tile, reducer, std::move(value), std::move(axes));
  s.index_tile = index_tile;
  s.index_value = std::move(index);
  return s;
}

inline KernelStatement fold(int tile, int source, Reducer reducer) {
  KernelStatement s;
  s.kind = KernelStatement::Kind::Fold;
  s.tile = tile;
  s.source = source;
  s.reducer = reducer;
  return s;
}

inline KernelStatement store(int buffer, IndexExpr offset, ExprRef value, std::vector<int> axes,
                             ExprRef guard = nullptr) {
  KernelStatement s;
  s.kind = KernelStatement::Kind::Store;
  s.buffer = buffer;
  s.offset = std::move(offset);
  s.value = std::move(value);
  s.axes = std::move(axes);
  s.guard = std::move(guard);
  return s;
}

// A kernel in the making. Memory buffers follow each other in the arena.
struct KernelBuilder {
  Kernel kernel;
  int64_t arena_bytes = 0;

  explicit KernelBuilder(std::string name) { kernel.name = std::move(name); }

  int loop(std::string name, VariableKind kind, Size extent, int64_t step = 1, bool overlap = false) {
    kernel.variables.push_back({std::move(name), kind, extent, step, overlap});
    return static_cast<int>(kernel.variables.size()) - 1;
  }
  int parallel(std::string name, Size extent, int64_t step = 1, bool overlap = false) {
    return loop(std::move(name), VariableKind::Parallel, extent, step, overlap);
  }
  int serial(std::string name, int64_t extent, int64_t step = 1, bool overlap = false) {
    return loop(std::move(name), VariableKind::Serial, Size::constant(extent), step, overlap);
  }
  int unrolled(std::string name, int64_t extent, int64_t step = 1) {
    return loop(std::move(name), VariableKind::Unrolled, Size::constant(extent), step);
  }
  int axis(std::string name, int64_t extent) {
    return loop(std::move(name), VariableKind::Axis, Size::constant(extent));
  }
  int lane() { return loop("lane", VariableKind::Lane, Size::constant(kLanes)); }

  int memory(std::string name, int64_t elements, ElementType type = ElementType::F32) {
    constexpr int64_t kAlignment = 64;
    kernel.buffers.push_back({std::move(name), type, BufferSpace::Memory, elements, arena_bytes});
    arena_bytes += (elements * byte_size(type) + kAlignment - 1) / kAlignment * kAlignment;
    return static_cast<int>(kernel.buffers.size()) - 1;
  }
  int scratch(std::string name, int64_t elements, ElementType type = ElementType::F32) {
    kernel.buffers.push_back({std::move(name), type, BufferSpace::Scratch, elements, 0});
    return static_cast<int>(kernel.buffers.size()) - 1;
  }
  int tile(std::string name, std::vector<int> axes, ScalarType type = ScalarType::Real) {
    kernel.tiles.push_back({std::move(name), type, std::move(axes)});
    return static_cast<int>(kernel.tiles.size()) - 1;
  }
};

} // namespace striate::testing
