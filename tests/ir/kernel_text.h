// A kernel in text form that uses every construct; shared by the kernel's tests.
#pragma once

#include "ir/kernel/parse.h"

#include <gtest/gtest.h>

#include <string>

namespace striate {

inline const char* const kKernel = R"(kernel conv1 loc("net.nn":7:9) {
  comment "conv1 = conv2d : f32[N,20,4,4]"
  comment "net.nn:7:9"
  flops 23040 per example, 0 fixed
  cost flops 1474560 read 148608 written 102400 intensity 5.87 predicted 1.25e-05
  memory x: f32[36864] at 0
  memory w: f32[288] at 147456
  memory y: f32[20480] at 148672
  memory which: u8[20480] at 230592
  scratch rows: f32[1024]
  axes o.tile: 5, lane: 16 lanes, s: 3
  tile sum[o.tile, lane]
  tile best[o.tile, lane]
  tile index_of[o.tile, lane] int
  tile total[o.tile]
  tile found[] bool
  parallel n: 0..N step 16 {
    parallel o: 0..20 step 5 {
      found[] = false
      for c: 0..4 {
        sum[o.tile, lane] = 0
        unroll r: 0..3 {
          sum[o.tile, lane] += load w[9*o.tile + s + 9*o + 3*r] * (load x[lane + 16*s + 36*n + 96*r] if r + 2 <= 4 else 0) over (s)
        }
        if 1 <= c {
          store rows[16*o.tile + lane + (c % 4)] = max(sum, 0) over (o.tile, lane)
        }
      }
      best[o.tile, lane] = -inf
      index_of[o.tile, lane] = 0
      for q: 0..16 step 3 until -o + 14 {
        best[o.tile, lane] max= load rows[16*o.tile + lane + q] index index_of[o.tile, lane] = q
      }
      total[o.tile] = fold sum best
      found[] any= load w[0] < 0.5
      for last: 0..20 step 16 overlap {
        store y[lane + 16*o + last] = select(found, best, $step) over (lane, o.tile)
      }
      store which[16*o.tile + lane + 20*n] = index_of where real(lane + n) < $N over (o.tile, lane)
      store rows[o.tile] = total over (o.tile)
    }
  }
}
)";

inline Kernel parsed_kernel(const std::string& text) {
  Result<Kernel> kernel = parse_kernel(text, "test");
  EXPECT_TRUE(kernel.ok()) << (kernel.ok() ? "" : kernel.failure().message);
  return kernel.ok() ? *kernel : Kernel();
}

} // namespace striate
