#include "runtime/image.h"

#include "tests/runtime/image_files.h"
#include "tests/runtime/scratch.h"

namespace striate {

static uint8_t gradient(int64_t row, int64_t column, int channel) {
  return static_cast<uint8_t>(channel == 0 ? 8 * row : channel == 1 ? 8 * column : 100);
}

static std::vector<uint8_t> fitted(const Image& image, const ImageOptions& options) {
  std::vector<uint8_t> planes(static_cast<std::size_t>(options.channels * options.height * options.width));
  fit_image(image, options, planes.data());
  return planes;
}

TEST(Image, PngIsExact) {
  const Result<Image> image = decode_image(png_bytes(5, 7, 3, gradient), "x.png");
  ASSERT_TRUE(image.ok()) << image.failure().message;
  EXPECT_EQ(image->height, 5);
  EXPECT_EQ(image->width, 7);
  EXPECT_EQ(image->rgb, pixels(5, 7, 3, gradient));
}

TEST(Image, JpegIsClose) {
  const Result<Image> image = decode_image(jpeg_bytes(16, 24, 3, gradient), "x.jpg");
  ASSERT_TRUE(image.ok()) << image.failure().message;
  const std::vector<uint8_t> wanted = pixels(16, 24, 3, gradient);
  ASSERT_EQ(image->rgb.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(image->rgb[i], wanted[i], 12) << i;
}

TEST(Image, GreyHasThreeEqualColours) {
  const Pixel grey = [](int64_t row, int64_t column, int) { return static_cast<uint8_t>(20 * row + column); };
  for (const std::string& file : {png_bytes(4, 4, 1, grey), jpeg_bytes(4, 4, 1, grey)}) {
    const Result<Image> image = decode_image(file, "x");
    ASSERT_TRUE(image.ok()) << image.failure().message;
    for (std::size_t i = 0; i < image->rgb.size(); i += 3) {
      EXPECT_EQ(image->rgb[i], image->rgb[i + 1]);
      EXPECT_EQ(image->rgb[i], image->rgb[i + 2]);
      EXPECT_NEAR(image->rgb[i], 20 * static_cast<int>(i / 12) + static_cast<int>(i / 3 % 4), 3);
    }
  }
}

TEST(Image, TransparentPixelsLieOnBlackAndInksAreLight) {
  const Pixel clear = [](int64_t, int64_t column, int channel) -> uint8_t {
    return channel < 3 ? 200 : column == 0 ? 0 : 255;
  };
  const Result<Image> image = decode_image(png_bytes(1, 2, 4, clear), "x.png");
  ASSERT_TRUE(image.ok()) << image.failure().message;
  EXPECT_EQ(image->rgb, (std::vector<uint8_t>{0, 0, 0, 200, 200, 200}));
  // With the marker of Adobe's programs, which the library writes, 255 is no ink.
  const Pixel cyan = [](int64_t, int64_t, int channel) -> uint8_t { return channel == 0 ? 0 : 255; };
  const Result<Image> inks = decode_image(jpeg_bytes(8, 8, 4, cyan), "x.jpg");
  ASSERT_TRUE(inks.ok()) << inks.failure().message;
  EXPECT_NEAR(inks->rgb[0], 0, 3);
  EXPECT_NEAR(inks->rgb[1], 255, 3);
}

TEST(Image, TheSameSizeIsTheSamePixels) {
  const Image image = decode_image(png_bytes(6, 6, 3, gradient), "x").value();
  const std::vector<uint8_t> planes = fitted(image, {6, 6});
  for (int64_t row = 0; row < 6; ++row)
    for (int64_t column = 0; column < 6; ++column)
      for (int channel = 0; channel < 3; ++channel)
        EXPECT_EQ(planes[static_cast<std::size_t>(channel * 36 + row * 6 + column)],
                  gradient(row, column, channel));
}

TEST(Image, TheMiddleIsCutOut) {
  const Image image = decode_image(png_bytes(4, 9, 3, gradient), "x").value();
  const std::vector<uint8_t> planes = fitted(image, {4, 4});
  // 5 columns are left over: their half, 2.5, is rounded to even.
  EXPECT_EQ(planes[16], gradient(0, 2, 1));
  EXPECT_EQ(planes[19], gradient(0, 5, 1));
}

TEST(Image, ShrinkingIsAMeanByTheStatedFormula) {
  // 4 -> 2 pixels: weights max(0, 1 - |i + 1/2 - 2 (o + 1/2)| / 2) of pixels 0..2 are 3/4, 3/4, 1/4.
  const Pixel step = [](int64_t, int64_t column, int) { return static_cast<uint8_t>(column < 2 ? 210 : 0); };
  const Image image = decode_image(png_bytes(4, 4, 3, step), "x").value();
  const std::vector<uint8_t> planes = fitted(image, {2, 2});
  EXPECT_EQ(planes[0], 180);
  EXPECT_EQ(planes[1], 30);
  EXPECT_EQ(planes[2], 180);
}

TEST(Image, GrowingInterpolates) {
  const Pixel step = [](int64_t, int64_t column, int) { return static_cast<uint8_t>(column == 0 ? 0 : 200); };
  const Image image = decode_image(png_bytes(2, 2, 1, step), "x").value();
  const std::vector<uint8_t> planes = fitted(image, {4, 4, 0, 1});
  EXPECT_EQ(std::vector<uint8_t>(planes.begin(), planes.begin() + 4),
            (std::vector<uint8_t>{0, 50, 150, 200}));
}

TEST(Image, ResizeThenCropAndOtherShapes) {
  const Image image = decode_image(png_bytes(10, 20, 3, gradient), "x").value();
  EXPECT_EQ(fitted(image, {4, 4, 8}).size(), 48u);
  EXPECT_EQ(fitted(image, {3, 17}).size(), 153u) << "wider than high";
  EXPECT_EQ(fitted(image, {17, 3}).size(), 153u);
  EXPECT_EQ(fitted(decode_image(png_bytes(1, 1, 3, gradient), "x").value(), {5, 9}).size(), 135u);
  EXPECT_EQ(fitted(decode_image(png_bytes(1, 300, 3, gradient), "x").value(), {5, 5}).size(), 75u);
}

TEST(Image, DamagedFilesAreRefused) {
  EXPECT_EQ(decode_image("", "x.jpg").failure().message, "`x.jpg` is empty");
  EXPECT_EQ(decode_image("GIF89a", "x.gif").failure().message, "`x.gif` is neither a JPEG nor a PNG file");
  for (const std::string& file : {jpeg_bytes(24, 24, 3, gradient), png_bytes(24, 24, 3, gradient)}) {
    const bool jpeg = file[0] == '\xFF';
    const auto decode = [&](const std::string& bytes) { return decode_image(bytes, "x").ok(); };
    // The last two bytes of a JPEG file, the last chunk of a PNG file hold no pixels.
    expect_every_prefix_refused(file.substr(0, file.size() - (jpeg ? 2 : 12)), decode);
    flip_bits(file, 1500, decode);
  }
  EXPECT_EQ(decode_image(jpeg_bytes(24, 24, 3, gradient).substr(0, 400), "x.jpg")
                .failure()
                .message.rfind("`x.jpg` is a damaged JPEG file: ", 0),
            0u);
}

TEST(Image, HeadersThatClaimTooMuchAreRefused) {
  std::string file = png_bytes(4, 4, 3, gradient);
  for (std::size_t i = 16; i < 24; ++i) file[i] = '\x7f'; // width and height
  EXPECT_FALSE(decode_image(file, "x.png").ok());
  std::string jpeg = jpeg_bytes(4, 4, 1, gradient);
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  for (std::size_t i = frame + 5; i < frame + 9; ++i) jpeg[i] = '\x7f';
  EXPECT_EQ(decode_image(jpeg, "x.jpg").failure().message,
            "`x.jpg` has 32639 x 32639 pixels; at most 134217728 can be read");
}

using ImageFolder = Scratch;

TEST_F(ImageFolder, FilesWithAnyName) {
  const std::string file = write("été 花.png", png_bytes(3, 3, 3, gradient));
  std::vector<uint8_t> planes(27);
  EXPECT_TRUE(read_image(file, {3, 3}, planes.data()).ok());
  EXPECT_EQ(read_image(path("none.png"), {3, 3}, planes.data()).failure().message,
            "cannot open `" + path("none.png") + "`: No such file or directory");
}

TEST(Image, AgreesWithARealPhotograph) {
  const std::string folder = shared_data("photos");
  if (folder.empty()) GTEST_SKIP() << "no shared data";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jpg") continue;
    std::vector<uint8_t> planes(3 * 227 * 227);
    const Status read = read_image(entry.path().string(), {227, 227, 256}, planes.data());
    EXPECT_TRUE(read.ok()) << read.failure().message;
  }
}

} // namespace striate
