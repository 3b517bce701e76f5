#include "passes/schedule/choose_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace striate {

static constexpr int64_t kWarp = 32;
static constexpr int64_t kLargestBlock = 256, kSmallestBlock = 64; // threads
// Of an H200: multiprocessors, and what each of them has.
static constexpr double kMultiprocessors = 132;
static constexpr double kLanesOfFma = 128; // multiply-adds in a cycle
static constexpr int64_t kSharedBytes = 227 * 1024, kBlockOverheadBytes = 1024;
static constexpr int64_t kRegisters = 64 * 1024, kMostWarps = 64, kMostBlocks = 32;
static constexpr int64_t kMostCopies = 24; // of a thread, for one step
// Bytes in a cycle that a multiprocessor gets from the cache that all share, when all ask for them.
static constexpr double kCacheBytes = 24;
// Cycles until a copy has arrived, and those that a barrier costs.
static constexpr double kCopyLatency = 700, kBarrier = 40;

std::string BlockShape::text() const {
  return fmt::format("block [rows: {}, columns: {}, depth: {}, thread: {} x {}]", rows, columns, depth,
                     thread_rows, thread_columns);
}

std::optional<BlockShape> BlockShape::parse(const std::string& text) {
  BlockShape shape;
  long long numbers[5] = {};
  const int read =
      std::sscanf(text.c_str(), "block [rows: %5lld, columns: %5lld, depth: %5lld, thread: %5lld x %5lld]",
                  &numbers[0], &numbers[1], &numbers[2], &numbers[3], &numbers[4]);
  if (read != 5) return std::nullopt;
  shape.rows = numbers[0];
  shape.columns = numbers[1];
  shape.depth = numbers[2];
  shape.thread_rows = numbers[3];
  shape.thread_columns = numbers[4];
  if (shape.text() != text) return std::nullopt;
  return shape;
}

bool BlockShape::possible(const BlockProblem& problem) const {
  for (const int64_t size : {rows, columns, depth, thread_rows, thread_columns})
    if (size < 4 || (size & (size - 1)) != 0) return false;
  if (thread_rows * thread_columns > 128 || rows < thread_rows || columns < thread_columns) return false;
  if (threads() < kWarp || threads() > kLargestBlock || shared_bytes() > kSharedBytes) return false;
  // A warp is up to 8 threads along the columns and the rest along the rows.
  if (kWarp / std::min<int64_t>(8, columns / thread_columns) > rows / thread_rows) return false;
  if (rows * depth % threads() != 0 || columns * depth % threads() != 0) return false;
  return rows % problem.row_unit == 0;
}

BlockChoice predict_block(const BlockProblem& problem, const BlockShape& shape) {
  const auto tiles = [](int64_t points, int64_t size) { return (points + size - 1) / size; };
  const auto of = [](int64_t value) { return static_cast<double>(value); };
  const double threads = of(shape.threads()), warps = std::ceil(threads / kWarp);
  const double points = of(shape.thread_rows * shape.thread_columns);
  const double sides = of(shape.thread_rows + shape.thread_columns), depth = of(shape.depth);
  // Besides the results, a thread holds one term of both factors and addresses: of many copies more.
  const double alone =
      depth / threads *
      ((problem.rows_alone ? of(shape.rows) : 0) + (problem.columns_alone ? of(shape.columns) : 0));
  const double registers = points + sides + 48 + 4 * std::max(0.0, alone - 8);
  const double resident =
      std::max(1.0, std::floor(std::min({of(kRegisters) / (registers * threads),
                                         of(kSharedBytes) / of(shape.shared_bytes() + kBlockOverheadBytes),
                                         of(kMostWarps) / warps, of(kMostBlocks)})));
  const double blocks =
      of(tiles(problem.rows, shape.rows)) * of(tiles(problem.columns, shape.columns)) * of(problem.products);
  // Of one block, for `depth` terms: multiply-adds; loads from shared memory, which give each thread of a
  // warp 4 bytes in a cycle; copies with their addresses; what comes from the cache of all.
  const double fma = threads * points * depth / kLanesOfFma;
  const double loads = warps * sides * depth;
  const double copied = of(shape.rows + shape.columns) * depth;
  const double instructions = depth * (of(shape.rows) / (problem.rows_alone ? 1 : 4) +
                                       of(shape.columns) / (problem.columns_alone ? 1 : 4));
  const double copies = instructions / kWarp * 8 / 4;
  const double cache = copied * 4 / kCacheBytes;
  const double on_one = std::max(1.0, std::min(resident, std::ceil(blocks / kMultiprocessors)));
  // Few warps leave cycles in which none can go on.
  const double busy = warps * on_one / (warps * on_one + 1.5);
  const double step =
      std::max({(std::max(fma, loads) + copies) * on_one / busy, cache * on_one, kCopyLatency}) + kBarrier;
  const double steps = of(tiles(problem.depth, shape.depth));
  const double epilogue = of(shape.rows * shape.columns) * 4 / kCacheBytes * on_one;
  const double waves = std::ceil(blocks / (kMultiprocessors * on_one));
  const double cycles = waves * (steps * step + epilogue + 2 * kCopyLatency);
  const double all = of(problem.rows) * of(problem.columns) * of(problem.depth) * of(problem.products);
  BlockChoice choice;
  choice.shape = shape;
  choice.cycles = cycles;
  choice.share = all / (cycles * kMultiprocessors * kLanesOfFma);
  choice.reason = fmt::format("{} blocks of {} threads, {} on a multiprocessor at once; {:.0f} % of the "
                              "device's multiply-adds predicted",
                              blocks, threads, on_one, 100 * choice.share);
  return choice;
}

std::optional<BlockChoice> choose_block(const BlockProblem& problem) {
  // Below, a block has nothing to share.
  constexpr int64_t kFewest = 16;
  if (problem.rows < kFewest || problem.columns < kFewest || problem.depth < kFewest) return std::nullopt;
  std::optional<BlockChoice> best;
  for (const int64_t rows : {32, 64, 128, 256})
    for (const int64_t columns : {16, 32, 64, 128})
      for (const int64_t thread_rows : {4, 8, 16})
        for (const int64_t thread_columns : {4, 8}) {
          const BlockShape shape = {rows, columns, 16, thread_rows, thread_columns};
          if (!shape.possible(problem) || shape.threads() < kSmallestBlock) continue;
          // A thread that copies more has no registers for where from.
          if ((rows + columns) * shape.depth > kMostCopies * shape.threads()) continue;
          BlockChoice choice = predict_block(problem, shape);
          if (!best || choice.share > best->share * (1 + 1e-9)) best = std::move(choice);
        }
  return best;
}

} // namespace striate
