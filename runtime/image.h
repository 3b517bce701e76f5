// Images: JPEG and PNG files decoded, and brought to the fixed size that a network takes.
// Guarantees: a truncated, damaged or oversized image is a Failure that names it; the same file gives the
// same bytes everywhere.
#pragma once

#include "support/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct Image {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> rgb; // rows of pixels, red, green and blue side by side
};

inline constexpr int64_t kMaximumPixels = int64_t{1} << 27;

// `name` is how messages call the bytes. Grey images get three equal colours; transparent pixels lie on
// black.
Result<Image> decode_image(std::string_view bytes, const std::string& name);

struct ImageOptions {
  int64_t height = 0, width = 0; // of the result
  int64_t resize = 0;            // the shorter side before the crop; 0: the smallest that covers the result
  int64_t channels = 3;          // 3: red, green, blue; 1: grey, (299 red + 587 green + 114 blue) / 1000

  std::vector<int64_t> shape() const { return {channels, height, width}; }
};

// Resizes so that the shorter side is `resize` (the longer one is rounded down), and cuts the middle out
// (its corner is half of what is left over, rounded to even). A pixel o of n, from a side of m pixels, is the
// mean of the pixels i with weights max(0, 1 - |i + 1/2 - (o + 1/2) m/n| / max(1, m/n)): bilinear, and
// smoothed where it shrinks. `planes` gets channels x height x width bytes.
void fit_image(const Image& image, const ImageOptions& options, uint8_t* planes);

// The two together, from a file.
Status read_image(const std::string& path, const ImageOptions& options, uint8_t* planes);

} // namespace striate
