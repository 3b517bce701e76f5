// The text of kernels beside their machine code: line numbers, annotated assembly, and that neither changes
// what is computed.
#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "ir/kernel/parse.h"

#include <gtest/gtest.h>

#include <sstream>

namespace striate {
namespace {

constexpr const char* kProgram = R"(program "M.step" capacity 4 arena 256 scalars ("N", "a")

kernel first loc("m.nn":3:5) {
  memory y: f32[16] at 0
  axes lane: 16 lanes
  tile t[lane]
  parallel n: 0..1 {
    t[lane] = $a
    for k: 0..3 {
      t[lane] += real(k) * 0.5
    }
    store y[n + lane] = t over (lane)
  }
}

kernel second {
  memory y: f32[16] at 0
  memory z: f32[16] at 64
  axes lane: 16 lanes
  tile u[lane]
  parallel n: 0..1 {
    u[lane] = load y[lane + n] * 2
    store z[n + lane] = u over (lane)
  }
}
)";

Program program() {
  Result<Program> read = parse_program(kProgram, "m");
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.failure().message);
  return read.ok() ? *read : Program();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Listing, NumbersKernelsAndStatements) {
  const Program once = program();
  const KernelListing listing = list_kernels({&once, &once});
  EXPECT_EQ(listing.file, "M.kernels");
  const std::vector<std::string> text = lines_of(listing.text);
  ASSERT_EQ(listing.lines.size(), 2U);
  for (const auto& kernels : listing.lines) {
    ASSERT_EQ(kernels.size(), 2U);
    const auto at = [&](std::size_t kernel, std::size_t statement) {
      return text.at(static_cast<std::size_t>(kernels[kernel].at(statement)) - 1);
    };
    EXPECT_TRUE(at(0, 0).starts_with("kernel first"));
    EXPECT_EQ(at(0, 1), "  parallel n: 0..1 {");
    EXPECT_EQ(at(0, 2), "    t[lane] = $a");
    EXPECT_EQ(at(0, 3), "    for k: 0..3 {");
    EXPECT_EQ(at(0, 4).substr(0, 19), "      t[lane] += re");
    EXPECT_TRUE(at(0, 5).starts_with("    store y["));
    EXPECT_EQ(kernels[0].size(), 6U);
    EXPECT_EQ(at(1, 0), "kernel second {");
    EXPECT_EQ(kernels[1].size(), 4U);
  }
}

TEST(Listing, AssemblyHasTheLinesAndNoTables) {
  const Program once = program();
  const Result<std::string> assembly = assembly_text(once, host_target());
  ASSERT_TRUE(assembly.ok());
  for (const std::string& line : lines_of(list_kernels({&once}).text))
    if (line.find("+= ") != std::string::npos || line.find("store ") != std::string::npos) {
      EXPECT_NE(assembly->find(": " + line.substr(line.find_first_not_of(' '))), std::string::npos) << line;
    }
  EXPECT_EQ(assembly->find(".debug_"), std::string::npos);
  EXPECT_EQ(assembly->find("\t.loc"), std::string::npos);
  EXPECT_NE(assembly->find("M.step.1.second:"), std::string::npos);
}

TEST(Listing, ChangesNothingThatIsComputed) {
  const Program once = program();
  const KernelListing listing = list_kernels({&once});
  std::vector<float> results[2];
  for (int with = 0; with < 2; ++with) {
    const auto code = jit_compile({&once}, host_target(), 1, with ? &listing : nullptr);
    ASSERT_TRUE(code.ok()) << code.failure().message;
    alignas(64) float arena[64] = {};
    const float scalars[] = {4, 1.25F};
    for (std::size_t k = 0; k < 2; ++k)
      (*code)->function(0, k)(reinterpret_cast<char*>(arena), scalars, 4, 0, 1);
    results[with].assign(arena, arena + 32);
  }
  EXPECT_EQ(results[0][0], 1.25F + 1.5F);
  EXPECT_EQ(results[0][16], 5.5F);
  EXPECT_EQ(results[0], results[1]);
}

} // namespace
} // namespace striate
