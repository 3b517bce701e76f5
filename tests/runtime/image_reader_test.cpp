// Folders of images, and decoding ahead of the batches.
#include "runtime/dataset.h"
#include "runtime/decode_ahead.h"
#include "runtime/image.h"

#include "tests/runtime/image_files.h"
#include "tests/runtime/scratch.h"

#include <atomic>

namespace striate {

class ImageFolders : public Scratch {
protected:
  // A picture of one colour.
  void add(const std::string& name, uint8_t colour) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    write(name, png_bytes(8, 8, 3, [=](int64_t, int64_t, int) { return colour; }));
  }
  Result<Table> read(DataFit& fit, bool skip_broken = false, const std::string& folder = "train") const {
    return read_images({path(folder)}, {4, 4}, skip_broken, fit);
  }
};

TEST_F(ImageFolders, ClassesAndFilesInSortedOrder) {
  add("train/rose/b.png", 3);
  add("train/rose/a.PNG", 2);
  add("train/Ahorn/z.png", 1);
  add("train/été/x.png", 4);
  write("train/rose/notes.txt", "not an image");
  write("train/rose/.hidden.png", "not an image");
  write("train/readme", "passed over");
  DataFit fit;
  const Result<Table> table = read(fit);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(fit.classes, (std::vector<std::string>{"Ahorn", "rose", "été"}));
  EXPECT_EQ(table->rows(), 4);
  EXPECT_EQ(table->columns[0].example_shape(), (std::vector<int64_t>{3, 4, 4}));
  const auto labels = table->columns[1].values.as<int32_t>();
  EXPECT_EQ(std::vector<int>(labels.begin(), labels.end()), (std::vector<int>{0, 1, 1, 2}));
  const std::vector<int64_t> rows = {2, 0};
  const Result<FetchedRows> fetched = fetch_rows(table->columns[0], rows);
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->values->as<uint8_t>()[0], 3);
  EXPECT_EQ(fetched->values->as<uint8_t>()[48], 1);
  EXPECT_EQ(table->warnings, (std::vector<std::string>{"`" + path("train") +
                                                       "`: passed over 1 files that are not called .jpg, "
                                                       ".jpeg or .png"}));
}

TEST_F(ImageFolders, TheTrainingSplitSettlesTheClasses) {
  add("train/a/1.png", 1);
  add("train/b/1.png", 2);
  add("test/b/1.png", 3);
  add("other/c/1.png", 3);
  DataFit fit;
  ASSERT_TRUE(read(fit).ok());
  const Result<Table> test = read(fit, false, "test");
  ASSERT_TRUE(test.ok());
  EXPECT_EQ(test->columns[1].values.as<int32_t>()[0], 1) << "b stays 1 where a is missing";
  EXPECT_EQ(read(fit, false, "other").failure().message,
            "`" + path("other") + "` has the class `c`, which the training split lacks (it has a, b)");
}

TEST_F(ImageFolders, BrokenFilesAreErrorsOrLeftOut) {
  add("train/a/1.png", 1);
  add("train/a/3.png", 3);
  const std::string broken = write("train/a/2.jpg", "\xFF\xD8 but then");
  DataFit fit;
  const Result<Table> table = read(fit);
  ASSERT_TRUE(table.ok());
  const std::vector<int64_t> order = {2, 1, 0};
  table->announce(order);
  const std::string message = fetch_rows(table->columns[0], order).failure().message;
  EXPECT_EQ(message.rfind("`" + broken + "` is a damaged JPEG file", 0), 0u) << message;
  const Result<Table> sound = read(fit, true);
  ASSERT_TRUE(sound.ok());
  EXPECT_EQ(sound->rows(), 2);
  ASSERT_EQ(sound->warnings.size(), 1u);
  EXPECT_EQ(sound->warnings[0].rfind("left out: `" + broken + "`", 0), 0u);
}

TEST_F(ImageFolders, FoldersThatAreNone) {
  DataFit fit;
  EXPECT_EQ(read(fit).failure().message, "cannot read `" + path("train") + "`: No such file or directory");
  write("train", "a file");
  EXPECT_EQ(read(fit).failure().message, "cannot read `" + path("train") + "`: it is not a folder");
  std::filesystem::create_directories(path("flat"));
  write("flat/1.png", "");
  EXPECT_EQ(read(fit, false, "flat").failure().message,
            "`" + path("flat") + "` has no sub-folders; there is one for each class, with its images");
  std::filesystem::create_directories(path("empty/a"));
  EXPECT_EQ(read(fit, false, "empty").failure().message,
            "`" + path("empty") + "` has no images in the folders of its classes");
}

// --- Decoding ahead

static DecodeAhead::Decode counting(std::atomic<int>& decoded) {
  return [&decoded](int64_t row, uint8_t* to) -> Status {
    ++decoded;
    if (row == 13) return bad_data("row 13 is broken");
    for (int i = 0; i < 4; ++i) to[i] = static_cast<uint8_t>(row + i);
    return {};
  };
}

static std::vector<int> first_bytes(const Result<std::shared_ptr<const Tensor>>& batch) {
  std::vector<int> bytes;
  for (int64_t i = 0; i < (*batch)->shape()[0]; ++i)
    bytes.push_back((*batch)->as<uint8_t>()[static_cast<std::size_t>(4 * i)]);
  return bytes;
}

TEST(DecodeAhead, GivesWhatIsAskedForWhateverWasAnnounced) {
  for (const DecodeLimits& limits :
       {DecodeLimits{4, 16, 0}, DecodeLimits{1, 4, 16}, DecodeLimits{3, 1 << 20, 1 << 20}}) {
    std::atomic<int> decoded = 0;
    DecodeAhead source({4}, 100, counting(decoded), limits);
    const std::vector<int64_t> a = {5, 3, 9}, b = {1, 2}, c = {50, 50, 5};
    EXPECT_EQ(first_bytes(source.fetch(a)), (std::vector<int>{5, 3, 9})) << "nothing announced";
    const std::vector<int64_t> order = {1, 2, 5, 3, 9, 7, 8};
    source.announce(order);
    EXPECT_EQ(first_bytes(source.fetch(b)), (std::vector<int>{1, 2}));
    EXPECT_EQ(first_bytes(source.fetch(a)), (std::vector<int>{5, 3, 9}));
    EXPECT_EQ(first_bytes(source.fetch(a)), (std::vector<int>{5, 3, 9}))
        << "again, as after a loss that is not finite";
    EXPECT_EQ(first_bytes(source.fetch(c)), (std::vector<int>{50, 50, 5})) << "not announced";
    source.announce(order);
    const std::vector<int64_t> late = {7, 8};
    EXPECT_EQ(first_bytes(source.fetch(late)), (std::vector<int>{7, 8}))
        << "a run that goes on within an epoch";
  }
}

TEST(DecodeAhead, WholeEpochsInAnyOrder) {
  std::atomic<int> decoded = 0;
  DecodeAhead source({4}, 200, counting(decoded), {4, 64, 400});
  for (uint32_t epoch = 0; epoch < 5; ++epoch) {
    std::vector<int64_t> order = shuffled_order(200, 1, epoch);
    std::erase(order, 13);
    source.announce(order);
    for (std::size_t i = 0; i < order.size(); i += 32) {
      const std::span rows = std::span(order).subspan(i, std::min<std::size_t>(32, order.size() - i));
      EXPECT_EQ(first_bytes(source.fetch(rows)), std::vector<int>(rows.begin(), rows.end()));
    }
  }
}

TEST(DecodeAhead, StoresWhatFits) {
  std::atomic<int> decoded = 0;
  DecodeAhead source({4}, 10, counting(decoded), {2, 1 << 10, 1 << 10});
  const std::vector<int64_t> order = natural_order(10);
  for (int epoch = 0; epoch < 4; ++epoch) {
    source.announce(order);
    EXPECT_TRUE(source.fetch(order).ok());
  }
  EXPECT_EQ(decoded, 10);
}

TEST(DecodeAhead, NeverRunsFurtherAheadThanAllowed) {
  std::atomic<int> decoded = 0;
  DecodeAhead source({4}, 1000, counting(decoded), {2, 32, 0}); // eight examples
  std::vector<int64_t> order = natural_order(1000);
  std::erase(order, 13);
  source.announce(order);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(source.fetch(std::span(order).subspan(i, 1)).ok());
    EXPECT_LE(decoded, static_cast<int>(i) + 1 + 8);
  }
}

TEST(DecodeAhead, FailuresComeWithTheirRow) {
  std::atomic<int> decoded = 0;
  DecodeAhead source({4}, 100, counting(decoded), {4, 1 << 10, 1 << 10});
  const std::vector<int64_t> order = natural_order(100);
  source.announce(order);
  EXPECT_TRUE(source.fetch(std::span(order).subspan(0, 13)).ok());
  EXPECT_EQ(source.fetch(std::span(order).subspan(13, 4)).failure().message, "row 13 is broken");
  EXPECT_EQ(first_bytes(source.fetch(std::span(order).subspan(14, 2))), (std::vector<int>{14, 15}));
}

TEST(DecodeAhead, AnnouncedAndThrownAway) {
  std::atomic<int> decoded = 0;
  DecodeAhead source({4}, 1000, counting(decoded), {4, 1 << 20, 0});
  source.announce(natural_order(1000));
}

} // namespace striate
