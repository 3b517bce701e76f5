// The host shim: runs the very text that NVRTC compiles on the CPU, to test it without a GPU. Put before the
// text
// (-include host_shim.h), compiled for the host as a shared library, entered by shim_launch at the end.
//
// Every CUDA thread of a block is a fiber. A thread runs until it meets others (__syncwarp, a shuffle,
// __syncthreads); blocks run one after another. The order of threads and blocks is the caller's choice: a
// kernel is sound only if all orders give the same bits. Shared memory starts as NaN in every block. A copy
// into it happens when its thread waits for copies, and leaves NaN there until then. Found at run time and
// reported: threads that meet at different places or never, and shared memory written beyond
// what the launch asked for.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#include <ucontext.h>
#endif

#define __global__ __attribute__((visibility("default")))
#define __device__
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define STRIATE_HOST_SHIM 1

struct Dimensions {
  unsigned x = 1, y = 1, z = 1;
};
static Dimensions threadIdx, blockIdx, blockDim, gridDim;

static constexpr unsigned kShimSharedBytes = 227 * 1024; // the most that a block can have on sm_90
static constexpr unsigned kShimSharedGuard = 4096;       // checked for stores past the end
alignas(16) char shared_memory[kShimSharedBytes + kShimSharedGuard];

// --- Fibers: a stack each, and a switch that saves what the calling convention keeps.

#if defined(__x86_64__)
using FiberContext = void*; // the stack pointer
extern "C" void shim_switch(FiberContext* save, FiberContext load);
asm(R"(
.text
.type shim_switch, @function
shim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
static void prepare(FiberContext* context, char* stack, size_t bytes, void (*entry)()) {
  void** top = reinterpret_cast<void**>(stack + bytes);
  *--top = nullptr; // where entry would return to; it never does
  *--top = reinterpret_cast<void*>(entry);
  *context = top - 6;
}
static void switch_to(FiberContext* save, FiberContext* load) { shim_switch(save, *load); }
#elif defined(__aarch64__)
using FiberContext = void*;
extern "C" void shim_switch(FiberContext* save, FiberContext load);
asm(R"(
.text
.type shim_switch, %function
shim_switch:
  stp d8, d9, [sp, #-160]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  stp x19, x20, [sp, #64]
  stp x21, x22, [sp, #80]
  stp x23, x24, [sp, #96]
  stp x25, x26, [sp, #112]
  stp x27, x28, [sp, #128]
  stp x29, x30, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp d10, d11, [sp, #16]
  ldp d12, d13, [sp, #32]
  ldp d14, d15, [sp, #48]
  ldp x19, x20, [sp, #64]
  ldp x21, x22, [sp, #80]
  ldp x23, x24, [sp, #96]
  ldp x25, x26, [sp, #112]
  ldp x27, x28, [sp, #128]
  ldp x29, x30, [sp, #144]
  ldp d8, d9, [sp], #160
  ret
)");
static void prepare(FiberContext* context, char* stack, size_t bytes, void (*entry)()) {
  char* top = stack + bytes - 160;
  memset(top, 0, 160);
  memcpy(top + 152, &entry, sizeof entry); // x30, where the switch returns to
  *context = top;
}
static void switch_to(FiberContext* save, FiberContext* load) { shim_switch(save, *load); }
#else
using FiberContext = ucontext_t;
static void prepare(FiberContext* context, char* stack, size_t bytes, void (*entry)()) {
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = bytes;
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
}
static void switch_to(FiberContext* save, FiberContext* load) { swapcontext(save, load); }
#endif

// --- Threads of a block.

using ShimKernel = void (*)(char* arena, const float* scalars, long long examples, long long begin,
                            long long end);

static constexpr unsigned kShimThreads = 1024;
static constexpr unsigned kShimStackBytes = 128 * 1024;
static constexpr unsigned kShimGuardBytes = 64 * 1024; // never mapped: an overrun faults

struct ShimThread {
  enum State { Ready, Waiting, Done } state = Ready;
  FiberContext context;
  // The threads it waits for, all of [first, first + 32) whose bit is set, or the whole block; and where.
  unsigned first = 0, mask = 0;
  bool whole_block = false;
  int line = 0;
  bool released = false;
  // What it shows to shuffles. Two, since a thread may come to the next shuffle before others have read this
  // one.
  unsigned shown[2] = {0, 0};
  unsigned shuffles = 0;
  // Copies that it has not waited for.
  struct Copy {
    void* target;
    const void* source;
    unsigned bytes;
  };
  static constexpr unsigned kMostCopies = 256;
  Copy copies[kMostCopies];
  unsigned copy_count = 0;
};
static ShimThread shim_threads[kShimThreads];
static FiberContext shim_scheduler;
static ShimKernel shim_kernel;
static char* shim_arena;
static const float* shim_scalars;
static long long shim_examples, shim_begin, shim_end;
static char shim_message[256];

static ShimThread& shim_self() { return shim_threads[threadIdx.x]; }

static void shim_fiber() {
  shim_kernel(shim_arena, shim_scalars, shim_examples, shim_begin, shim_end);
  shim_self().state = ShimThread::Done;
  switch_to(&shim_self().context, &shim_scheduler);
}

// Not inlined: nothing that other threads change may be kept in registers across it.
__attribute__((noinline)) static void shim_meet(bool whole_block, unsigned mask, int line) {
  ShimThread& self = shim_self();
  self.first = threadIdx.x & ~31u;
  self.mask = mask;
  self.whole_block = whole_block;
  self.line = line;
  self.state = ShimThread::Waiting;
  switch_to(&self.context, &shim_scheduler);
  asm volatile("" ::: "memory");
}

#define __syncthreads() shim_meet(true, 0, __LINE__)
#define __syncwarp(mask) shim_meet(false, mask, __LINE__)

template <typename Value>
static Value shim_shuffle(unsigned mask, Value value, unsigned source_lane, int line) {
  static_assert(sizeof(Value) <= sizeof(unsigned));
  ShimThread& self = shim_self();
  const unsigned slot = self.shuffles++ % 2;
  memcpy(&self.shown[slot], &value, sizeof value);
  shim_meet(false, mask, line);
  memcpy(&value, &shim_threads[self.first + source_lane].shown[slot], sizeof value);
  return value;
}
template <typename Value>
static Value shim_shuffle_down(unsigned mask, Value value, unsigned distance, unsigned width, int line) {
  const unsigned lane = threadIdx.x & 31u;
  const bool inside = lane % width + distance < width;
  return shim_shuffle(mask, value, inside ? lane + distance : lane, line);
}
#define __shfl_down_sync(mask, value, distance, width)                                                       \
  shim_shuffle_down(mask, value, distance, width, __LINE__)
#define __shfl_sync(mask, value, source, width)                                                              \
  shim_shuffle(mask, value, (threadIdx.x & 31u) / (width) * (width) + (source) % (width), __LINE__)

static void shim_copy(void* target, const void* source, unsigned bytes) {
  ShimThread& self = shim_self();
  const unsigned long long places[] = {reinterpret_cast<unsigned long long>(target),
                                       reinterpret_cast<unsigned long long>(source)};
  if ((places[0] | places[1]) % bytes != 0 || self.copy_count == ShimThread::kMostCopies) {
    if (!*shim_message)
      snprintf(shim_message, sizeof shim_message, "block %u: thread %u copies %s", blockIdx.x, threadIdx.x,
               self.copy_count == ShimThread::kMostCopies ? "more than 256 times without waiting"
                                                          : "to or from an address that is not aligned");
    return;
  }
  memset(target, 0xFF, bytes);
  self.copies[self.copy_count++] = {target, source, bytes};
}
template <typename Value>
static void copy(Value* target, const Value* source) {
  shim_copy(target, source, sizeof(Value));
}
template <typename Value>
static void copy4(Value* target, const Value* source) {
  shim_copy(target, source, 4 * sizeof(Value));
}
static void wait_for_copies() {
  ShimThread& self = shim_self();
  for (unsigned c = 0; c < self.copy_count; ++c)
    memcpy(self.copies[c].target, self.copies[c].source, self.copies[c].bytes);
  self.copy_count = 0;
  asm volatile("" ::: "memory");
}

static inline float __int_as_float(int bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static inline int __float2int_rz(float value) {
  if (value != value) return 0;
  if (value >= 0x1p31f) return 0x7FFFFFFF;
  return value <= -0x1p31f ? -0x7FFFFFFF - 1 : static_cast<int>(value);
}
static inline int __float_as_int(float value) {
  int bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// --- The scheduler.

static bool shim_waits_for(const ShimThread& thread, unsigned other) {
  if (thread.whole_block) return true;
  return other >= thread.first && other < thread.first + 32 &&
         (thread.mask >> (other - thread.first) & 1) != 0;
}

static bool shim_same_place(const ShimThread& a, const ShimThread& b) {
  if (a.whole_block != b.whole_block || a.line != b.line) return false;
  return a.whole_block || (a.first == b.first && a.mask == b.mask);
}

// The thread that keeps `waiting` from going on, or -1.
static int shim_missing(const ShimThread& waiting) {
  for (unsigned other = 0; other < blockDim.x; ++other)
    if (shim_waits_for(waiting, other) &&
        (shim_threads[other].state != ShimThread::Waiting || !shim_same_place(waiting, shim_threads[other])))
      return static_cast<int>(other);
  return -1;
}

static unsigned shim_common_divisor(unsigned a, unsigned b) {
  return b == 0 ? a : shim_common_divisor(b, a % b);
}

// The index-th thread or block of `count`: forward, reverse, or with a stride that visits each of them once.
static unsigned shim_ordered(unsigned index, unsigned count, int order) {
  if (order == 0) return index;
  if (order == 1) return count - 1 - index;
  unsigned long long stride = 7;
  while (shim_common_divisor(static_cast<unsigned>(stride), count) != 1) stride += 2;
  return static_cast<unsigned>(index * stride % count);
}

// Runs the block in blockIdx to its end; false with a message where it cannot.
static bool shim_run_block(unsigned shared_bytes, int order, char* stacks) {
  memset(shared_memory, 0xFF, shared_bytes + kShimSharedGuard); // NaN in every float type
  for (unsigned t = 0; t < blockDim.x; ++t) {
    shim_threads[t].state = ShimThread::Ready;
    shim_threads[t].shuffles = 0;
    shim_threads[t].copy_count = 0;
    char* stack = stacks + size_t{t} * (kShimStackBytes + kShimGuardBytes) + kShimGuardBytes;
    prepare(&shim_threads[t].context, stack, kShimStackBytes, shim_fiber);
  }
  for (bool progress = true; progress;) {
    progress = false;
    for (unsigned i = 0; i < blockDim.x; ++i) {
      threadIdx.x = shim_ordered(i, blockDim.x, order);
      if (shim_self().state != ShimThread::Ready) continue;
      progress = true;
      switch_to(&shim_scheduler, &shim_self().context);
    }
    for (unsigned t = 0; t < blockDim.x; ++t) {
      ShimThread& thread = shim_threads[t];
      thread.released = thread.state == ShimThread::Waiting && shim_missing(thread) < 0;
    }
    for (unsigned t = 0; t < blockDim.x; ++t)
      if (shim_threads[t].released) shim_threads[t].state = ShimThread::Ready;
  }
  for (unsigned t = 0; t < blockDim.x; ++t) {
    if (shim_threads[t].state != ShimThread::Waiting) continue;
    const int missing = shim_missing(shim_threads[t]);
    const ShimThread& other = shim_threads[missing];
    char where[64] = "has left the kernel";
    if (other.state == ShimThread::Waiting) snprintf(where, sizeof where, "waits at line %d", other.line);
    snprintf(shim_message, sizeof shim_message,
             "block %u: thread %u waits at line %d for thread %d, which %s", blockIdx.x, t,
             shim_threads[t].line, missing, where);
    return false;
  }
  if (*shim_message) return false;
  for (unsigned byte = shared_bytes; byte < shared_bytes + kShimSharedGuard; ++byte)
    if (static_cast<unsigned char>(shared_memory[byte]) != 0xFF) {
      snprintf(shim_message, sizeof shim_message, "block %u: shared memory written at byte %u of %u",
               blockIdx.x, byte, shared_bytes);
      return false;
    }
  return true;
}

// Denormals count as zero, as on the device; the caller's mode comes back.
struct ShimFlushDenormals {
#if defined(__x86_64__)
  const unsigned saved = _mm_getcsr();
  ShimFlushDenormals() { _mm_setcsr(saved | 0x8040); }
  ~ShimFlushDenormals() { _mm_setcsr(saved); }
#elif defined(__aarch64__)
  unsigned long saved;
  ShimFlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved));
    asm volatile("msr fpcr, %0" ::"r"(saved | 1ul << 24));
  }
  ~ShimFlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved)); }
#endif
};

// The threads' stacks, kept from launch to launch.
static struct ShimStacks {
  static constexpr size_t kBytes = size_t{kShimThreads} * (kShimStackBytes + kShimGuardBytes);
  char* memory = nullptr;
  unsigned threads = 0; // that have one

  bool reserve(unsigned wanted) {
    if (!memory) {
      void* taken = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (taken == MAP_FAILED) return false;
      memory = static_cast<char*>(taken);
    }
    for (; threads < wanted; ++threads)
      if (mprotect(memory + size_t{threads} * (kShimStackBytes + kShimGuardBytes) + kShimGuardBytes,
                   kShimStackBytes, PROT_READ | PROT_WRITE) != 0)
        return false;
    return true;
  }
  ~ShimStacks() {
    if (memory) munmap(memory, kBytes);
  }
} shim_stacks;

// Runs one launch; returns nullptr, or what went wrong. `order` is a ThreadOrder. One launch at a time.
extern "C" __attribute__((visibility("default"))) const char*
shim_launch(ShimKernel kernel, char* arena, const float* scalars, long long examples, long long begin,
            long long end, unsigned blocks, unsigned threads, unsigned shared_bytes, int order) {
  const ShimFlushDenormals flush;
  if (threads > kShimThreads) return "more than 1024 threads in a block";
  if (shared_bytes > kShimSharedBytes) return "more shared memory than a block can have";
  if (!shim_stacks.reserve(threads)) return "no memory for the threads' stacks";
  shim_kernel = kernel;
  shim_arena = arena;
  shim_scalars = scalars;
  shim_examples = examples;
  shim_begin = begin;
  shim_end = end;
  gridDim.x = blocks;
  blockDim.x = threads;
  bool sound = true;
  *shim_message = 0;
  for (unsigned b = 0; b < blocks && sound; ++b) {
    blockIdx.x = shim_ordered(b, blocks, order);
    sound = shim_run_block(shared_bytes, order, shim_stacks.memory);
  }
  return sound ? nullptr : shim_message;
}
