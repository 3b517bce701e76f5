// The frame of a kernel: names, header comment, sizes, buffers, and which point of the parallel nest a thread
// works on.
#include "codegen/cuda/emit_cuda.h"

#include "codegen/cuda/kernel_emitter.h"
#include "codegen/cuda/prelude_text.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <limits>
#include <sstream>

namespace striate {

static constexpr int kWarp = 32;
// What a block can have on sm_90, in bytes.
static constexpr int64_t kMostSharedBytes = 227 * 1024;
static constexpr int64_t kSharedBytesOfABlock = 1024; // that it has besides
// Of a multiprocessor, and the threads that keep one busy whose terms are independent.
static constexpr int64_t kRegisters = 64 * 1024, kEnoughThreads = 512;
// What leaves room for several blocks at once.
static constexpr int64_t kSharedBytesOfSeveral = 48 * 1024;
static constexpr int kMostThreadsOfGroups = 256;
static constexpr int64_t kEnoughBlocks = 4 * 132; // four for each multiprocessor of an H200

// What a kernel's own names must not be: C++'s words, CUDA's, the prelude's, and those of the frame.
static constexpr const char* kReservedWords = R"(
  alignas alignof and asm auto bool break case catch char class const constexpr continue default delete do double
  else enum explicit export extern false float for friend goto if inline int long mutable namespace new not operator
  or private protected public register return short signed sizeof static struct switch template this throw true try
  typedef typeid typename union unsigned using virtual void volatile while xor
  threadIdx blockIdx blockDim gridDim abs fabsf floorf rintf sqrtf fmaf
  uint8 uint32 uint64 int64 kLanes shared_memory lane_mask sync_lanes copy copy4 fill fill4 wait_for_copies fold_lanes
  max_of min_of SumOf ProductOf MaxOf MinOf floor_div floor_mod to_int exponent_field exponent2 mantissa2 scale2
  bfloat16 nearest_bfloat16 infinity not_a_number seed_of uniform
  arena scalars examples begin end groups group item seed step)";

static bool is_reserved(const std::string& name) {
  static const std::set<std::string> words = [] {
    std::istringstream text(kReservedWords);
    return std::set<std::string>(std::istream_iterator<std::string>(text), {});
  }();
  return words.count(name) > 0;
}

// An identifier like `name` that is neither reserved nor taken, and taken from now on.
static std::string identifier(const std::string& name, std::set<std::string>& taken) {
  std::string text;
  for (unsigned char character : name) {
    const char next = std::isalnum(character) ? static_cast<char>(character) : '_';
    if (next != '_' || (!text.empty() && text.back() != '_')) text += next;
  }
  while (!text.empty() && text.back() == '_') text.pop_back();
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) text.insert(0, 1, '_');
  // v0, v1, ...: the values of a statement.
  const bool numbered =
      text[0] == 'v' && text.size() > 1 &&
      std::all_of(text.begin() + 1, text.end(), [](unsigned char c) { return std::isdigit(c); });
  if (numbered) text += "_";
  std::string unique = text;
  for (int number = 2; is_reserved(unique) || !taken.insert(unique).second; ++number)
    unique = fmt::format("{}_{}", text, number);
  return unique;
}

// Registers that a thread of a block needs: results and terms, addresses, and those of copies that go element
// by element, of which a few are worth computing again.
static int64_t registers_of(const Kernel& kernel) {
  constexpr int64_t kAddresses = 48, kCopiesWithin = 8, kOfACopy = 4;
  const auto points = [&](const std::vector<int>& axes) {
    int64_t count = 1;
    for (int axis : axes)
      if (axis != kernel.threads()) count *= kernel.variables[axis].extent.factor;
    return count;
  };
  int64_t values = 0, copies = 0;
  visit_statements(kernel.body, [&](const KernelStatement& statement) {
    if (statement.kind == KernelStatement::Kind::Accumulate) {
      values = points(kernel.tiles[statement.tile].axes);
      visit(statement.value, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Tile) values += points(kernel.tiles[e->operand].axes);
      });
    }
    if (statement.kind == KernelStatement::Kind::Copy && copied_together(kernel, statement) == 1)
      copies = std::max(copies, points(statement.axes));
  });
  return values + kAddresses + kOfACopy * std::max<int64_t>(0, copies - kCopiesWithin);
}

CudaLaunch cuda_launch(const Program& program, std::size_t number) {
  const Kernel& kernel = program.kernels[number];
  CudaLaunch launch;
  launch.lanes = kernel.lane() >= 0 ? static_cast<int>(kLanes) : 1;
  if (kernel.threads() >= 0)
    launch.lanes = static_cast<int>(kernel.variables[kernel.threads()].extent.factor);
  for (const KernelBuffer& buffer : kernel.buffers) {
    const bool scratch = buffer.space == BufferSpace::Scratch;
    launch.scratch.push_back(scratch ? launch.group_bytes : -1);
    if (scratch) launch.group_bytes += (buffer.elements * byte_size(buffer.type) + 15) / 16 * 16;
  }
  if (kernel.threads() >= 0) { // the block that the schedule made
    const int64_t by_registers = kRegisters / (registers_of(kernel) * launch.threads());
    const int64_t by_memory =
        kMostSharedBytes / std::max<int64_t>(1, launch.group_bytes + kSharedBytesOfABlock);
    launch.at_once = static_cast<int>(
        std::max<int64_t>(1, std::min({by_registers, by_memory, kEnoughThreads / launch.threads()})));
    return launch;
  }
  // A block is a warp, or the part of one that the shared memory is enough for.
  launch.groups = kWarp / launch.lanes;
  while (launch.groups > 1 && launch.shared_bytes() > kMostSharedBytes) launch.groups /= 2;
  // More warps share a block where the device's multiprocessors have blocks enough all the same: a
  // multiprocessor holds only so many blocks, and neighbours read the same lines of memory.
  int64_t extent = parallel_extent(kernel, program.capacity);
  for (const KernelLoop& loop : program.loops)
    if (number >= loop.first && number < loop.first + loop.count) extent /= loop.steps;
  while (launch.threads() < kMostThreadsOfGroups && 2 * launch.shared_bytes() <= kSharedBytesOfSeveral &&
         launch.blocks(extent) >= 2 * kEnoughBlocks)
    launch.groups *= 2;
  return launch;
}

std::vector<std::string> cuda_names(const Program& program) {
  // A kernel is a C function: bare, a value's name (`tanh`, `div`, `y1`) could be one of the C library's.
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (const Kernel& kernel : program.kernels) names.push_back(identifier(kernel.name + ".kernel", taken));
  return names;
}

Result<std::string> cuda_text(const Program& program) {
  std::string text(kCudaPrelude);
  const std::vector<std::string> names = cuda_names(program);
  for (size_t k = 0; k < program.kernels.size(); ++k) {
    const Kernel& kernel = program.kernels[k];
    const CudaLaunch launch = cuda_launch(program, k);
    if (launch.shared_bytes() > kMostSharedBytes)
      return Failure{ExitCode::OutOfMemory,
                     fmt::format("kernel {}: {} bytes of scratch, a CUDA block can have {}", kernel.name,
                                 launch.shared_bytes(), kMostSharedBytes)};
    text += '\n';
    text += KernelEmitter(program, k, names[k]).emit();
  }
  return text;
}

KernelEmitter::KernelEmitter(const Program& program, std::size_t number, const std::string& name)
    : program_(program), kernel_(program.kernels[number]), name_(name), launch_(cuda_launch(program, number)),
      lane_(std::max(kernel_.lane(), kernel_.threads())), barriers_(lane_barriers(kernel_)) {}

void KernelEmitter::line(const std::string& text) {
  if (text[0] == '}') --depth_;
  text_.append(text.empty() ? 0 : 2 * static_cast<size_t>(depth_), ' ');
  text_ += text + "\n";
  if (text.back() == '{') ++depth_;
}

void KernelEmitter::name_everything() {
  std::set<std::string> taken;
  for (const KernelVariable& variable : kernel_.variables) {
    variables_.push_back(identifier(variable.name, taken));
    for (const char* part : {"_size", "_step", "_count", "_first"}) taken.insert(variables_.back() + part);
  }
  for (const KernelBuffer& buffer : kernel_.buffers) buffers_.push_back(identifier(buffer.name, taken));
  for (const KernelTile& tile : kernel_.tiles) tiles_.push_back(identifier(tile.name, taken));
}

// A bound of the expression's absolute value; `largest` becomes one of every part of it.
static int64_t magnitude(const IndexExpr& e, const std::function<Interval(int)>& range_of, int64_t& largest) {
  int64_t sum = std::abs(e.constant());
  for (const IndexExpr::Term& term : e.terms()) {
    int64_t value = 0;
    if (term.kind == IndexExpr::TermKind::Variable) {
      const Interval range = range_of(term.variable);
      value = std::max(std::abs(range.low), std::abs(range.high));
    } else {
      const int64_t operand = magnitude(*term.operand, range_of, largest);
      largest = std::max(largest, term.divisor);
      // Quotients round down: of -1 it is -1.
      value = term.kind == IndexExpr::TermKind::Quotient ? operand / term.divisor + 1 : term.divisor;
    }
    sum += std::abs(term.coefficient) * value;
  }
  largest = std::max(largest, sum);
  return sum;
}

bool KernelEmitter::needs_wide_index() const {
  int64_t largest = parallel_extent(kernel_, program_.capacity) + launch_.groups;
  auto see = [&](const IndexExpr& e) {
    magnitude(
        e, [this](int variable) { return range_of(variable); }, largest);
  };
  for (const KernelVariable& variable : kernel_.variables)
    largest = std::max(largest, variable.extent.at(program_.capacity) + variable.step);
  visit_statements(kernel_.body, [&](const KernelStatement& statement) {
    see(statement.offset);
    if (statement.bound) see(*statement.bound);
    for (const ExprRef& root : expressions_of(statement))
      visit(root, [&](const ExprRef& e) { std::for_each(e->indices.begin(), e->indices.end(), see); });
  });
  return largest > std::numeric_limits<int32_t>::max();
}

KernelEmitter::Draws KernelEmitter::draws() const {
  Draws found;
  visit_statements(kernel_.body, [&](const KernelStatement& statement) {
    for (const ExprRef& root : expressions_of(statement))
      visit(root, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Random) (e->arguments.empty() ? found.by_step : found.by_row) = true;
      });
  });
  return found;
}

std::string KernelEmitter::emit() {
  name_everything();
  index_type_ = needs_wide_index() ? "int64" : "int";
  comment();
  const std::string bounds = launch_.at_once > 0 ? fmt::format("{}, {}", launch_.threads(), launch_.at_once)
                                                 : fmt::format("{}", launch_.threads());
  line(fmt::format("extern \"C\" __global__ void __launch_bounds__({})", bounds));
  line(fmt::format(
      "{}(char* arena, const float* scalars, long long examples, long long begin, long long end) {{", name_));
  prologue();
  text_ += '\n';
  body(*parallel_nest(kernel_).body);
  line("}");
  CHECK(depth_ == 0);
  return std::move(text_);
}

void KernelEmitter::comment() {
  for (size_t begin = 0; begin < kernel_.comment.size();) {
    const size_t end = std::min(kernel_.comment.find('\n', begin), kernel_.comment.size());
    line("// " + kernel_.comment.substr(begin, end - begin));
    begin = end + 1;
  }
  if (kernel_.location.known()) line("// from " + kernel_.location.text());
  std::string parallel;
  for (int v : parallel_nest(kernel_).variables) {
    const KernelVariable& variable = kernel_.variables[v];
    parallel +=
        fmt::format("{}{} below {}", parallel.empty() ? "" : ", ", variables_[v], variable.extent.text());
    if (variable.step != 1) parallel += fmt::format(" by {}", variable.step);
  }
  if (parallel.empty()) parallel = "nothing";
  if (kernel_.threads() >= 0) {
    line(fmt::format("// schedule: parallel over {}; a block is {} threads", parallel, launch_.threads()));
    line(fmt::format("// shared memory: {} bytes; {} blocks at once", launch_.shared_bytes(),
                     launch_.at_once));
  } else {
    line(fmt::format("// schedule: parallel over {}; a block is {} x {} lanes", parallel, launch_.groups,
                     launch_.lanes));
  }
  if (kernel_.threads() < 0 && launch_.group_bytes > 0)
    line(
        fmt::format("// shared memory: {} bytes, {} per group", launch_.shared_bytes(), launch_.group_bytes));
  std::string flops;
  if (kernel_.flops_per_example > 0) flops = fmt::format("{} per example", kernel_.flops_per_example);
  if (kernel_.flops_fixed > 0)
    flops += fmt::format("{}{} fixed", flops.empty() ? "" : ", ", kernel_.flops_fixed);
  if (!flops.empty()) line("// FLOPs: " + flops);
  std::string bytes;
  for (size_t b = 0; b < kernel_.buffers.size(); ++b) {
    const KernelBuffer& buffer = kernel_.buffers[b];
    if (buffer.space == BufferSpace::Memory)
      bytes += fmt::format("{}{} {}", bytes.empty() ? "" : ", ", buffers_[b],
                           buffer.elements * byte_size(buffer.type));
  }
  if (!bytes.empty()) line(fmt::format("// bytes, at capacity {}: {}", program_.capacity, bytes));
}

void KernelEmitter::prologue() {
  sizes();
  coordinates();
  buffers();
  if (const Draws random = draws(); random.by_step || random.by_row) {
    line(fmt::format("const uint64 seed = seed_of(scalars[{}], scalars[{}]);", slot("seed.low"),
                     slot("seed.high")));
    if (random.by_step) line(fmt::format("const uint32 step = uint32(scalars[{}]);", slot("step")));
    if (random.by_row) line(fmt::format("const uint32 epoch = uint32(scalars[{}]);", slot("epoch")));
  }
  declare_tiles();
}

void KernelEmitter::sizes() {
  if (launch_.groups > 1)
    line(fmt::format("constexpr int groups = {}; // of lanes, in a block", launch_.groups));
  const std::vector<int> parallel = parallel_nest(kernel_).variables;
  for (int v = 0; v < static_cast<int>(kernel_.variables.size()); ++v) {
    const KernelVariable& variable = kernel_.variables[v];
    if (variable.kind == VariableKind::Lane || variable.kind == VariableKind::Thread) continue;
    // How far the outermost parallel one goes is the caller's business.
    const bool outermost = !parallel.empty() && v == parallel[0];
    if (outermost && !variable.overlap) {
      if (stepped(v)) line(fmt::format("constexpr int {} = {};", step_name(v), variable.step));
      continue;
    }
    const Size size = variable.extent;
    const std::string factor = size.factor == 1 ? "" : fmt::format("{} * ", size.factor);
    const std::string value =
        size.batch ? fmt::format("{}{}(examples)", factor, index_type_) : fmt::format("{}", size.factor);
    const std::string qualifier = size.batch ? fmt::format("const {}", index_type_) : "constexpr int";
    std::string text = fmt::format("{} {} = {}", qualifier, size_name(v), value);
    if (stepped(v)) text += fmt::format(", {} = {}", step_name(v), variable.step);
    if (stepped(v) && !outermost && std::find(parallel.begin(), parallel.end(), v) != parallel.end())
      text +=
          fmt::format(", {} = ({} + {} - 1) / {}", count_name(v), size_name(v), step_name(v), step_name(v));
    line(text + ";");
  }
}

void KernelEmitter::coordinates() {
  const ParallelNest nest = parallel_nest(kernel_);
  std::string thread = "int(threadIdx.x)";
  if (kernel_.threads() >= 0)
    line(fmt::format("const {} {} = {};", index_type_, variables_[lane_], thread));
  else if (lane_ >= 0) {
    line(fmt::format("const {} {} = int(threadIdx.x) % kLanes;", index_type_, variables_[lane_]));
    thread = "int(threadIdx.x) / kLanes";
  }
  if (launch_.groups > 1) line(fmt::format("const int group = {};", thread));
  line(fmt::format("const {0} item = {0}(begin) + {0}(blockIdx.x){1};", index_type_,
                   launch_.groups > 1 ? " * groups + group" : ""));
  auto count = [&](int v) { return stepped(v) ? count_name(v) : size_name(v); };
  line("if (item >= end) return;");
  // The innermost parallel loop is the lowest digit of `item`.
  std::string below;
  for (size_t i = nest.variables.size(); i-- > 0;) {
    const int v = nest.variables[i];
    std::string value = "item";
    if (nest.variables.size() - i == 2) value += fmt::format(" / {}", below);
    if (nest.variables.size() - i > 2) value += fmt::format(" / ({})", below);
    if (i > 0) value += fmt::format(" % {}", count(v));
    if (stepped(v)) value += fmt::format(" * {}", step_name(v));
    if (kernel_.variables[v].overlap)
      value = fmt::format("min_of<{}>({}, {} - {})", index_type_, value, size_name(v), step_name(v));
    line(fmt::format("const {} {} = {};", index_type_, variables_[v], value));
    below = below.empty() ? count(v) : fmt::format("{} * {}", count(v), below);
  }
}

void KernelEmitter::buffers() {
  std::set<int> stored;
  visit_statements(kernel_.body, [&](const KernelStatement& statement) {
    if (statement.kind == KernelStatement::Kind::Store || statement.kind == KernelStatement::Kind::Copy)
      stored.insert(statement.buffer);
  });
  for (size_t b = 0; b < kernel_.buffers.size(); ++b) {
    const KernelBuffer& buffer = kernel_.buffers[b];
    const std::string type =
        fmt::format("{}{}*", stored.count(static_cast<int>(b)) ? "" : "const ", cuda_type(buffer.type));
    std::string place;
    if (buffer.space == BufferSpace::Memory)
      place = fmt::format("arena + {}", buffer.offset);
    else
      place = launch_.groups > 1
                  ? fmt::format("shared_memory + group * {} + {}", launch_.group_bytes, launch_.scratch[b])
                  : fmt::format("shared_memory + {}", launch_.scratch[b]);
    line(fmt::format("{0} const {1} = reinterpret_cast<{0}>({2});", type, buffers_[b], place));
  }
}

} // namespace striate
