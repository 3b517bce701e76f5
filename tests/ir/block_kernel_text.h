// A kernel whose tiles are divided among threads, in text form: a product of a 40 x 20 matrix by a 20 x 36
// one, by blocks of 32 x 32 results and 8 terms at a time; shared by the tests of the IR and of the CUDA back
// end.
#pragma once

#include <string>

namespace striate {

constexpr int kBlockRows = 40, kBlockColumns = 36, kBlockDepth = 20;

inline const std::string kBlockKernel = R"(kernel product {
  memory a: f32[800] at 0
  memory b: f32[720] at 3200
  memory c: f32[1440] at 6080
  scratch a.tiles: f32[576]
  scratch b.tiles: f32[576]
  axes thread: 64 threads, i: 4, j: 4, round: 4, copied: 4
  tile a.part[thread, i]
  tile b.part[thread, j]
  tile sum[thread, i, j]
  parallel row: 0..40 step 32 {
    parallel column: 0..36 step 32 {
      sum[thread, i, j] = 0
      copy a.tiles[8*round + (thread // 8) + 36*(thread % 8)] = (load a[160*round + 20*row + 20*(thread // 8) + (thread % 8)] if 8*round + row + (thread // 8) < 40 else -0.0) over (thread, round)
      copy b.tiles[copied + 36*(thread // 8) + 4*(thread % 8)] = (load b[copied + column + 36*(thread // 8) + 4*(thread % 8)] if column + 4*(thread % 8) < 36 else 0) over (thread, copied)
      for depth: 0..20 step 8 {
        wait
        barrier
        if depth + 8 < 20 {
          copy a.tiles[8*round + (thread // 8) + 36*(thread % 8) + 288*(((depth // 8) + 1) % 2)] = (load a[160*round + 20*row + depth + 20*(thread // 8) + (thread % 8) + 8] if 8*round + row + (thread // 8) < 40 and depth + (thread % 8) + 8 < 20 else -0.0) over (thread, round)
          copy b.tiles[copied + 36*(thread // 8) + 4*(thread % 8) + 288*(((depth // 8) + 1) % 2)] = (load b[copied + column + 36*depth + 36*(thread // 8) + 4*(thread % 8) + 288] if column + 4*(thread % 8) < 36 and depth + (thread // 8) + 8 < 20 else 0) over (thread, copied)
        }
        unroll term: 0..8 {
          a.part[thread, i] = load a.tiles[i + 36*term + 4*(thread // 8) + 288*((depth // 8) % 2)]
          b.part[thread, j] = load b.tiles[j + 36*term + 4*(thread % 8) + 288*((depth // 8) % 2)]
          sum[thread, i, j] += a.part * b.part
        }
      }
      store c[36*i + j + 36*row + column + 144*(thread // 8) + 4*(thread % 8)] = sum where i + row + 4*(thread // 8) < 40 and column + 4*(thread % 8) < 36 over (thread, i, j)
    }
  }
}
)";

} // namespace striate
