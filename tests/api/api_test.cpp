// The C interface as its callers use it: nothing but api/striate.h.

#include "api/striate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

const char* kProgram = R"(
model Net(width: int = 6) {
    input x: f32[N, 4]
    output y = x -> Linear(width) as fc1 -> tanh -> Dropout(0.5) -> Linear(3) as fc2
}
data table {
    split train = csv("table.csv", label = -1)
    field x = column(0)
    field label = column(1)
}
train Net with table {
    loss = cross_entropy(y, label)
    metric accuracy = top1(y, label)
    optimizer = SGD(lr = 0.1, momentum = 0.9)
    batch = 4    seed = 3
}
)";

class Api : public testing::Test {
protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("striate_api_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    write("net.nn", kProgram);
    write("table.csv", "0.5,-1,2,0.25,2\n1,0,0,1,0\n");
  }
  void TearDown() override {
    striate_close(model_);
    std::filesystem::remove_all(folder_);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  int open(const striate_options& options, const std::string& name = "net.nn") {
    striate_close(model_);
    return striate_open(path(name).c_str(), &options, &model_);
  }

  std::vector<std::string> names(striate_list list) const {
    std::vector<std::string> result;
    for (int64_t k = 0; k < striate_count(model_, list); ++k) {
      striate_tensor tensor;
      EXPECT_EQ(striate_describe(model_, list, k, &tensor), STRIATE_OK);
      result.emplace_back(tensor.name);
    }
    return result;
  }

  std::vector<float> run(std::vector<float> x) {
    std::vector<float> y(x.size() / 4 * 3);
    const striate_array in = {"x", STRIATE_F32, x.data(), std::ssize(x)};
    const striate_array out = {"y", STRIATE_F32, y.data(), std::ssize(y)};
    EXPECT_EQ(striate_run(model_, std::ssize(x) / 4, &in, 1, &out, 1), STRIATE_OK) << striate_error();
    return y;
  }

  std::vector<float> step(std::vector<float> x, std::vector<int32_t> label) {
    std::vector<float> loss(label.size());
    const striate_array in[] = {{"x", STRIATE_F32, x.data(), std::ssize(x)},
                                {"label", STRIATE_I32, label.data(), std::ssize(label)}};
    const striate_array out = {"loss", STRIATE_F32, loss.data(), std::ssize(loss)};
    EXPECT_EQ(striate_train_step(model_, std::ssize(label), in, 2, &out, 1), STRIATE_OK) << striate_error();
    return loss;
  }

  striate_model* model_ = nullptr;
  std::filesystem::path folder_;
};

TEST_F(Api, DescribesAModel) {
  EXPECT_EQ(striate_api_version(), STRIATE_API_VERSION);
  striate_options options = {};
  options.training = 1;
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  EXPECT_EQ(striate_capacity(model_), 4);
  EXPECT_EQ(names(STRIATE_STEP_INPUTS), (std::vector<std::string>{"x", "label"}));
  EXPECT_EQ(names(STRIATE_STEP_OUTPUTS), (std::vector<std::string>{"loss", "accuracy"}));
  EXPECT_EQ(names(STRIATE_WEIGHTS),
            (std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
  striate_tensor tensor;
  ASSERT_EQ(striate_describe(model_, STRIATE_INPUTS, 0, &tensor), STRIATE_OK);
  EXPECT_EQ(tensor.type, STRIATE_F32);
  EXPECT_TRUE(tensor.by_example);
  ASSERT_EQ(tensor.rank, 1);
  EXPECT_EQ(tensor.shape[0], 4);
  EXPECT_EQ(striate_describe(model_, STRIATE_INPUTS, 7, &tensor), STRIATE_USAGE);
}

TEST_F(Api, TakesArgumentsAndSettings) {
  const char* parameters[] = {"width=9", nullptr};
  const char* settings[] = {"train.batch=32", nullptr};
  striate_options options = {};
  options.parameters = parameters;
  options.settings = settings;
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  EXPECT_EQ(striate_capacity(model_), 32);
  striate_tensor tensor;
  ASSERT_EQ(striate_describe(model_, STRIATE_WEIGHTS, 0, &tensor), STRIATE_OK);
  EXPECT_EQ(tensor.shape[0], 9);
}

TEST_F(Api, LearnsSavesAndLoads) {
  striate_options options = {};
  options.training = 1;
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  const std::vector<float> x = {0.5f, -1, 2, 0.25f, 1, 0, 0, 1};
  const std::vector<float> before = run(x);
  float first = 0, last = 0;
  for (int k = 0; k < 60; ++k) {
    const std::vector<float> loss = step(x, {2, 0});
    last = loss[0] + loss[1];
    if (k == 0) first = last;
  }
  EXPECT_LT(last, first / 2);
  double steps = 0;
  EXPECT_EQ(striate_get_setting(model_, "step", &steps), STRIATE_OK);
  EXPECT_EQ(steps, 60);
  const std::vector<float> after = run(x);
  EXPECT_NE(before, after);
  ASSERT_EQ(striate_save(model_, path("w.safetensors").c_str()), STRIATE_OK) << striate_error();

  // Another process would do this; any number of examples, in batches of 4.
  options = {};
  const std::string weights = path("w.safetensors");
  options.weights = weights.c_str();
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  EXPECT_EQ(run(x), after);
  std::vector<float> many, expected;
  for (int k = 0; k < 9; ++k) {
    many.insert(many.end(), x.begin(), x.end());
    expected.insert(expected.end(), after.begin(), after.end());
  }
  EXPECT_EQ(run(many), expected);
}

TEST_F(Api, TheSameStepsGiveTheSameBits) {
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2}) {
    striate_options options = {};
    options.training = 1;
    options.threads = threads;
    ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
    for (int k = 0; k < 5; ++k) step({0.5f, -1, 2, 0.25f, 1, 0, 0, 1}, {2, 0});
    results.push_back(run({1, 2, 3, 4}));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST_F(Api, RatesCanBeSet) {
  striate_options options = {};
  options.training = 1;
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  double rate = 0;
  EXPECT_EQ(striate_get_setting(model_, "optimizer.lr", &rate), STRIATE_OK);
  EXPECT_EQ(rate, 0.1);
  EXPECT_EQ(striate_set_setting(model_, "optimizer.lr", 0), STRIATE_OK);
  const std::vector<float> before = run({1, 2, 3, 4});
  step({0.5f, -1, 2, 0.25f}, {2});
  EXPECT_EQ(run({1, 2, 3, 4}), before);
  EXPECT_EQ(striate_set_setting(model_, "optimizer.lt", 0), STRIATE_USAGE);
  EXPECT_NE(std::string(striate_error()).find("did you mean `optimizer.lr`?"), std::string::npos)
      << striate_error();
  EXPECT_EQ(striate_setting_name(model_, 99), nullptr);
}

TEST_F(Api, AScheduleIsTheCallers) {
  std::string text = kProgram;
  text.replace(text.find("lr = 0.1"), 8, "lr = 0.1 -> cosine_decay");
  write("scheduled.nn", text);
  striate_options options = {};
  options.training = 1;
  ASSERT_EQ(open(options, "scheduled.nn"), STRIATE_OK) << striate_error();
  std::vector<float> x = {1, 2, 3, 4};
  std::vector<int32_t> label = {1};
  const striate_array in[] = {{"x", STRIATE_F32, x.data(), 4}, {"label", STRIATE_I32, label.data(), 1}};
  EXPECT_EQ(striate_train_step(model_, 1, in, 2, nullptr, 0), STRIATE_USAGE);
  EXPECT_EQ(striate_set_setting(model_, "optimizer.lr", 0.1), STRIATE_OK);
  EXPECT_EQ(striate_train_step(model_, 1, in, 2, nullptr, 0), STRIATE_OK) << striate_error();
}

TEST_F(Api, WeightsAreReadAndWritten) {
  striate_options options = {};
  options.training = 1;
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  std::vector<float> bias(3);
  const striate_array array = {"fc2.bias", STRIATE_F32, bias.data(), 3};
  EXPECT_EQ(striate_read(model_, &array), STRIATE_OK) << striate_error();
  const std::vector<float> before = run({1, 2, 3, 4});
  for (float& value : bias) value += 1;
  EXPECT_EQ(striate_write(model_, &array), STRIATE_OK) << striate_error();
  const std::vector<float> after = run({1, 2, 3, 4});
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(after[k], before[k] + 1, 1e-5);
  const striate_array longer = {"fc2.bias", STRIATE_F32, bias.data(), 4};
  EXPECT_EQ(striate_write(model_, &longer), STRIATE_USAGE);
  const striate_array other = {"fc3.bias", STRIATE_F32, bias.data(), 3};
  EXPECT_EQ(striate_write(model_, &other), STRIATE_USAGE);
  EXPECT_EQ(striate_read(model_, &other), STRIATE_USAGE);
}

TEST_F(Api, SaysWhatIsWrong) {
  striate_options options = {};
  EXPECT_EQ(open(options, "missing.nn"), STRIATE_BAD_DATA);
  EXPECT_EQ(model_, nullptr);
  write("wrong.nn", "model Net {\n    input x: f32[N, 4]\n    output y = x -> Lineer(3)\n}\n");
  EXPECT_EQ(open(options, "wrong.nn"), STRIATE_FAILED);
  const std::string message = striate_error();
  EXPECT_NE(message.find("wrong.nn:3:21"), std::string::npos) << message;
  EXPECT_NE(message.find("did you mean `Linear`?"), std::string::npos) << message;
  options.weights = "missing.safetensors";
  EXPECT_EQ(open(options), STRIATE_BAD_DATA);
  options = {};
  options.batch = -1;
  EXPECT_EQ(open(options), STRIATE_USAGE);
}

TEST_F(Api, RefusesWhatDoesNotFit) {
  striate_options options = {};
  options.training = 1;
  ASSERT_EQ(open(options), STRIATE_OK) << striate_error();
  std::vector<float> x(5 * 4);
  std::vector<int32_t> label(5);
  const auto code = [&](const char* name, int64_t examples, int64_t count, int type = STRIATE_F32) {
    const striate_array in[] = {{name, type, x.data(), count},
                                {"label", STRIATE_I32, label.data(), examples}};
    return striate_train_step(model_, examples, in, 2, nullptr, 0);
  };
  EXPECT_EQ(code("x", 4, 16), STRIATE_OK) << striate_error();
  EXPECT_EQ(code("x", 5, 20), STRIATE_USAGE) << "more than the capacity";
  EXPECT_EQ(code("x", 4, 15), STRIATE_USAGE);
  EXPECT_EQ(code("x", 0, 0), STRIATE_USAGE);
  EXPECT_EQ(code("x", -1, 16), STRIATE_USAGE);
  EXPECT_EQ(code("z", 4, 16), STRIATE_USAGE);
  EXPECT_EQ(code("x", 4, 16, 9), STRIATE_USAGE);
  const striate_array in = {"x", STRIATE_F32, x.data(), 4};
  EXPECT_EQ(striate_train_step(model_, 1, &in, 1, nullptr, 0), STRIATE_USAGE) << "no label";
  std::vector<float> half = {0.5f};
  const striate_array fraction[] = {in, {"label", STRIATE_F32, half.data(), 1}};
  EXPECT_EQ(striate_train_step(model_, 1, fraction, 2, nullptr, 0), STRIATE_BAD_DATA) << "half a class";
  double steps = 0;
  EXPECT_EQ(striate_get_setting(model_, "step", &steps), STRIATE_OK);
  EXPECT_EQ(steps, 1) << "what was refused is no step";
  const striate_array none = {"x", STRIATE_F32, nullptr, 4};
  EXPECT_EQ(striate_run(model_, 1, &none, 1, nullptr, 0), STRIATE_USAGE);
  const striate_array out = {"y", STRIATE_F32, x.data(), 2};
  EXPECT_EQ(striate_run(model_, 1, &in, 1, &out, 1), STRIATE_USAGE);
  const striate_array unknown = {"z", STRIATE_F32, x.data(), 3};
  EXPECT_EQ(striate_run(model_, 1, &in, 1, &unknown, 1), STRIATE_USAGE);
}

} // namespace
