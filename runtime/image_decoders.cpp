// JPEG by libjpeg-turbo, PNG by libpng.
#include "runtime/image.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

#include <jerror.h>
#include <png.h>

namespace striate {

static Failure too_large(const std::string& name, int64_t width, int64_t height) {
  return bad_data("`{}` has {} x {} pixels; at most {} can be read", name, width, height, kMaximumPixels);
}

namespace {

// libjpeg reports errors by a call that must not return.
struct JpegErrors {
  jpeg_error_mgr base; // first: libjpeg knows the object by it
  jmp_buf escape;
  bool damaged = false; // a warning says that pixels are missing
  char message[JMSG_LENGTH_MAX] = "";
};

} // namespace

static JpegErrors& errors_of(j_common_ptr info) { return *reinterpret_cast<JpegErrors*>(info->err); }

[[noreturn]] static void on_jpeg_error(j_common_ptr info) {
  (*info->err->format_message)(info, errors_of(info).message);
  std::longjmp(errors_of(info).escape, 1);
}

// Warnings of data that is missing or cannot be decoded; others (bytes before a marker) cost no pixel.
static void on_jpeg_warning(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
  case JWRN_JPEG_EOF:
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_MUST_RESYNC:
  case JWRN_BOGUS_PROGRESSION:
    if (!errors_of(info).damaged) (*info->err->format_message)(info, errors_of(info).message);
    errors_of(info).damaged = true;
    break;
  default:
    break;
  }
}

// Ink to light. Files that Adobe's programs wrote hold it inverted.
static void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int64_t pixels, bool inverted) {
  for (int64_t i = 0; i < pixels; ++i, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; ++c) {
      const int colour = inverted ? cmyk[c] : 255 - cmyk[c], black = inverted ? cmyk[3] : 255 - cmyk[3];
      rgb[c] = static_cast<uint8_t>((colour * black + 127) / 255);
    }
}

// What a jump out of libjpeg leaves behind is destroyed by the caller.
struct JpegDecoder {
  jpeg_decompress_struct info{};
  JpegErrors errors{};
  std::vector<uint8_t> inks; // a row

  ~JpegDecoder() { jpeg_destroy_decompress(&info); }

  // False after an error; `errors.message` says which, or is empty where the image is too large.
  bool decode(std::string_view bytes, Image& image) {
    if (setjmp(errors.escape) != 0) return false;
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info, TRUE);
    image.height = info.image_height;
    image.width = info.image_width;
    if (image.height * image.width > kMaximumPixels) return false;
    const bool inks_only = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    info.out_color_space = inks_only ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info);
    image.rgb.resize(static_cast<std::size_t>(image.height * image.width * 3));
    if (inks_only) inks.resize(static_cast<std::size_t>(image.width * 4));
    while (info.output_scanline < info.output_height) {
      uint8_t* to = image.rgb.data() + static_cast<int64_t>(info.output_scanline) * image.width * 3;
      JSAMPROW row = inks_only ? inks.data() : to;
      jpeg_read_scanlines(&info, &row, 1);
      if (inks_only) cmyk_to_rgb(inks.data(), to, image.width, info.saw_Adobe_marker);
    }
    jpeg_finish_decompress(&info);
    return !errors.damaged;
  }
};

static Result<Image> decode_jpeg(std::string_view bytes, const std::string& name) {
  Image image;
  JpegDecoder decoder;
  decoder.info.err = jpeg_std_error(&decoder.errors.base);
  decoder.errors.base.error_exit = on_jpeg_error;
  decoder.errors.base.emit_message = on_jpeg_warning;
  if (decoder.decode(bytes, image)) return image;
  if (decoder.errors.message[0] == '\0') return too_large(name, image.width, image.height);
  return bad_data("`{}` is a damaged JPEG file: {}", name, decoder.errors.message);
}

static Result<Image> decode_png(std::string_view bytes, const std::string& name) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const auto damaged = [&] {
    Failure failure = bad_data("`{}` is a damaged PNG file: {}", name, png.message);
    png_image_free(&png);
    return failure;
  };
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) return damaged();
  Image image{png.height, png.width, {}};
  if (image.height * image.width > kMaximumPixels) {
    png_image_free(&png);
    return too_large(name, image.width, image.height);
  }
  png.format = PNG_FORMAT_RGB;
  image.rgb.resize(static_cast<std::size_t>(image.height * image.width * 3));
  const png_color black = {0, 0, 0};
  if (!png_image_finish_read(&png, &black, image.rgb.data(), 0, nullptr)) return damaged();
  return image;
}

Result<Image> decode_image(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) return bad_data("`{}` is empty", name);
  if (bytes.starts_with("\xFF\xD8")) return decode_jpeg(bytes, name);
  if (bytes.starts_with("\x89PNG")) return decode_png(bytes, name);
  return bad_data("`{}` is neither a JPEG nor a PNG file", name);
}

} // namespace striate
