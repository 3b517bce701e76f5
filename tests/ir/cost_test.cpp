#include "ir/cost.h"
#include "ir/text_reader.h"

#include "ir/kernel/analysis.h"
#include "kernel_text.h"

namespace striate {
namespace {

Cost read(const std::string& text) {
  TextReader reader(text, "cost");
  reader.expect("cost");
  const Cost cost = read_cost(reader);
  EXPECT_FALSE(reader.failed()) << text;
  EXPECT_TRUE(reader.at_end()) << text;
  return cost;
}

std::string refusal(const std::string& text) {
  TextReader reader(text, "cost");
  reader.expect("cost");
  read_cost(reader);
  return reader.failed() ? reader.failure().message : "";
}

TEST(Cost, ReadsBack) {
  for (const Cost& cost :
       {Cost{}, Cost{1, 2, 3, 0, 0}, Cost{1.5e12, 1 << 30, 0, 1e-9, 0}, Cost{0, 0, 64, 0, 12.5},
        Cost{1.0 / 3, 7, 11, 1.25e-5, 3.3e-5}, Cost{8e300, 1, 1, 1, 1}}) {
    EXPECT_EQ(read(cost_text(cost)), cost) << cost_text(cost);
  }
  EXPECT_EQ(cost_text({9216, 4096, 2048, 2.1e-7, 0}),
            "cost flops 9216 read 4096 written 2048 intensity 1.5 predicted 2.1e-07");
}

TEST(Cost, NonsenseIsRefused) {
  EXPECT_EQ(refusal("cost flops 9216 read 4096 written 2048 intensity 1.5"), "");
  EXPECT_EQ(refusal("cost flops 9216 read 4096 written 2048 intensity 2"),
            "cost:1: the intensity of a cost is 2, its flops and bytes say 1.5");
  for (const char* text :
       {"cost flops -1 read 4 written 4 intensity 0", "cost flops nan read 4 written 4 intensity 0",
        "cost flops 0 read -4 written 4 intensity 0", "cost flops 0 read 4 written 4",
        "cost flops 0 read 4 written 4 intensity 0 predicted 0",
        "cost flops 0 read 4 written 4 intensity 0 measured inf"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(Cost, ArithmeticOrBandwidthLimits) {
  const MachineSpeed speed{1e9, 4e9, 1e9, 1 << 20};
  EXPECT_EQ(predicted_seconds({1e6, 1000, 1000, 0, 0}, speed), 1e-3);  // arithmetic
  EXPECT_EQ(predicted_seconds({1, 4000, 4000, 0, 0}, speed), 2e-6);    // from cache
  EXPECT_EQ(predicted_seconds({1, 0, 2'000'000, 0, 0}, speed), 2e-3);  // from memory
  EXPECT_EQ(predicted_seconds({1234567, 1, 1, 0, 0}, speed), 1.23e-3); // three digits
}

TEST(Cost, OfKernelsIsWhatTheyTouch) {
  const Cost cost = cost_of(parsed_kernel(kKernel), 64);
  EXPECT_EQ(cost.flops, 23040 * 64);
  EXPECT_EQ(cost.bytes_read, (36864 + 288) * 4);    // x and w
  EXPECT_EQ(cost.bytes_written, 20480 * 4 + 20480); // y and which; scratch is no memory
}

} // namespace
} // namespace striate
