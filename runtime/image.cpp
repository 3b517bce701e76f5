#include "runtime/image.h"

#include "runtime/files.h"

#include <algorithm>
#include <cmath>

namespace striate {

static constexpr int64_t kMaximumImageBytes = int64_t{1} << 28;

namespace {

// Which pixels of a side make one of the result's, and with which weights.
struct Window {
  int64_t first = 0;
  std::vector<float> weights;
};

} // namespace

// The windows of `count` pixels from `begin` on, of a side that goes from `from` pixels to `to`.
static std::vector<Window> windows(int64_t from, int64_t to, int64_t begin, int64_t count) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(1.0, scale);
  std::vector<Window> result;
  for (int64_t o = begin; o < begin + count; ++o) {
    const double centre = (static_cast<double>(o) + 0.5) * scale;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - support)));
    const auto end = std::min<int64_t>(from, static_cast<int64_t>(std::ceil(centre + support)));
    Window& window = result.emplace_back();
    window.first = first;
    double sum = 0;
    std::vector<double> weights;
    for (int64_t i = first; i < end; ++i) {
      weights.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(i) + 0.5 - centre) / support));
      sum += weights.back();
    }
    for (double weight : weights) window.weights.push_back(static_cast<float>(weight / sum));
  }
  return result;
}

// The sides after resizing.
static std::pair<int64_t, int64_t> resized_sides(const Image& image, const ImageOptions& options) {
  const int64_t h = image.height, w = image.width;
  if (options.resize > 0)
    return h <= w ? std::pair(options.resize, options.resize * w / h)
                  : std::pair(options.resize * h / w, options.resize);
  const int64_t width = options.height * w / h;
  if (width >= options.width) return {options.height, width};
  return {std::max(options.height, options.width * h / w), options.width};
}

static int64_t middle(int64_t side, int64_t cut) {
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(side - cut) / 2));
}

void fit_image(const Image& image, const ImageOptions& options, uint8_t* planes) {
  const auto [height, width] = resized_sides(image, options);
  CHECK(height >= options.height && width >= options.width, "{} x {}", height, width);
  const std::vector<Window> rows =
      windows(image.height, height, middle(height, options.height), options.height);
  const std::vector<Window> columns =
      windows(image.width, width, middle(width, options.width), options.width);
  const int64_t first_row = rows.front().first;
  const int64_t row_count = rows.back().first + static_cast<int64_t>(rows.back().weights.size()) - first_row;

  // Across first, for the rows that the result needs; then down.
  std::vector<float> across(static_cast<std::size_t>(row_count * options.width * 3));
  for (int64_t row = 0; row < row_count; ++row) {
    const uint8_t* from = image.rgb.data() + (first_row + row) * image.width * 3;
    float* to = across.data() + row * options.width * 3;
    for (const Window& window : columns) {
      float sums[3] = {0, 0, 0};
      const uint8_t* pixel = from + window.first * 3;
      for (float weight : window.weights)
        for (float& sum : sums) sum += weight * static_cast<float>(*pixel++);
      to = std::copy(std::begin(sums), std::end(sums), to);
    }
  }
  const int64_t plane = options.height * options.width;
  std::vector<float> sums(static_cast<std::size_t>(options.width * 3));
  for (int64_t row = 0; row < options.height; ++row) {
    const Window& window = rows[static_cast<std::size_t>(row)];
    std::ranges::fill(sums, 0.0f);
    for (std::size_t k = 0; k < window.weights.size(); ++k) {
      const float* from =
          across.data() + (window.first - first_row + static_cast<int64_t>(k)) * options.width * 3;
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += window.weights[k] * from[i];
    }
    for (int64_t column = 0; column < options.width; ++column) {
      int rgb[3];
      for (int channel = 0; channel < 3; ++channel)
        rgb[channel] = std::clamp(
            static_cast<int>(std::floor(sums[static_cast<std::size_t>(column * 3 + channel)] + 0.5f)), 0,
            255);
      uint8_t* to = planes + row * options.width + column;
      if (options.channels == 1)
        *to = static_cast<uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
      else
        for (int channel = 0; channel < 3; ++channel)
          to[channel * plane] = static_cast<uint8_t>(rgb[channel]);
    }
  }
}

Status read_image(const std::string& path, const ImageOptions& options, uint8_t* planes) {
  Result<std::string> bytes = read_file(path, kMaximumImageBytes);
  if (!bytes) return bytes.failure();
  const Result<Image> image = decode_image(*bytes, path);
  if (!image) return image.failure();
  fit_image(*image, options, planes);
  return {};
}

} // namespace striate
