// Small JPEG and PNG files for tests, made by the libraries that read them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <jpeglib.h>
#include <png.h>

namespace striate {

// The channels of the pixel at (row, column).
using Pixel = std::function<uint8_t(int64_t row, int64_t column, int channel)>;

inline std::vector<uint8_t> pixels(int64_t height, int64_t width, int channels, const Pixel& pixel) {
  std::vector<uint8_t> bytes;
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column)
      for (int channel = 0; channel < channels; ++channel) bytes.push_back(pixel(row, column, channel));
  return bytes;
}

// channels: 1 grey, 3 RGB, 4 RGB and alpha.
inline std::string png_bytes(int64_t height, int64_t width, int channels, const Pixel& pixel) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.height = static_cast<png_uint_32>(height);
  png.width = static_cast<png_uint_32>(width);
  png.format = channels == 1 ? PNG_FORMAT_GRAY : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  const std::vector<uint8_t> bytes = pixels(height, width, channels, pixel);
  std::string file(bytes.size() + 4096, '\0');
  png_alloc_size_t size = file.size();
  EXPECT_TRUE(png_image_write_to_memory(&png, file.data(), &size, 0, bytes.data(), 0, nullptr))
      << png.message;
  file.resize(size);
  return file;
}

// channels: 1 grey, 3 RGB, 4 CMYK.
inline std::string jpeg_bytes(int64_t height, int64_t width, int channels, const Pixel& pixel) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_height = static_cast<JDIMENSION>(height);
  info.image_width = static_cast<JDIMENSION>(width);
  info.input_components = channels;
  info.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> bytes = pixels(height, width, channels, pixel);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = bytes.data() + static_cast<int64_t>(info.next_scanline) * width * channels;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<char*>(out), size);
  std::free(out);
  return file;
}

} // namespace striate
