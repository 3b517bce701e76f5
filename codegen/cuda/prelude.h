// The prelude of every emitted CUDA program: what the kernels' text uses beside CUDA C++ itself. No includes.
//
// A parallel iteration of a kernel is one group of lanes: 16 neighbouring threads of a warp, or a single
// thread where the kernel has no lane axis. A block holds one or more groups, and groups never wait for each
// other. Of a kernel whose tiles are divided among threads it is a whole block. Scalar functions mean exactly
// what ir/scalar_functions.def says; compile with --fmad=false and
// --ftz=true.

using uint8 = unsigned char;
using uint32 = unsigned int;
using uint64 = unsigned long long;
using int64 = long long;

[[maybe_unused]] constexpr int kLanes = 16;

extern __shared__ __align__(16) char shared_memory[];

// The group's lanes as bits of a warp mask.
__device__ inline uint32 lane_mask() { return 0xFFFFu << (threadIdx.x & 16u); }

// Every lane of the group waits for the others, and then sees what they have stored.
#define sync_lanes() __syncwarp(lane_mask())

// A copy into shared memory, of one element or of four neighbours: it is there after wait_for_copies(), for
// the thread itself, and after __syncthreads() for all.
#if defined(STRIATE_HOST_SHIM)
// host_shim.h has them.
#elif __CUDA_ARCH__ >= 800
template <typename Value>
__device__ inline void copy(Value* target, const Value* source) {
  static_assert(sizeof(Value) == 4);
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(uint32(__cvta_generic_to_shared(target))),
               "l"(source));
}
template <typename Value>
__device__ inline void copy4(Value* target, const Value* source) {
  static_assert(sizeof(Value) == 4);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(uint32(__cvta_generic_to_shared(target))),
               "l"(source));
}
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }
#else
template <typename Value>
__device__ inline void copy(Value* target, const Value* source) {
  *target = *source;
}
template <typename Value>
__device__ inline void copy4(Value* target, const Value* source) {
#pragma unroll
  for (int i = 0; i < 4; ++i) target[i] = source[i];
}
__device__ inline void wait_for_copies() {}
#endif

// What stands where nothing is copied.
template <typename Value>
__device__ inline void fill(Value* target, Value value) {
  *target = value;
}
template <typename Value>
__device__ inline void fill4(Value* target, Value value) {
#pragma unroll
  for (int i = 0; i < 4; ++i) target[i] = value;
}

// The lanes' values combined: l with l + 8, then 4, 2, 1. Every lane gets the result.
template <typename Value, typename Combine>
__device__ inline Value fold_lanes(Value value, Combine combine) {
#pragma unroll
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    value = combine(value, Value(__shfl_down_sync(lane_mask(), value, distance, kLanes)));
  return Value(__shfl_sync(lane_mask(), value, 0, kLanes));
}

// A NaN in `a` stays.
template <typename Value>
__device__ inline Value max_of(Value a, Value b) {
  return b > a ? b : a;
}
template <typename Value>
__device__ inline Value min_of(Value a, Value b) {
  return b < a ? b : a;
}

struct SumOf {
  template <typename Value>
  __device__ Value operator()(Value a, Value b) const {
    return a + b;
  }
};
struct ProductOf {
  template <typename Value>
  __device__ Value operator()(Value a, Value b) const {
    return a * b;
  }
};
struct MaxOf {
  template <typename Value>
  __device__ Value operator()(Value a, Value b) const {
    return max_of(a, b);
  }
};
struct MinOf {
  template <typename Value>
  __device__ Value operator()(Value a, Value b) const {
    return min_of(a, b);
  }
};

// Integer division that rounds down (by zero it gives 0), and its remainder, which has the divisor's sign.
template <typename Integer>
__device__ inline Integer floor_div(Integer a, Integer b) {
  if (b == 0) return 0;
  const Integer quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
template <typename Integer>
__device__ inline Integer floor_mod(Integer a, Integer b) {
  return a - floor_div(a, b) * b;
}

// Towards zero; what does not fit becomes the nearest integer that does, NaN becomes 0.
__device__ inline int to_int(float x) { return __float2int_rz(x); }

// A number's exponent field: 0 for zeros (and what counts as zero), 255 for what is not finite.
__device__ inline int exponent_field(float x) { return __float_as_int(x) >> 23 & 0xFF; }

// x = mantissa2(x) * 2^exponent2(x), the mantissa in [0.5, 1).
__device__ inline int exponent2(float x) {
  const int field = exponent_field(x);
  return field == 0 || field == 0xFF ? 0 : field - 126;
}
__device__ inline float mantissa2(float x) {
  const int bits = __float_as_int(x), field = exponent_field(x);
  if (field == 0) return __int_as_float(bits & int(0x80000000));
  return field == 0xFF ? x : __int_as_float((bits & int(0x807FFFFF)) | 126 << 23);
}

// x * 2^power by exponent arithmetic: exact for normal results, infinite above, zero below.
__device__ inline float scale2(float x, int power) {
  const int bits = __float_as_int(x), sign = bits & int(0x80000000), field = exponent_field(x);
  power = max_of(min_of(power, 1024), -1024);
  if (field == 0xFF) return x;
  if (field == 0 || field + power <= 0) return __int_as_float(sign);
  if (field + power >= 0xFF) return __int_as_float(sign | 0x7F800000);
  return __int_as_float(bits + power * (1 << 23));
}

__device__ inline float infinity() { return __int_as_float(0x7F800000); }
__device__ inline float not_a_number() { return __int_as_float(0x7FC00000); }

// The bfloat16 nearest to x, ties to even, as a float.
__device__ inline float nearest_bfloat16(float x) {
  if (x != x) return not_a_number();
  const uint32 bits = uint32(__float_as_int(x));
  return __int_as_float(int((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u));
}
// One in memory: the upper half of a float. What is stored is one already.
struct bfloat16 {
  unsigned short bits;
  bfloat16() = default;
  __device__ explicit bfloat16(float x) : bits((unsigned short)(uint32(__float_as_int(x)) >> 16)) {}
  __device__ explicit operator float() const { return __int_as_float(int(uint32(bits) << 16)); }
};

// The seed's halves lie in the scalars buffer bit for bit.
__device__ inline uint64 seed_of(float low, float high) {
  return uint64(uint32(__float_as_int(high))) << 32 | uint32(__float_as_int(low));
}

// The element of a draw that belongs to a row of the data.
__device__ inline uint64 of_row(uint64 element, int row) {
  return uint64(uint32(row)) << 32 | uint32(element);
}

// Uniform on the multiples of 2^-24 in [0, 1): Philox4x32-10 with key = seed, counter = (element, step,
// stream).
__device__ inline float uniform(uint64 seed, uint64 element, uint32 step, uint32 stream) {
  uint32 a = uint32(element), b = uint32(element >> 32), c = step, d = stream;
  uint32 key0 = uint32(seed), key1 = uint32(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint64 product0 = uint64(0xD2511F53u) * a;
    const uint64 product1 = uint64(0xCD9E8D57u) * c;
    a = uint32(product1 >> 32) ^ b ^ key0;
    b = uint32(product1);
    c = uint32(product0 >> 32) ^ d ^ key1;
    d = uint32(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return float(a >> 8) * 0x1p-24f;
}
