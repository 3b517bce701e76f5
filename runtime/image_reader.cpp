// A folder of images: one sub-folder for each class.
#include "runtime/data_readers.h"

#include "runtime/decode_ahead.h"
#include "runtime/image.h"

#include <algorithm>
#include <atomic>
#include <filesystem>

namespace striate {

namespace fs = std::filesystem;

static bool has_image_ending(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

// The entries of a folder that are folders, or files, sorted by name; hidden ones are none.
static Result<std::vector<std::string>> entries(const std::string& folder, bool folders) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return bad_data("cannot read `{}`: {}", folder, error ? error.message() : "it is not a folder");
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with('.') && fs::is_directory(entry->path(), ignored) == folders) names.push_back(name);
  }
  if (error) return bad_data("cannot read `{}`: {}", folder, error.message());
  std::ranges::sort(names);
  return names;
}

namespace {

struct ImageFile {
  std::string path;
  int32_t label = 0;
};

} // namespace

// Without the files that cannot be decoded, which are decoded for that; what is left out is said.
static std::vector<ImageFile> without_broken(const std::vector<ImageFile>& files, const ImageOptions& options,
                                             std::vector<std::string>& warnings) {
  std::vector<std::string> problems(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::vector<uint8_t> bytes(static_cast<std::size_t>(options.channels * options.height * options.width));
    for (std::size_t i; (i = next++) < files.size();)
      if (const Status read = read_image(files[i].path, options, bytes.data()); !read)
        problems[i] = read.failure().message;
  };
  std::vector<std::thread> threads(std::clamp(std::thread::hardware_concurrency(), 1u, 8u));
  for (std::thread& thread : threads) thread = std::thread(work);
  for (std::thread& thread : threads) thread.join();
  std::vector<ImageFile> sound;
  for (std::size_t i = 0; i < files.size(); ++i)
    if (problems[i].empty())
      sound.push_back(files[i]);
    else
      warnings.push_back("left out: " + problems[i]);
  return sound;
}

Result<Table> read_images(const std::vector<std::string>& folders, const ImageOptions& options,
                          bool skip_broken, DataFit& fit) {
  std::vector<std::vector<std::string>> classes_of;
  std::vector<std::string> classes = fit.classes;
  for (const std::string& folder : folders) {
    Result<std::vector<std::string>> names = entries(folder, true);
    if (!names) return names.failure();
    if (names->empty())
      return bad_data("`{}` has no sub-folders; there is one for each class, with its images", folder);
    for (const std::string& name : *names) {
      if (std::ranges::find(classes, name) != classes.end()) continue;
      if (!fit.classes.empty())
        return bad_data("`{}` has the class `{}`, which the training split lacks (it has {})", folder, name,
                        fmt::join(fit.classes, ", "));
      classes.push_back(name);
    }
    classes_of.push_back(std::move(*names));
  }
  if (fit.classes.empty()) std::ranges::sort(classes);

  Table table;
  std::vector<ImageFile> files;
  int64_t others = 0;
  for (std::size_t f = 0; f < folders.size(); ++f)
    for (const std::string& name : classes_of[f]) {
      const std::string folder = (fs::path(folders[f]) / name).string();
      const Result<std::vector<std::string>> images = entries(folder, false);
      if (!images) return images.failure();
      const auto label = std::ranges::find(classes, name) - classes.begin();
      for (const std::string& image : *images)
        if (has_image_ending(image))
          files.push_back({(fs::path(folder) / image).string(), static_cast<int32_t>(label)});
        else
          ++others;
    }
  if (others > 0)
    table.warnings.push_back(fmt::format("`{}`: passed over {} files that are not called .jpg, .jpeg or .png",
                                         folders[0], others));
  if (skip_broken) files = without_broken(files, options, table.warnings);
  if (files.empty()) return bad_data("`{}` has no images in the folders of its classes", folders[0]);
  fit.classes = std::move(classes);

  const auto rows = static_cast<int64_t>(files.size());
  Tensor labels(ElementType::I32, {rows});
  std::ranges::transform(files, labels.as<int32_t>().begin(),
                         [](const ImageFile& file) { return file.label; });
  const auto decode = [files = std::move(files), options](int64_t row, uint8_t* to) {
    return read_image(files[static_cast<std::size_t>(row)].path, options, to);
  };
  table.columns.push_back({"image", {}, std::make_shared<DecodeAhead>(options.shape(), rows, decode)});
  table.columns.push_back({"label", std::move(labels)});
  return table;
}

} // namespace striate
