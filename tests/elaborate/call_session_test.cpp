#include "frontend/call_session.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(CallSession, CallsTellTheirTypes) {
  CallSession session;
  const int image = session.add_tensor(
      {ElementType::F32, {Size::n(), Size::constant(3), Size::constant(8), Size::constant(8)}});
  const auto conv = session.call("Conv2d(4, 3)(a)", {{"a", image}});
  ASSERT_TRUE(conv.ok()) << conv.failure().message;
  ASSERT_EQ(conv->results.size(), 1u);
  EXPECT_EQ(session.type(conv->results[0]).text(), "f32[N,4,6,6]");
  ASSERT_EQ(conv->parameters.size(), 2u);
  EXPECT_EQ(conv->parameters[0].name, "weight");
  EXPECT_EQ(conv->parameters[0].type.text(), "f32[4,3,3,3]");
  const auto joined = session.call("concat(a, b)", {{"a", conv->results[0]}, {"b", conv->results[0]}});
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(session.type(joined->results[0]).text(), "f32[N,8,6,6]");
  EXPECT_TRUE(joined->parameters.empty());
}

TEST(CallSession, AWrongCallSaysWhyAndLeavesNothing) {
  CallSession session;
  const int row = session.add_tensor({ElementType::F32, {Size::n(), Size::constant(3)}});
  for (const char* text : {"max_pool2d(a, 2)", "max_pool2d(a", "nothing(a)", "Linear(0)(a)", "1 + 1"}) {
    const auto call = session.call(text, {{"a", row}});
    ASSERT_FALSE(call.ok()) << text;
    EXPECT_NE(call.failure().message, "");
  }
  EXPECT_TRUE(session.call("relu(a)", {{"a", row}}).ok());
}

TEST(CallSession, DefaultsMayUseArgumentsBefore) {
  CallSession session;
  const ast::Item* pool = session.library().find_callable("max_pool2d");
  ASSERT_TRUE(pool);
  const CompileTimeValue three =
      CompileTimeValue::of_list({CompileTimeValue::of(3), CompileTimeValue::of(2)});
  const auto stride = session.default_of(*pool, pool->attributes[1], {{"kernel_size", three}});
  ASSERT_TRUE(stride.ok());
  EXPECT_EQ(text_of(*stride), "[3, 2]");
}

} // namespace
} // namespace striate
