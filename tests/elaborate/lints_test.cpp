// Warnings: where they are due, where they are not, and that the models of the zoo have none.
#include "tests/elaborate/elaborated.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace striate {
namespace {

std::string training(const std::string& output, const std::string& loss) {
  return "model Net {\n    input x: f32[N, 4]\n    output y = x -> " + output +
         "\n}\ndata table {\n    split train = csv(\"a.csv\", label = -1)\n    field x = column(0)\n    "
         "field label = "
         "column(1)\n}\ntrain Net with table {\n    loss = " +
         loss + "\n    optimizer = SGD(lr = 0.1)\n}\n";
}

TEST(Lints, LossesThatTakeLogits) {
  EXPECT_EQ(errors_of(training("Linear(3) -> softmax", "cross_entropy(y, label)")),
            "W0101 at 11:12: `cross_entropy(y, label)` comes after `softmax`");
  EXPECT_EQ(errors_of(training("Linear(1) -> sigmoid", "binary_cross_entropy(y, y)")),
            "W0101 at 11:12: `binary_cross_entropy(y, y)` comes after `sigmoid`");
  EXPECT_EQ(errors_of(training("Linear(3)", "cross_entropy(y, label)")), "");
  EXPECT_EQ(errors_of(training("Linear(3) -> log_softmax", "nll(y, label)")), "");
}

TEST(Lints, BiasBeforeBatchNorm) {
  EXPECT_EQ(errors_of(training("Linear(3) -> BatchNorm1d", "cross_entropy(y, label)")),
            "W0101 at 3:34: `BatchNorm1d` comes after `Linear(3)`");
  EXPECT_EQ(errors_of(training("Linear(3, bias = false) -> BatchNorm1d", "cross_entropy(y, label)")), "");
}

TEST(Lints, DropoutAtTheEnd) {
  EXPECT_EQ(errors_of(training("Linear(3) -> Dropout", "cross_entropy(y, label)")),
            "W0102 at 3:34: the output `y` comes from `Dropout`");
  EXPECT_EQ(errors_of(training("Dropout -> Linear(3)", "cross_entropy(y, label)")), "");
}

TEST(Lints, UnusedValues) {
  EXPECT_EQ(errors_of("model M {\n    input x: f32[N, 4]\n    a = relu(x)\n    output y = x\n}"),
            "W0103 at 3:5: nothing uses the value of `a`");
  EXPECT_EQ(errors_of("model M {\n    input x: f32[N, 4]\n    a = relu(x)\n    output y = a\n}"), "");
}

TEST(Lints, WarningsCanBeDenied) {
  Elaborated result;
  elaborate_text("model M {\n    input x: f32[N, 4]\n    a = relu(x)\n    output y = x\n}", result);
  EXPECT_FALSE(result.diagnostics.has_errors());
  EXPECT_NE(result.diagnostics.render().find("warning[W0103]"), std::string::npos);
  result.diagnostics.deny_warnings();
  EXPECT_TRUE(result.diagnostics.has_errors());
  EXPECT_NE(result.diagnostics.render().find("error[W0103]"), std::string::npos);
}

TEST(Lints, NoModelHasAny) {
  for (const auto& entry : std::filesystem::directory_iterator(STRIATE_MODELS)) {
    if (entry.path().extension() != ".nn") continue;
    std::ifstream file(entry.path());
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_EQ(errors_of(text.str()), "") << entry.path();
  }
}

} // namespace
} // namespace striate
