// What random changes of pictures promise, whatever is drawn: each output is one of those that the definition
// allows, all of them occur, and as often as they should.
#include "tests/conformance/operator_subject.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace striate {
namespace {

constexpr int64_t kExamples = 600;

// Pictures whose pixel c, i, j of every example is 1 + its number, changed by `op`.
class Changed {
public:
  Changed(const std::string& op, std::vector<int64_t> shape, const std::string& attributes,
          double scale = 1) {
    TensorType type{ElementType::F32, {Size::n()}};
    for (int64_t size : shape) type.shape.push_back(Size::constant(size));
    const auto subject = OperatorSubject::make({op, {type}, parse_attributes(attributes), kExamples});
    if (!subject) return;
    ReferenceTensor pictures = reference_tensor(type, kExamples);
    elements_ = pictures.values.size() / kExamples;
    for (std::size_t k = 0; k < pictures.values.size(); ++k)
      pictures.values[k] = scale * static_cast<double>(1 + k % elements_);
    before = {pictures.values.begin(), pictures.values.begin() + static_cast<long>(elements_)};
    const ReferenceTensor output = subject->outputs({pictures})[0];
    const std::size_t size = output.values.size() / kExamples;
    for (int64_t n = 0; n < kExamples; ++n)
      after.emplace_back(output.values.begin() + static_cast<long>(n * size),
                         output.values.begin() + static_cast<long>((n + 1) * size));
  }

  std::vector<double> before;
  std::vector<std::vector<double>> after; // per example

private:
  std::size_t elements_ = 1;
};

// Four standard errors of a share.
void expect_share(double count, double share) {
  EXPECT_NEAR(count / kExamples, share, 4 * std::sqrt(share * (1 - share) / kExamples) + 1e-9);
}

void expect_uniform(const std::vector<double>& values, double low, double high) {
  double mean = 0, square = 0;
  for (double value : values) {
    EXPECT_GE(value, low - 1e-9);
    EXPECT_LE(value, high + 1e-9);
    mean += value / static_cast<double>(values.size());
  }
  for (double value : values) square += (value - mean) * (value - mean) / static_cast<double>(values.size());
  const double variance = (high - low) * (high - low) / 12;
  EXPECT_NEAR(mean, (low + high) / 2, 4 * std::sqrt(variance / static_cast<double>(values.size())));
  EXPECT_NEAR(square, variance, 0.2 * variance);
}

TEST(Augmentation, NumbersForEach) {
  std::vector<double> each, pixels, normal;
  for (const auto& values : Changed("uniform_each", {3, 2}, "").after) each.push_back(values[0]);
  for (const auto& values : Changed("uniform_noise", {2, 3, 2}, "").after) {
    ASSERT_EQ(values.size(), 6u);
    pixels.insert(pixels.end(), values.begin(), values.end());
  }
  for (const auto& values : Changed("gaussian_each", {3, 2}, "").after) normal.push_back(values[0]);
  expect_uniform(each, 0, 1);
  expect_uniform(pixels, -1, 1);
  double mean = 0, square = 0;
  for (double value : normal) {
    mean += value / kExamples;
    square += value * value / kExamples;
  }
  EXPECT_NEAR(mean, 0, 4 / std::sqrt(kExamples));
  EXPECT_NEAR(square, 1, 4 * std::sqrt(2.0 / kExamples));
}

TEST(Augmentation, FlipsMirror) {
  for (const bool across : {true, false}) {
    const Changed changed(across ? "random_flip" : "random_vertical_flip", {2, 3, 4}, "p = 0.3");
    std::vector<double> mirrored(changed.before.size());
    for (int c = 0; c < 2; ++c)
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 4; ++j)
          mirrored[12 * c + 4 * i + j] = changed.before[12 * c + (across ? 4 * i + 3 - j : 4 * (2 - i) + j)];
    double flipped = 0;
    for (const std::vector<double>& picture : changed.after) {
      EXPECT_TRUE(picture == changed.before || picture == mirrored);
      flipped += picture == mirrored;
    }
    expect_share(flipped, 0.3);
  }
}

TEST(Augmentation, CropsAreWindowsOfThePaddedPicture) {
  // 4 x 3 pictures with a frame of 1 x 2, windows of 3 x 4: 4 rows and 4 columns to begin at.
  const Changed changed("random_crop", {2, 4, 3}, "size = [3, 4]; padding = [1, 2]");
  std::map<std::vector<double>, double> windows;
  for (int top = -1; top <= 2; ++top)
    for (int left = -2; left <= 1; ++left) {
      std::vector<double> window;
      for (int c = 0; c < 2; ++c)
        for (int i = top; i < top + 3; ++i)
          for (int j = left; j < left + 4; ++j)
            window.push_back(i >= 0 && i < 4 && j >= 0 && j < 3 ? changed.before[12 * c + 3 * i + j] : 0);
      windows[window] = 0;
    }
  ASSERT_EQ(windows.size(), 16u);
  for (const std::vector<double>& picture : changed.after) {
    ASSERT_TRUE(windows.contains(picture));
    ++windows[picture];
  }
  for (const auto& [window, count] : windows) expect_share(count, 1.0 / 16);
}

// The rows and columns that are -1 in all channels; everything else must be as it was.
struct Hole {
  int rows = 0, columns = 0, pixels = 0;
};
Hole hole_of(const Changed& changed, const std::vector<double>& picture, int height, int width) {
  std::set<int> rows, columns;
  Hole hole;
  for (int i = 0; i < height; ++i)
    for (int j = 0; j < width; ++j) {
      const std::size_t first = static_cast<std::size_t>(width * i + j);
      const std::size_t second = first + static_cast<std::size_t>(height * width);
      const bool gone = picture[first] == -1;
      EXPECT_EQ(gone, picture[second] == -1);
      if (gone) {
        rows.insert(i);
        columns.insert(j);
        ++hole.pixels;
      } else {
        EXPECT_EQ(picture[first], changed.before[first]);
        EXPECT_EQ(picture[second], changed.before[second]);
      }
    }
  hole.rows = static_cast<int>(rows.size());
  hole.columns = static_cast<int>(columns.size());
  EXPECT_EQ(hole.pixels, hole.rows * hole.columns) << "no rectangle";
  return hole;
}

TEST(Augmentation, CutoutLeavesASquareOut) {
  const Changed changed("cutout", {2, 6, 5}, "size = 4; value = -1");
  std::set<int> sizes;
  double whole = 0;
  for (const std::vector<double>& picture : changed.after) {
    const Hole hole = hole_of(changed, picture, 6, 5);
    // From rows 0 .. 5 less 2: 4 rows where they fit, at least 2 at the edge.
    EXPECT_GE(hole.rows, 2);
    EXPECT_LE(hole.rows, 4);
    EXPECT_GE(hole.columns, 2);
    EXPECT_LE(hole.columns, 4);
    sizes.insert(10 * hole.rows + hole.columns);
    whole += hole.pixels == 16;
  }
  EXPECT_EQ(sizes.size(), 9u);
  expect_share(whole, 3.0 / 6 * 2 / 5);
}

TEST(Augmentation, ErasedRectanglesHaveTheirShares) {
  const Changed changed("random_erasing", {2, 20, 20}, "p = 0.4; area = [0.1, 0.3]; value = -1");
  double erased = 0;
  for (const std::vector<double>& picture : changed.after) {
    const Hole hole = hole_of(changed, picture, 20, 20);
    if (hole.pixels == 0) continue;
    ++erased;
    // 40 to 120 pixels, and half a pixel of rounding on every side.
    EXPECT_GE((hole.rows + 1) * (hole.columns + 1), 40);
    EXPECT_LE((hole.rows - 1) * (hole.columns - 1), 120);
    const double aspect = static_cast<double>(hole.rows) / hole.columns;
    EXPECT_GT(aspect, 0.2);
    EXPECT_LT(aspect, 5);
  }
  expect_share(erased, 0.4);
}

TEST(Augmentation, BrightnessAndContrastAreFactors) {
  std::vector<double> bright, contrast;
  const Changed brighter("random_brightness", {2, 3}, "strength = 0.4");
  for (const auto& picture : brighter.after) {
    bright.push_back(picture[0] / brighter.before[0]);
    for (std::size_t k = 0; k < picture.size(); ++k)
      EXPECT_NEAR(picture[k], bright.back() * brighter.before[k], 1e-9);
  }
  expect_uniform(bright, 0.6, 1.4);
  const Changed harder("random_contrast", {2, 3}, "strength = 0.4");
  for (const auto& picture : harder.after) {
    contrast.push_back((picture[0] - 3.5) / (harder.before[0] - 3.5));
    for (std::size_t k = 0; k < picture.size(); ++k)
      EXPECT_NEAR(picture[k], 3.5 + contrast.back() * (harder.before[k] - 3.5), 1e-9);
  }
  expect_uniform(contrast, 0.6, 1.4);
}

static double grey_of(const std::vector<double>& colors, std::size_t pixel, std::size_t pixels) {
  return 0.299 * colors[pixel] + 0.587 * colors[pixel + pixels] + 0.114 * colors[pixel + 2 * pixels];
}

TEST(Augmentation, SaturationKeepsGrey) {
  const Changed changed("random_saturation", {3, 2, 2}, "strength = 0.4");
  std::vector<double> factors;
  for (const auto& picture : changed.after) {
    for (std::size_t pixel = 0; pixel < 4; ++pixel)
      EXPECT_NEAR(grey_of(picture, pixel, 4), grey_of(changed.before, pixel, 4), 1e-5);
    factors.push_back((picture[8] - picture[0]) / (changed.before[8] - changed.before[0]));
  }
  expect_uniform(factors, 0.6, 1.4);
}

TEST(Augmentation, JitterIsItsParts) {
  for (const auto& picture : Changed("color_jitter", {3, 2, 2}, "").after)
    for (std::size_t k = 0; k < picture.size(); ++k)
      EXPECT_NEAR(picture[k], 1 + static_cast<double>(k), 1e-9);
  std::set<double> grey;
  const Changed changed("color_jitter", {3, 2, 2}, "brightness = 0.4; contrast = 0.2; saturation = 0.1");
  for (const auto& picture : changed.after) grey.insert(grey_of(picture, 0, 4));
  EXPECT_GT(grey.size(), 500u);
}

TEST(Augmentation, ColorsMoveAlongTheirDirections) {
  const Changed changed(
      "pca_colors", {3, 1, 2},
      "strength = 0.5; deviations = [2, 1, 0]; directions = [1, 0, 0, 0, 0.6, 0.8, 0, -0.8, 0.6]");
  double red = 0, along = 0, product = 0;
  for (const auto& picture : changed.after) {
    std::vector<double> moved;
    for (std::size_t c = 0; c < 3; ++c) {
      moved.push_back(picture[2 * c] - changed.before[2 * c]);
      EXPECT_NEAR(picture[2 * c + 1] - changed.before[2 * c + 1], moved[c], 1e-9) << "pixels move alike";
    }
    const double second = 0.6 * moved[1] + 0.8 * moved[2];
    EXPECT_NEAR(-0.8 * moved[1] + 0.6 * moved[2], 0, 1e-9);
    red += moved[0] * moved[0] / kExamples;
    along += second * second / kExamples;
    product += moved[0] * second / kExamples;
  }
  const double error = 4 * std::sqrt(2.0 / kExamples);
  EXPECT_NEAR(red, 1, error);
  EXPECT_NEAR(along, 0.25, 0.25 * error);
  EXPECT_NEAR(product, 0, 0.5 * error);
}

// The middle pixel of an odd picture stays where it is; a pixel beside it comes from a circle.
TEST(Augmentation, RotationsTurnAboutTheMiddle) {
  const Changed changed("random_rotation", {1, 5, 5}, "degrees = 90");
  std::vector<double> angles;
  for (const auto& picture : changed.after) {
    EXPECT_NEAR(picture[12], changed.before[12], 1e-9);
    // In a picture that is linear in its place, values are places: 5 for a row and 1 for a column.
    const double right = picture[13] - picture[12], down = picture[17] - picture[12];
    EXPECT_NEAR(right * right + down * down, 26, 1e-6);
    angles.push_back(std::atan2(right, down) - std::atan2(1, 5));
  }
  for (double& angle : angles)
    if (angle > 3.2) angle -= 2 * 3.14159265358979;
  expect_uniform(angles, -3.14159265358979 / 2, 3.14159265358979 / 2);
}

TEST(Augmentation, AffineMovesAndStretches) {
  std::vector<double> downs;
  for (const auto& picture : Changed("random_affine", {1, 9, 9}, "translate = [0.2, 0]").after) {
    EXPECT_NEAR(picture[41] - picture[40], 1, 1e-6);
    downs.push_back((41 - picture[40]) / 9);
  }
  expect_uniform(downs, -1.8, 1.8);
  std::vector<double> larger;
  for (const auto& picture : Changed("random_affine", {1, 9, 9}, "scale = [1, 2]").after)
    larger.push_back(1 / (picture[41] - picture[40]));
  expect_uniform(larger, 1, 2);
  std::vector<double> slants;
  for (const auto& picture : Changed("random_affine", {1, 9, 9}, "shear = 30").after) {
    EXPECT_NEAR(picture[41] - picture[40], 1, 1e-6);
    slants.push_back(picture[49] - picture[40] - 9);
  }
  expect_uniform(slants, -3.14159265358979 / 6, 3.14159265358979 / 6);
}

// In the middle of a large picture that is linear in its place, values tell where pixels come from.
TEST(Augmentation, ElasticPlacesAreSmooth) {
  const Changed changed("elastic_distortion", {1, 21, 21}, "alpha = 6; sigma = 2");
  double moved = 0, apart = 0;
  for (const auto& picture : changed.after) {
    const double middle = picture[220] - changed.before[220];
    const double beside = picture[221] - changed.before[221];
    moved += middle * middle / kExamples;
    apart += (middle - beside) * (middle - beside) / kExamples;
  }
  // The sum of squared weights is 1 / (4 pi sigma^2); noise in [-1, 1) has the variance 1/3; a row counts 21.
  const double expected = 36.0 / 3 / (4 * 3.14159265358979 * 4) * (1 + 21 * 21);
  EXPECT_NEAR(moved, expected, 0.25 * expected);
  EXPECT_LT(apart, 0.2 * moved);
}

} // namespace
} // namespace striate
