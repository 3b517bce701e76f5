#include "tests/conformance/gradient_cases.h"

namespace striate {

using Range = GradientInput::Range;

static GradientInput positive(std::vector<int64_t> shape) { return {std::move(shape), Range::Positive, 0}; }
static GradientInput labels(int64_t classes) { return {{kN}, Range::Label, classes}; }

std::vector<std::string> operators_without_gradient() {
  return {"step",          "binarize",          "one_hot",     "top1",
          "top_k",         "same_side",         "zeros",       "ones",
          "filled",        "uniform_between",   "uniform_fan", "gaussian",
          "he_normal_fan", "glorot_uniform_fan"};
}

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> cases;
  for (const char* op : {"add", "sub", "mul", "div"}) {
    cases.push_back({op, {{{kN, 17}}, positive({kN, 17})}, ""});
    cases.push_back({op, {{{kN, 1, 3}}, positive({5, 1})}, ""});
    cases.push_back({op, {{{kN, 1}}, positive({})}, ""});
  }
  cases.push_back({"pow", {positive({kN, 17}), {{kN, 17}}}, ""});
  cases.push_back({"pow", {positive({kN, 1, 3}), {{2, 1}}}, ""});
  for (const char* op :
       {"neg", "exp", "abs", "relu", "leaky_relu", "sigmoid", "tanh", "gelu", "softplus", "to_real"}) {
    cases.push_back({op, {{{kN, 33}}}, ""});
    cases.push_back({op, {{{kN, 1, 2, 1}}}, ""});
  }
  for (const char* op : {"log", "sqrt"}) cases.push_back({op, {positive({kN, 17})}, ""});
  cases.push_back({"blend", {{{kN, 7}}, {{kN, 7}}}, "t = 0.3"});
  cases.push_back({"normalize", {{{kN, 1, 3, 5}}}, "mean = 0.1; std = 0.7"});
  cases.push_back({"drop", {{{kN, 33}}}, "p = 0.4"});

  const auto conv = [&](std::vector<int64_t> image, std::vector<int64_t> kernel, const char* attributes) {
    cases.push_back({"conv2d", {{std::move(image)}, {std::move(kernel)}}, attributes});
  };
  conv({kN, 1, 1, 1}, {1, 1, 1, 1}, "");
  conv({kN, 3, 7, 5}, {2, 3, 3, 3}, "");
  conv({kN, 17, 3, 3}, {33, 17, 1, 1}, "");
  conv({kN, 2, 5, 5}, {3, 2, 3, 3}, "padding = 1");
  conv({kN, 2, 11, 13}, {3, 2, 5, 3}, "stride = [2, 3]; padding = [2, 1]");
  conv({kN, 2, 9, 11}, {2, 2, 3, 3}, "dilation = [2, 3]; padding = 2");
  conv({kN, 1, 13, 11}, {2, 1, 3, 2}, "stride = 3; dilation = 2; padding = 3");
  conv({kN, 1, 13, 13}, {2, 1, 3, 3}, "stride = 2; dilation = 2; padding = 1");
  conv({kN, 6, 5, 3}, {9, 2, 3, 3}, "groups = 3; padding = 1");
  conv({kN, 5, 7, 7}, {5, 1, 3, 3}, "groups = 5; stride = 2; padding = 1");
  conv({kN, 3, 7, 7}, {2, 3, 1, 1}, "stride = 2");
  conv({kN, 1, 11, 8}, {2, 1, 2, 1}, "stride = 3");
  conv({kN, 1, 23, 19}, {2, 1, 11, 7}, "stride = 4; padding = 2");
  conv({kN, 1, 5, 5}, {1, 1, 5, 5}, "");
  conv({kN, 1, 3, 3}, {1, 1, 3, 3}, "padding = 4; stride = 3");
  cases.push_back({"add_channel", {{{kN, 17, 3, 1}}, {{17}}}, ""});
  cases.push_back({"add_channel", {{{kN, 1}}, {{1}}}, ""});
  cases.push_back({"linear", {{{kN, 17}}, {{33, 17}}}, ""});
  cases.push_back({"linear", {{{kN, 1}}, {{1, 1}}}, ""});
  cases.push_back({"linear", {{{kN, 3, 5}}, {{7, 5}}}, ""});
  cases.push_back({"matmul", {{{kN, 3, 17}}, {{kN, 17, 2}}}, ""});
  cases.push_back({"matmul", {{{kN, 5, 3}}, {{3, 7}}}, ""});

  const auto pool = [&](const char* op, std::vector<int64_t> image, const char* attributes) {
    cases.push_back({op, {{std::move(image)}}, attributes});
  };
  for (const char* op : {"max_pool2d", "avg_pool2d"}) {
    pool(op, {kN, 1, 1, 1}, "kernel_size = 1");
    pool(op, {kN, 3, 7, 9}, "kernel_size = 2");
    pool(op, {kN, 2, 7, 9}, "kernel_size = 3; stride = 2");
    pool(op, {kN, 2, 7, 8}, "kernel_size = 3; stride = 2; padding = 1");
    pool(op, {kN, 2, 8, 8}, "kernel_size = 3; stride = 2; ceil_mode = true");
    pool(op, {kN, 2, 5, 7}, "kernel_size = [3, 2]; stride = [2, 3]; padding = [1, 1]; ceil_mode = true");
    pool(op, {kN, 2, 7, 8}, "kernel_size = 2; stride = 3");
    pool(op, {kN, 2, 8, 8}, "kernel_size = 2; stride = 3; ceil_mode = true");
    pool(op, {kN, 1, 3, 17}, "kernel_size = [1, 4]; stride = [1, 2]; padding = [0, 2]");
    pool(op, {kN, 2, 7, 7}, "kernel_size = 5; stride = 1; padding = 2");
  }
  pool("avg_pool2d", {kN, 2, 7, 8}, "kernel_size = 3; stride = 2; padding = 1; count_include_pad = false");
  pool("avg_pool2d", {kN, 2, 8, 8},
       "kernel_size = 3; stride = 2; ceil_mode = true; count_include_pad = false");
  for (const char* norm : {"1", "2", "3", "1.5"}) {
    cases.push_back({"lp_pool2d",
                     {positive({kN, 2, 7, 5})},
                     std::string("kernel_size = 3; stride = 2; norm_type = ") + norm});
  }
  pool("lp_pool2d", {kN, 2, 6, 4}, "kernel_size = 2; norm_type = 3");
  pool("l2_pool2d", {kN, 3, 7, 5}, "kernel_size = 2");
  pool("l2_pool2d", {kN, 1, 7, 7}, "kernel_size = 3; stride = 2");
  pool("global_avg_pool2d", {kN, 5, 7, 3}, "");

  for (const char* op : {"softmax", "log_softmax"}) {
    cases.push_back({op, {{{kN, 17}}}, ""});
    cases.push_back({op, {{{kN, 1}}}, ""});
    cases.push_back({op, {{{kN, 3, 5}}}, ""});
  }
  cases.push_back({"standardize_batch", {{{kN, 3, 5, 2}}}, ""});
  cases.push_back({"standardize_batch", {{{kN, 17}}}, "eps = 0.1"});
  cases.push_back({"standardize", {{{kN, 3, 2, 5}}, {{3}}, positive({3})}, ""});
  cases.push_back({"standardize", {{{kN, 5}}, {{5}}, positive({5})}, "eps = 0.5"});
  cases.push_back({"scale_shift_channel", {{{kN, 3, 5, 2}}, {{3}}, {{3}}}, ""});
  cases.push_back({"scale_shift_channel", {{{kN, 1}}, {{1}}, {{1}}}, ""});

  cases.push_back({"cross_entropy", {{{kN, 10}}, labels(10)}, ""});
  cases.push_back({"cross_entropy", {{{kN, 33}}, labels(33)}, ""});
  cases.push_back({"cross_entropy", {{{kN, 2}}, labels(2)}, ""});
  for (const char* op : {"mse", "l1", "binary_cross_entropy"}) {
    cases.push_back({op, {{{kN, 17}}, positive({kN, 17})}, ""});
    cases.push_back({op, {{{kN, 1}}, positive({kN, 1})}, ""});
    cases.push_back({op, {{{kN, 2, 3, 5}}, positive({kN, 2, 3, 5})}, ""});
  }

  cases.push_back({"flatten", {{{kN, 3, 1, 5}}}, ""});
  cases.push_back({"unflatten", {{{kN, 30}}}, "channels = 3; height = 2; width = 5"});
  cases.push_back({"transpose", {{{kN, 3, 5}}}, ""});
  cases.push_back({"squeeze", {{{kN, 3, 1}}}, ""});
  cases.push_back({"unsqueeze", {{{kN, 3}}}, ""});
  return cases;
}

} // namespace striate
