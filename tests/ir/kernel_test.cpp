#include "kernel_text.h"

#include <functional>

namespace striate {
namespace {

TEST(Kernel, TextReadsBack) { EXPECT_EQ(print(parsed_kernel(kKernel)), kKernel); }

TEST(Kernel, PlacesOfDataReadBack) {
  const std::string text = R"(kernel moved {
  memory x: f32[64] at 0
  memory dy: i32[16] at 256
  memory y: f32[64] at 320
  axes lane: 16 lanes
  tile moved[lane]
  for c: 0..4 {
    moved[lane] = (load x[@(16 * load dy[lane]) + lane + 16*c] if 0 <= load dy[lane] and load dy[lane] <= 3 else 0)
    store y[lane + 16*c] = moved over (lane)
  }
}
)";
  EXPECT_EQ(print(parsed_kernel(text)), text);
}

TEST(Kernel, ReadingKeepsWhatWasWritten) {
  Kernel kernel = parsed_kernel(kKernel);
  EXPECT_EQ(kernel.location.line, 7);
  EXPECT_EQ(kernel.comment, "conv1 = conv2d : f32[N,20,4,4]\nnet.nn:7:9\n");
  EXPECT_EQ(kernel.flops_per_example, 23040);
  EXPECT_EQ(kernel.variables[kernel.lane()].name, "lane");
  EXPECT_EQ(kernel.buffers[4].space, BufferSpace::Scratch);
  EXPECT_EQ(kernel.buffers[3].offset, 230592);
  EXPECT_EQ(kernel.tiles[2].type, ScalarType::Int);
  ASSERT_EQ(kernel.body.size(), 1u);
  const KernelStatement& n = kernel.body[0];
  EXPECT_EQ(kernel.variables[n.variable].kind, VariableKind::Parallel);
  EXPECT_EQ(kernel.variables[n.variable].step, 16);
  EXPECT_TRUE(kernel.variables[n.variable].extent.batch);
}

TEST(Kernel, RangesFollowTheLoops) {
  Kernel kernel;
  int plain = kernel.add_variable({"i", VariableKind::Serial, Size::constant(20), 16, false});
  int overlapping = kernel.add_variable({"j", VariableKind::Serial, Size::constant(20), 16, true});
  int batch = kernel.add_variable({"n", VariableKind::Parallel, Size::n(), 16, false});
  int axis = kernel.add_variable({"l", VariableKind::Lane, Size::constant(16), 1, false});
  EXPECT_EQ(kernel.range_of(plain, 64), (Interval{0, 16}));
  EXPECT_EQ(kernel.range_of(overlapping, 64), (Interval{0, 4}));
  EXPECT_EQ(kernel.range_of(batch, 64), (Interval{0, 48}));
  EXPECT_EQ(kernel.range_of(batch, 65), (Interval{0, 64}));
  EXPECT_EQ(kernel.range_of(axis, 64), (Interval{0, 15}));
  EXPECT_EQ(kernel.lane(), axis);
}

// Names and numbers come from the passes that made the kernel; the text has its own.
TEST(Kernel, NamesAreMadeUniqueAndVariablesRenumbered) {
  Kernel kernel;
  kernel.name = "k-1";
  int inner = kernel.add_variable({"i", VariableKind::Serial, Size::constant(4), 1, false});
  int outer = kernel.add_variable({"i", VariableKind::Parallel, Size::constant(8), 1, false});
  int buffer = kernel.add_buffer({"i", ElementType::F32, BufferSpace::Memory, 32, 0});
  KernelStatement store;
  store.kind = KernelStatement::Kind::Store;
  store.buffer = buffer;
  store.offset = IndexExpr::variable(inner) + IndexExpr::variable(outer) * 4;
  store.value = constant(1);
  KernelStatement loops[2];
  loops[0].kind = loops[1].kind = KernelStatement::Kind::For;
  loops[0].variable = outer;
  loops[1].variable = inner;
  loops[1].body = {store};
  loops[0].body = {loops[1]};
  kernel.body = {loops[0]};
  ASSERT_TRUE(verify(kernel).empty());
  std::string text = print(kernel);
  EXPECT_NE(text.find("kernel \"k-1\" {"), std::string::npos) << text;
  EXPECT_NE(text.find("store i[4*i + i_1] = 1"), std::string::npos) << text;
  EXPECT_EQ(print(parsed_kernel(text)), text);
}

TEST(Kernel, ProgramsReadBack) {
  std::string text = "program \"Net.step\" capacity 64 arena 262144 scalars (\"N\", \"1/N\", \"step\")\n"
                     "input %image : f32[N,4,9] layout (d0/16, d1, d2, d0%16) offset 0\n"
                     "param %w : f32[8,9,4] layout (d0, d1, d2) offset 147456\n"
                     "state %\"w velocity\" : f32[1] layout (d0) offset 148608\n"
                     "output %loss : f32[] offset 148672\n"
                     "output %w : f32[N,20] layout (d0, d1) offset 148672\n"
                     "loop 1 count 1 steps 4 reverse\n\n" +
                     std::string(kKernel) + "\nkernel stepped {\n  parallel t: 0..4 {\n  }\n}\n";
  Result<Program> program = parse_program(text);
  ASSERT_TRUE(program.ok()) << program.failure().message;
  EXPECT_EQ(program->capacity, 64);
  EXPECT_EQ(program->scalars[1], "1/N");
  EXPECT_EQ(program->kernels.size(), 2u);
  ASSERT_EQ(program->values.size(), 5u);
  EXPECT_EQ(program->values[2].role, ProgramValue::Role::State);
  EXPECT_EQ(program->values[0].layout.digits[3].extent, Size::constant(16));
  EXPECT_EQ(print(*program), text);
}

TEST(Kernel, RulesOfPlacedValuesAreChecked) {
  const auto message = [](const std::string& values) {
    const auto program = parse_program("program \"p\" capacity 4 arena 64 scalars ()\n" + values, "p");
    return program.ok() ? "" : program.failure().message;
  };
  EXPECT_EQ(message("input %x : f32[N,4] layout (d0, d1) offset 0\noutput %x : f32[] offset 0\n"), "");
  EXPECT_EQ(message("input %x : f32[N,4] layout (d0, d1) offset 4\n"),
            "p:2: x ends beyond the arena's 64 bytes");
  EXPECT_EQ(message("input %x : f32[N,4] layout (d0, d1) offset 128\n"),
            "p:2: x ends beyond the arena's 64 bytes");
  EXPECT_EQ(message("param %x : f32[2000000000,2000000000,2000000000] layout (d0, d1, d2) offset 0\n"),
            "p:2: x ends beyond the arena's 64 bytes");
  EXPECT_EQ(message("input %x : f32[4] layout (d0) offset 2\n"), "p:2: x has the offset 2");
  EXPECT_EQ(message("input %x : f32[4] offset 0\n"), "p:2: the layout () of x does not cover dimension 0");
  EXPECT_EQ(message("input %x : f32[4,N] layout (d0, d1) offset 0\n"),
            "p:2: x has a batch size that is not outermost");
  EXPECT_EQ(message("input %x : f32[] offset 0\nstate %x : f32[] offset 0\n"), "p:3: a second value named x");
  EXPECT_EQ(message("input %x : f32[4] layout (d0) offset 0\nparam %w : f32[4] layout (d0) offset 12\n"),
            "p:3: x and w overlap in the arena");
  EXPECT_EQ(message("loop 0 count 1 steps 4\n"),
            "p:2: the loop at kernel 0 has kernels that are not there, or another's");
  EXPECT_EQ(message("loop 0 count 1 steps 4\nkernel k {\n  for t: 0..4 {\n  }\n}\n"),
            "p:2: the outermost parallel loop of kernel k does not count the 4 steps of its loop");
  EXPECT_EQ(message("input %x : f32[4] layout (d1) offset 0\n"), "p:2: `d1` is not a dimension of f32[4]");
}

// The first message about the text after one replacement, "" where it is sound.
std::string refusal(const std::string& from, const std::string& to) {
  std::string text = kKernel;
  std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  Result<Kernel> kernel = parse_kernel(text, "k");
  return kernel.ok() ? "" : kernel.failure().message;
}

TEST(Kernel, RulesAreChecked) {
  struct Case {
    const char* from;
    const char* to;
    const char* why;
  };
  const Case cases[] = {
      {"lane: 16 lanes", "lane: 8 lanes", "the lane axis lane has the extent 8, not 16"},
      {"s: 3\n", "s: 16 lanes\n", "s is a second lane axis"},
      {"s: 3\n", "s: N\n", "s is an axis or unrolled, its extent must be constant"},
      {"unroll r: 0..3", "unroll r: 0..N", "r is an axis or unrolled"},
      {"0..20 step 16 overlap", "0..10 step 16 overlap", "last overlaps, but its extent 10"},
      {"w: f32[288]", "w: f32[0]", "w has 0 elements"},
      {"at 147456", "at 147457", "w has the offset 147457"},
      {"    parallel o:", "    found[] = true\n    parallel o:",
       "the parallel loop o is not among the outermost"},
      {"for c: 0..4", "parallel c: 0..4", "the parallel loop c is not among the outermost"},
      {"step 3 until -o + 14", "step 3 overlap until -o + 14", "the loop q overlaps and has a bound"},
      {"parallel n: 0..N step 16 {", "parallel n: 0..N step 16 until 3 {", "the parallel loop n has a bound"},
      {"until -o + 14", "until -q + 14", "the bound of q depends on q, which is not there"},
      {"if 1 <= c {", "if 1 <= lane {", "the condition of an if depends on lane"},
      {"if 1 <= c {", "if c {", "the condition of an if is bool, its value is int"},
      {"sum[o.tile, lane] = 0", "sum[o.tile, lane] = load w[s]", "sum depends on s, which is not there"},
      {"sum[o.tile, lane] = 0", "sum[o.tile, lane] = true", "sum is real, its value is bool"},
      {"        sum[o.tile, lane] = 0\n", "", "sum is accumulated into before it is set"},
      {"over (s)", "over (lane)", "sum runs over something that is no new axis"},
      {"over (s)", "", "sum depends on s, which is not there"},
      {"found[] any=", "found[] max=", "found is bool, which does not accumulate by `max`"},
      {"best[o.tile, lane] max= load", "best[o.tile, lane] += load", "best keeps an index, but is neither"},
      {"index index_of[o.tile, lane] = q", "index best[o.tile, lane] = q",
       "the index tile best is not an int tile"},
      {"      index_of[o.tile, lane] = 0\n", "", "index_of is used before it is set"},
      {"total[o.tile] = fold sum best", "total[o.tile] = fold any best", "no fold by `any`"},
      {"total[o.tile] = fold sum best", "total[o.tile] = fold sum total", "total is folded before it is set"},
      {"total[o.tile] = fold sum best", "sum[o.tile, lane] = fold sum best", "without its lanes"},
      {"total over (o.tile)", "total", "rows uses total, which has the further axis o.tile"},
      {"= index_of where", "= best where", "which is int, its value is real"},
      {"where real(lane + n) < $N", "where lane", "the guard of which is bool, its value is int"},
      {"store rows[o.tile] =", "store rows[o.tile + 1020] =",
       "rows is accessed at 1020 .. 1024 of 1024 elements"},
      {"load w[0]", "load w[-1]", "w is accessed at -1 .. -1 of 288 elements"},
      {"+ last] =", "+ c] =", "y depends on c, which is not there"},
  };
  for (const Case& broken : cases) {
    std::string why = refusal(broken.from, broken.to);
    EXPECT_NE(why.find(broken.why), std::string::npos)
        << broken.from << " -> " << broken.to << "\n  says: " << why;
  }
}

// A tile that only some iterations set has no value after them.
TEST(Kernel, ValuesSetUnderConditionsDoNotCount) {
  EXPECT_NE(refusal("      found[] = false\n", "      if 1 <= n {\n found[] = false\n }\n")
                .find("found is accumulated into before it is set"),
            std::string::npos);
  EXPECT_NE(refusal("      found[] = false\n", "      for z: 0..2 until n {\n found[] = false\n }\n")
                .find("found is accumulated into before it is set"),
            std::string::npos);
  EXPECT_EQ(refusal("      found[] = false\n", "      for z: 0..2 {\n found[] = false\n }\n"), "");
}

TEST(Kernel, RulesBeyondTheTextAreChecked) {
  const Kernel sound = parsed_kernel(kKernel);
  auto first = [&](const std::function<void(Kernel&)>& spoil) {
    Kernel kernel = sound;
    spoil(kernel);
    std::vector<std::string> problems = verify(kernel);
    return problems.empty() ? "" : problems.front();
  };
  auto inner = [](Kernel& k) -> KernelBody& { return k.body[0].body[0].body; };
  EXPECT_EQ(first([](Kernel& k) { k.variables[0].name = ""; }), "a variable has no name");
  EXPECT_EQ(first([](Kernel& k) { k.variables[0].step = 2; }), "the axis o.tile has a step");
  EXPECT_EQ(first([](Kernel& k) { k.variables[3].step = 0; }), "n has the step 0");
  EXPECT_EQ(first([](Kernel& k) { k.variables[3].extent.factor = 0; }), "n has the extent 0*N");
  EXPECT_EQ(first([](Kernel& k) { k.buffers[0].name = ""; }), "a buffer has no name");
  EXPECT_EQ(first([](Kernel& k) { k.buffers[4].offset = 4; }), "rows is scratch, and has an offset");
  EXPECT_EQ(first([](Kernel& k) { k.tiles[0].name = ""; }), "a tile has no name");
  EXPECT_EQ(first([](Kernel& k) { k.tiles[0].axes[0] = 3; }), "the tile sum does not have different axes");
  EXPECT_EQ(first([](Kernel& k) { k.tiles[0].axes = {0, 0}; }), "the tile sum does not have different axes");
  EXPECT_EQ(first([](Kernel& k) { k.body[0].variable = 0; }),
            "a loop over something that is no loop variable");
  EXPECT_EQ(first([](Kernel& k) { k.body[0].body[0].variable = 3; }), "the loop n stands inside itself");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].tile = 9; }), "a map without a tile");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].value = nullptr; }), "found has no value");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].value = read(0, {}, ScalarType::Bool); }),
            "found reads an operand");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].value = tile_point(9, ScalarType::Bool); }),
            "found uses an unknown tile");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].value = tile_point(3, ScalarType::Bool); }),
            "found uses total as bool");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].value = load(9, 0, ScalarType::Bool); }),
            "found loads from an unknown buffer");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[0].value = load(0, 0, ScalarType::Bool); }),
            "found loads bool from x, which holds real");
  EXPECT_EQ(first([&](Kernel& k) { inner(k).back().buffer = -1; }), "a store without a buffer");
  EXPECT_EQ(first([&](Kernel& k) { inner(k)[4].body[0].index_tile = -1; }),
            "best has an index, but no tile for it");
}

} // namespace
} // namespace striate
