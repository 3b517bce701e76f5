#include "tests/conformance/gradient_cases.h"

#include <fmt/format.h>

namespace striate {

using Range = GradientInput::Range;

static GradientInput positive(std::vector<int64_t> shape) { return {std::move(shape), Range::Positive, 0}; }
static GradientInput labels(int64_t classes) { return {{kN}, Range::Label, classes}; }

std::vector<std::string> operators_without_gradient() {
  return {"step",
          "binarize",
          "one_hot",
          "top1",
          "top_k",
          "same_side",
          "ones_like",
          "resized_places",
          "max_pool2d_which",
          "max_pool2d_places",
          "zeros",
          "ones",
          "filled",
          "uniform_between",
          "uniform_fan",
          "gaussian",
          "he_normal_fan",
          "glorot_uniform_fan",
          "he_uniform_fan",
          "glorot_normal_fan",
          "lecun_normal_fan",
          "sinusoidal_positions",
          "uniform_each",
          "uniform_noise",
          "gaussian_each",
          "gaussian_weights",
          "gaussian_heights"};
}

static void add_convolutions(std::vector<GradientCase>& cases) {
  cases.push_back({"conv1d", {{{kN, 3, 11}}, {{2, 3, 3}}}, ""});
  cases.push_back(
      {"conv1d", {{{kN, 4, 13}}, {{6, 2, 3}}}, "stride = 2; padding = 3; dilation = 2; groups = 2"});
  cases.push_back({"local_conv2d", {{{kN, 3, 5, 4}}, {{2, 4, 2, 3, 2, 3}}}, ""});
  cases.push_back({"local_conv2d", {{{kN, 1, 7, 5}}, {{3, 4, 3, 1, 3, 3}}}, "stride = 2; padding = 1"});
  cases.push_back({"conv2d_partial", {{{kN, 6, 5, 4}}, {{6, 3, 3, 2}}}, "together = 3"});
  cases.push_back({"conv2d_partial", {{{kN, 6, 3, 3}}, {{3, 4, 3, 3}}}, "together = 2"});
  cases.push_back({"conv2d_partial", {{{kN, 17, 3, 3}}, {{33, 5, 1, 1}}}, "together = 1"});
  const auto transposed = [&](std::vector<int64_t> image, std::vector<int64_t> kernel,
                              const char* attributes) {
    cases.push_back({"conv_transpose2d", {{std::move(image)}, {std::move(kernel)}}, attributes});
  };
  transposed({kN, 3, 4, 5}, {3, 2, 3, 3}, "");
  transposed({kN, 2, 3, 5}, {2, 3, 2, 2}, "stride = 2");
  transposed({kN, 2, 4, 3}, {2, 1, 3, 5}, "stride = [2, 3]; padding = [1, 2]; output_padding = 1");
  transposed({kN, 4, 3, 3}, {4, 3, 4, 4}, "stride = 2; padding = 1; groups = 2");
  transposed({kN, 1, 3, 2}, {1, 2, 3, 3}, "stride = 4");
  transposed({kN, 17, 1, 1}, {17, 3, 3, 3}, "");
  transposed({kN, 2, 3, 4}, {2, 3, 3, 3}, "stride = 2; padding = [0, 1]; end_padding = [1, 0]");
  cases.push_back({"spread2d", {{{kN, 2, 3, 4}}, {{2, 3, 3, 5}}}, "stride = 2"});
  cases.push_back({"interleave2d", {{{kN, 2, 3, 2, 5, 3}}}, ""});
  for (const char* op : {"upsample_nearest2d", "upsample_bilinear2d", "bilinear_parts2d"}) {
    cases.push_back({op, {{{kN, 2, 3, 5}}}, "scale_factor = 2"});
    cases.push_back({op, {{{kN, 1, 4, 1}}}, "scale_factor = [3, 5]"});
  }
}

static void add_augmentation(std::vector<GradientCase>& cases) {
  cases.push_back({"random_flip", {{{kN, 2, 3, 5}}}, ""});
  cases.push_back({"random_vertical_flip", {{{kN, 1, 4, 3}}}, "p = 0.9"});
  cases.push_back({"random_crop", {{{kN, 2, 5, 4}}}, "size = [3, 4]; padding = 1"});
  cases.push_back({"random_crop", {{{kN, 17, 3, 1}}}, "size = 1"});
  cases.push_back({"cutout", {{{kN, 2, 5, 3}}}, "size = 2"});
  cases.push_back({"random_erasing", {{{kN, 2, 7, 5}}}, "p = 0.8; value = 0.5"});
  cases.push_back({"random_brightness", {{{kN, 3, 2}}}, "strength = 0.3"});
  cases.push_back({"random_contrast", {{{kN, 3, 2, 5}}}, "strength = 0.3"});
  cases.push_back({"random_saturation", {{{kN, 3, 2, 5}}}, "strength = 0.3"});
  cases.push_back({"color_jitter", {{{kN, 3, 2, 5}}}, "brightness = 0.3; contrast = 0.2; saturation = 0.4"});
  cases.push_back({"pca_colors", {{{kN, 3, 2, 3}}}, ""});
  cases.push_back({"sample_bilinear", {{{kN, 2, 3, 3}}, {{kN, 2, 3}}, {{kN, 2, 3}}}, ""});
  cases.push_back({"sample_bilinear", {{{kN, 17, 1, 2}}, positive({kN, 1, 3}), positive({kN, 1, 3})}, ""});
  cases.push_back({"affine_places", {{{kN, 1, 3, 4}}, {{kN}}, positive({kN}), {{kN}}, {{kN}}, {{kN}}}, ""});
  cases.push_back({"random_rotation", {{{kN, 2, 5, 3}}}, "degrees = 30"});
  cases.push_back(
      {"random_affine", {{{kN, 1, 5, 4}}}, "degrees = 9; translate = 0.2; scale = [0.8, 1.3]; shear = 5"});
  cases.push_back({"elastic_distortion", {{{kN, 1, 5, 4}}}, "alpha = 4; sigma = 1"});
  cases.push_back({"blur_down", {{{kN, 4, 3}}, {{5}}}, ""});
  cases.push_back({"blur_across", {{{kN, 3, 17}}, {{3}}}, ""});
  cases.push_back({"blur_map", {{{kN, 5, 3}}}, "sigma = 0.7"});
  cases.push_back({"standardized", {{{kN, 5, 3}}, {{5, 3}}, {{5, 3}}}, ""});
  cases.push_back({"standardized_channels", {{{kN, 5, 3, 2}}, {{5}}, {{5}}}, ""});
  cases.push_back({"whitened", {{{kN, 5, 3}}, {{5, 3}}, {{17, 15}}}, ""});
  cases.push_back({"shaped_like", {{{kN, 5, 3}}, {{kN, 15}}}, ""});
  cases.push_back({"clip_values", {{{kN, 5, 3}}}, "low = -0.4; high = 0.3"});
}

static void add_sequences(std::vector<GradientCase>& cases) {
  cases.push_back({"embedding", {{{kN, 3}, Range::Label, 7}, {{7, 5}}}, ""});
  cases.push_back({"add_sinusoidal_positions", {{{kN, 3, 5}}}, ""});
  cases.push_back({"add_positions", {{{kN, 3, 5}}, {{3, 5}}}, ""});
  cases.push_back({"scaled_dot_product_attention", {{{kN, 2, 3, 5}}, {{kN, 2, 7, 5}}, {{kN, 2, 7, 3}}}, ""});
  cases.push_back(
      {"scaled_dot_product_attention", {{{kN, 5, 3}}, {{kN, 5, 3}}, {{kN, 5, 2}}}, "is_causal = true"});
  cases.push_back({"split_heads", {{{kN, 3, 10}}}, "heads = 2"});
  cases.push_back({"split_heads", {{{kN, 3, 12}}}, "heads = 2; parts = 3; part = 1"});
  cases.push_back({"merge_heads", {{{kN, 2, 3, 5}}}, ""});
  cases.push_back({"prepend", {{{kN, 3, 5}}, {{5}}}, ""});
  cases.push_back({"last_step", {{{kN, 3, 5}}}, ""});
  cases.push_back({"last_step", {{{kN, 1, 2, 3}}}, ""});
  cases.push_back({"reverse_steps", {{{kN, 4, 3}}}, ""});
  cases.push_back({"equal_part", {{{kN, 12}}}, "parts = 4; at = 2"});
  cases.push_back({"equal_part", {{{kN, 2, 5}}}, "parts = 1; at = 0"});
  cases.push_back({"at_position", {{{kN, 3, 5}}}, "position = 2"});
  cases.push_back({"mean_position", {{{kN, 3, 5}}}, ""});
}

// What works along one dimension, and kernels of other dimensions than two.
static void add_axes(std::vector<GradientCase>& cases) {
  const GradientInput few{{5}, Range::Label, 7}, each{{kN, 2, 3}, Range::Label, 7};
  cases.push_back({"drop_axis", {{{kN, 1, 5}}}, "axis = 1"});
  cases.push_back({"take_axis", {{{kN, 3, 5}}}, "axis = 1; index = -1"});
  cases.push_back({"gather_axis", {{{kN, 3, 7}}, few}, "axis = -1"});
  cases.push_back({"gather_axis", {{{7, 3}}, each}, "axis = 0"});
  cases.push_back({"gather_each", {{{kN, 3, 7, 2}}, each}, "axis = 2"});
  cases.push_back({"slice_axis", {{{kN, 3, 7, 5}}}, "axis = 2; start = 5; end = -1; step = -2"});
  cases.push_back({"slice_axis", {{{kN, 6}}}, "axis = 1; start = 4; end = 1; step = -1"});
  for (const char* op : {"max_pool_axis", "avg_pool_axis"}) {
    cases.push_back({op, {{{kN, 3, 9}}}, "axis = -1; kernel_size = 2"});
    cases.push_back({op, {{{kN, 7, 3}}}, "axis = 1; kernel_size = 3; stride = 2; before = 1; after = 2"});
    cases.push_back(
        {op, {{{kN, 2, 9, 3}}}, "axis = 2; kernel_size = 3; stride = 1; before = 2; dilation = 2"});
  }
  cases.push_back({"avg_pool_axis",
                   {{{kN, 8, 3}}},
                   "axis = 1; kernel_size = 3; stride = 2; before = 2; after = 1; dilation = 2; "
                   "count_include_pad = false"});
  for (const char* rounding : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})
    cases.push_back({"resize_nearest_axis",
                     {{{kN, 3, 5}}},
                     fmt::format("axis = 2; size = 8; rounding = \"{}\"", rounding)});
  cases.push_back({"resize_linear_axis", {{{kN, 3, 5}}}, "axis = 2; size = 8"});
  cases.push_back({"resize_linear_axis",
                   {{{kN, 6, 2}}},
                   "axis = 1; size = 4; scale = 0.5; shift = 0; offset = -0.3; fill = true; value = 2"});
  cases.push_back({"resize_cubic_axis", {{{kN, 3, 5}}}, "axis = 2; size = 8"});
  cases.push_back(
      {"resize_cubic_axis", {{{kN, 7, 2}}}, "axis = 1; size = 4; slope = -0.5; exclude_outside = true"});
  cases.push_back({"neighbour_distances", {{{17}}}, ""});
  cases.push_back({"cubic_weight", {{{kN, 17}}}, ""});
  cases.push_back({"prelu_elements", {{{kN, 3, 5}}, {{3, 1}}}, ""});
  cases.push_back({"if_else", {{{kN, 3, 5}}, {{3, 1}}, {{kN, 1, 5}}}, ""});
  cases.push_back({"matmul_add", {{{kN, 3, 5}}, {{5, 2}}, {{3, 2}}}, ""});
  cases.push_back({"layer_norm_from", {{{kN, 3, 2, 5}}, {{2, 5}}, {{2, 5}}}, "axis = 2"});
  cases.push_back({"layer_norm_from", {{{kN, 7}}, {{7}}, {{7}}}, "axis = -1; eps = 0.1"});
  cases.push_back({"inverse_deviation", {{{kN, 3, 2, 5}}}, "axis = 2"});
  cases.push_back({"batch_norm_now", {{{kN, 3, 5}}, {{3}}, {{3}}}, ""});
  cases.push_back({"moved_mean", {{{kN, 3, 5}}, {{3}}}, ""});
  cases.push_back({"moved_variance", {{{kN, 3, 5}}, {{3}}}, "momentum = 0.3"});
  cases.push_back({"dilate2d", {{{2, 3, 3, 2}}}, "dilation = [2, 3]"});
  cases.push_back({"stretch_axis", {{{kN, 4, 3}}}, "axis = 1; step = 3"});
  cases.push_back({"conv_transpose1d", {{{kN, 3, 5}}, {{3, 2, 3}}}, ""});
  cases.push_back({"conv_transpose1d",
                   {{{kN, 4, 5}}, {{4, 3, 3}}},
                   "stride = 2; padding = 1; end_padding = 2; output_padding = 1; groups = 2; dilation = 2"});
  cases.push_back({"conv3d", {{{kN, 2, 3, 4, 3}}, {{3, 2, 2, 3, 2}}}, ""});
  cases.push_back({"conv3d",
                   {{{kN, 4, 5, 4, 6}}, {{2, 2, 2, 3, 2}}},
                   "stride = [1, 2, 2]; padding = [1, 1, 0]; dilation = [2, 1, 3]; groups = 2"});
  cases.push_back({"conv_transpose3d", {{{kN, 2, 2, 3, 2}}, {{2, 3, 2, 1, 3}}}, ""});
  cases.push_back({"conv_transpose3d",
                   {{{kN, 2, 3, 2, 2}}, {{2, 1, 2, 3, 2}}},
                   "stride = [2, 1, 3]; padding = [1, 0, 1]; output_padding = [1, 0, 2]; groups = 2; "
                   "dilation = [1, 2, 2]"});
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
  for (const char* op : {"neg", "exp", "abs", "relu", "leaky_relu", "sigmoid", "tanh", "gelu", "softplus",
                         "elu", "selu", "silu", "mish", "relu6", "hard_sigmoid", "to_real"}) {
    cases.push_back({op, {{{kN, 33}}}, ""});
    cases.push_back({op, {{{kN, 1, 2, 1}}}, ""});
  }
  for (const char* op : {"log", "sqrt"}) cases.push_back({op, {positive({kN, 17})}, ""});
  cases.push_back({"blend", {{{kN, 7}}, {{kN, 7}}}, "t = 0.3"});
  cases.push_back({"normalize", {{{kN, 1, 3, 5}}}, "mean = 0.1; std = 0.7"});
  cases.push_back({"drop", {{{kN, 33}}}, "p = 0.4"});
  cases.push_back({"drop_channel", {{{kN, 17, 3}}}, "p = 0.4"});
  cases.push_back({"prelu", {{{kN, 17, 3}}, {{17}}}, ""});
  cases.push_back({"prelu", {{{kN, 5}}, {{1}}}, ""});
  cases.push_back({"maxout", {{{kN, 15}}}, "pieces = 3"});
  cases.push_back({"maxout", {{{kN, 4, 3, 2}}}, "pieces = 2"});

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
  add_convolutions(cases);
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
  pool("global_max_pool2d", {kN, 5, 7, 3}, "");
  for (const char* op : {"adaptive_avg_pool2d", "adaptive_max_pool2d"}) {
    pool(op, {kN, 2, 4, 9}, "output_size = [2, 3]");
    pool(op, {kN, 3, 7, 8}, "output_size = 3");
    pool(op, {kN, 1, 3, 7}, "output_size = [4, 5]");
  }
  for (const char* op : {"max_pool1d", "avg_pool1d"}) {
    pool(op, {kN, 3, 9}, "kernel_size = 2");
    pool(op, {kN, 2, 10}, "kernel_size = 3; stride = 2; padding = 1");
  }

  for (const char* op : {"softmax", "log_softmax"}) {
    cases.push_back({op, {{{kN, 17}}}, ""});
    cases.push_back({op, {{{kN, 1}}}, ""});
    cases.push_back({op, {{{kN, 3, 5}}}, ""});
  }
  cases.push_back({"standardize_batch", {{{kN, 3, 5, 2}}}, ""});
  cases.push_back({"standardize_batch", {{{kN, 17}}}, "eps = 0.1"});
  cases.push_back({"normalize_channels", {{{kN, 3, 2, 5}}, {{3}}, positive({3})}, ""});
  cases.push_back({"normalize_channels", {{{kN, 5}}, {{5}}, positive({5})}, "eps = 0.5"});
  cases.push_back({"scale_shift_channel", {{{kN, 3, 5, 2}}, {{3}}, {{3}}}, ""});
  cases.push_back({"scale_shift_channel", {{{kN, 1}}, {{1}}, {{1}}}, ""});

  cases.push_back({"scale_shift", {{{kN, 3, 5}}, {{5}}, {{5}}}, ""});
  cases.push_back({"layer_norm", {{{kN, 17}}}, ""});
  cases.push_back({"layer_norm", {{{kN, 3, 5}}}, "eps = 0.1"});
  cases.push_back({"rms_norm", {{{kN, 3, 5}}}, "eps = 0.1"});
  cases.push_back({"group_norm", {{{kN, 6, 3, 2}}}, "groups = 2"});
  cases.push_back({"group_norm", {{{kN, 15}}}, "groups = 3; eps = 0.1"});
  cases.push_back({"local_response_norm", {{{kN, 17, 3}}}, "size = 5; alpha = 0.5; k = 2"});
  cases.push_back({"local_response_norm", {{{kN, 3, 2, 3}}}, "size = 4; alpha = 2; beta = 0.5"});
  add_augmentation(cases);
  add_sequences(cases);
  add_axes(cases);

  cases.push_back({"cross_entropy", {{{kN, 10}}, labels(10)}, ""});
  cases.push_back({"cross_entropy", {{{kN, 10}}, labels(10)}, "label_smoothing = 0.1"});
  cases.push_back({"cross_entropy", {{{kN, 5, 3, 2}}, {{kN, 3, 2}, Range::Label, 5}}, ""});
  cases.push_back({"cross_entropy", {{{kN, 5, 7}}, {{kN, 7}, Range::Label, 5}}, ""});
  cases.push_back({"cross_entropy", {{{kN, 5, 7}}, {{kN, 7}, Range::Label, 5}}, "label_smoothing = 0.1"});
  cases.push_back({"nll", {{{kN, 17}}, labels(17)}, ""});
  cases.push_back({"nll", {{{kN, 5, 7}}, {{kN, 7}, Range::Label, 5}}, ""});
  cases.push_back({"cross_entropy", {{{kN, 33}}, labels(33)}, ""});
  cases.push_back({"cross_entropy", {{{kN, 2}}, labels(2)}, ""});
  for (const char* op : {"mse", "l1", "binary_cross_entropy", "huber", "smooth_l1"}) {
    cases.push_back({op, {{{kN, 17}}, positive({kN, 17})}, ""});
    cases.push_back({op, {{{kN, 1}}, positive({kN, 1})}, ""});
    cases.push_back({op, {{{kN, 2, 3, 5}}, positive({kN, 2, 3, 5})}, ""});
  }

  cases.push_back({"huber", {{{kN, 17}}, positive({kN, 17})}, "delta = 0.4"});
  cases.push_back({"smooth_l1", {{{kN, 17}}, positive({kN, 17})}, "beta = 0.4"});

  cases.push_back({"positions_first", {{{kN, 3, 2, 5}}}, ""});
  cases.push_back({"concat", {{{kN, 3, 5}}, {{kN, 17, 5}}}, ""});
  cases.push_back({"concat", {{{kN, 1}}, {{kN, 1}}}, ""});
  cases.push_back({"pad2d", {{{kN, 3, 5, 2}}}, "padding = [1, 2]; value = 0.5"});
  cases.push_back({"center_crop2d", {{{kN, 2, 7, 5}}}, "size = [3, 5]"});
  cases.push_back({"normalize_rgb", {{{kN, 3, 5, 2}}}, ""});
  cases.push_back({"concat", {{{kN, 3, 5}}, {{kN, 3, 2}}}, "axis = -1"});
  cases.push_back({"flatten", {{{kN, 3, 1, 5}}}, ""});
  cases.push_back({"unflatten", {{{kN, 30}}}, "channels = 3; height = 2; width = 5"});
  cases.push_back({"transpose", {{{kN, 3, 5}}}, ""});
  cases.push_back({"slice_axis", {{{kN, 3, 7, 5}}}, "axis = 2; start = 1; end = 6; step = 2"});
  cases.push_back({"slice_axis", {{{kN, 17}}}, "axis = -1; start = 3; end = 4"});
  cases.push_back({"move_last", {{{kN, 3, 2, 5}}}, "axis = 1"});
  cases.push_back({"mean_axis", {{{kN, 3, 2, 5}}}, "axis = 1"});
  cases.push_back({"mean_axis", {{{kN, 3, 17}}}, "axis = -1"});
  for (const char* op : {"sum_axis", "max_axis", "min_axis"}) {
    cases.push_back({op, {{{kN, 3, 2, 5}}}, "axis = 1"});
    cases.push_back({op, {{{kN, 3, 17}}}, "axis = -1"});
  }
  for (const char* op : {"reflect_axis", "replicate_axis"}) {
    cases.push_back({op, {{{kN, 3, 4, 5}}}, "axis = 2; before = 2; after = 3"});
    cases.push_back({op, {{{kN, 17, 3}}}, "axis = 1; before = 3"});
  }
  cases.push_back({"resize_nearest2d", {{{kN, 2, 4, 5}}}, "size = [6, 3]"});
  cases.push_back({"resize_bilinear2d", {{{kN, 2, 4, 5}}}, "size = [6, 3]"});
  cases.push_back({"resize_bilinear2d", {{{kN, 2, 3, 4}}}, "size = [2, 7]; align_corners = true"});
  cases.push_back({"selu", {{{kN, 17}}}, "alpha = 2; gamma = 3"});
  cases.push_back({"hard_sigmoid", {{{kN, 17}}}, "slope = 0.3; offset = 0.4"});
  cases.push_back({"split_last", {{{kN, 2, 15}}}, "parts = 3"});
  cases.push_back({"pad_axis", {{{kN, 3, 2, 5}}}, "axis = 2; before = 1; after = 2; value = 0.5"});
  cases.push_back({"pad_axis", {{{kN, 17, 3}}}, "axis = 1; before = 3"});
  cases.push_back({"squeeze", {{{kN, 3, 1}}}, ""});
  cases.push_back({"unsqueeze", {{{kN, 3}}}, ""});
  return cases;
}

std::vector<GradientCase> forward_cases() {
  const GradientInput labels{{kN}, Range::Label, 10};
  std::vector<GradientCase> cases = {
      {"step", {{{kN, 33}}}, ""},
      {"step", {{{kN, 1, 2, 1}}}, ""},
      {"binarize", {{{kN, 17}}}, "threshold = 0.2"},
      {"one_hot", {{{kN}, Range::Label, 17}}, "classes = 17"},
      {"one_hot", {{{kN}, Range::Label, 1}}, "classes = 1"},
      {"top1", {{{kN, 10}}, labels}, ""},
      {"top1", {{{kN, 1}}, {{kN}, Range::Label, 1}}, ""},
      {"top1", {{{kN, 5, 3, 2}}, {{kN, 3, 2}, Range::Label, 5}}, ""},
      {"sinusoidal_positions", {{{kN, 3, 5}}}, ""},
      {"top_k", {{{kN, 10}}, labels}, "k = 3"},
      {"top_k", {{{kN, 33}}, {{kN}, Range::Label, 33}}, "k = 5"},
      {"top_k", {{{kN, 5, 3}}, {{kN, 3}, Range::Label, 5}}, "k = 2"},
      {"same_side", {{{kN, 2}}, {{kN, 2}}}, "threshold = 0.1"},
      {"same_side", {{{kN, 1, 3}}, {{kN, 1, 3}}}, ""},
      {"ones_like", {{{kN, 3, 5}}}, ""},
      {"resized_places", {{{kN, 3, 5}}}, "axis = -1; size = 7"},
      {"resized_places", {{{kN, 3, 5}}}, "axis = 1; size = 2; scale = 0.7; shift = 0; offset = 0.1"},
      {"max_pool2d_which", {{{kN, 3, 5, 6}}}, "kernel_size = [2, 3]; stride = 2; padding = 1"},
      {"max_pool2d_places", {{{kN, 3, 5, 6}}}, "kernel_size = 3; stride = 2; padding = 1"},
      {"max_pool2d_places", {{{kN, 2, 4, 4}}}, "kernel_size = 2; by_columns = true"},
      {"uniform_each", {{{kN, 3, 2}}}, ""},
      {"uniform_noise", {{{kN, 1, 3, 5}}}, ""},
      {"gaussian_each", {{{kN, 3, 2}}}, ""},
      {"gaussian_heights", {{{kN, 3, 2}}}, "sigma = 1.2; radius = 4"},
      {"gaussian_weights", {{{kN, 3, 2}}}, "sigma = 1.2; radius = 4"},
  };
  const std::pair<const char*, const char*> initializers[] = {
      {"zeros", ""},
      {"ones", ""},
      {"filled", "value = 2.5"},
      {"uniform_between", "low = -1; high = 3"},
      {"uniform_fan", "fan_in = 25"},
      {"gaussian", "mean = 3; std = 0.5"},
      {"he_normal_fan", "fan_in = 50"},
      {"glorot_uniform_fan", "fan_in = 20; fan_out = 30"},
      {"he_uniform_fan", "fan_in = 50"},
      {"glorot_normal_fan", "fan_in = 20; fan_out = 30"},
      {"lecun_normal_fan", "fan_in = 25"},
  };
  for (const auto& [op, attributes] : initializers)
    for (const std::vector<int64_t>& shape : {std::vector<int64_t>{1}, {17}, {33, 3}, {5, 2, 3, 1}})
      cases.push_back({op, {{shape}}, attributes});
  return cases;
}

} // namespace striate
