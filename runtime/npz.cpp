#include "runtime/npy.h"

#include "runtime/files.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

namespace striate {

// The content of the entry that was just begun. It is paid for as it arrives, whatever its header claims.
static Result<std::string> entry_bytes(archive* zip, const std::string& name) {
  std::string bytes;
  int64_t most = 0; // that it says to have
  constexpr std::size_t kStep = 1 << 20;
  for (;;) {
    const std::size_t size = bytes.size();
    bytes.resize(size + std::max(kStep, size));
    const la_ssize_t got = archive_read_data(zip, bytes.data() + size, bytes.size() - size);
    if (got < 0)
      return bad_data("`{}` is damaged: {}", name,
                      archive_error_string(zip) ? archive_error_string(zip) : "its bytes cannot be unpacked");
    bytes.resize(size + static_cast<std::size_t>(got));
    if (got == 0) return bytes;
    if (size == 0) {
      const Result<int64_t> says = npy_file_bytes(bytes, name);
      if (!says) return says.failure();
      most = *says;
    }
    if (static_cast<int64_t>(bytes.size()) > most) return bytes; // which is refused
    if (static_cast<int64_t>(bytes.size()) > kMaximumFileBytes)
      return bad_data("`{}` is larger than the limit of {} bytes", name, kMaximumFileBytes);
  }
}

Result<std::vector<NamedTensor>> read_npz(const std::string& path, const std::vector<std::string>& arrays) {
  // Says what is wrong with the file itself in the words of every reader.
  if (Result<ByteSource> source = ByteSource::open(path); !source) return source.failure();
  std::unique_ptr<archive, decltype(&archive_read_free)> zip(archive_read_new(), archive_read_free);
  if (!zip) return Failure{ExitCode::OutOfMemory, fmt::format("no memory to unpack `{}`", path)};
  archive_read_support_format_zip_seekable(zip.get()); // one that is cut off has no directory
  constexpr std::size_t kBlock = 1 << 16;
  const auto damaged = [&]() -> Failure {
    const char* reason = archive_error_string(zip.get());
    return bad_data("`{}` is not a .npz file, or damaged{}{}", path, reason ? ": " : "",
                    reason ? reason : "");
  };
  if (archive_read_open_filename(zip.get(), path.c_str(), kBlock) != ARCHIVE_OK) return damaged();

  std::vector<std::optional<Tensor>> found(arrays.size());
  std::vector<std::string> known;
  std::vector<NamedTensor> result; // where all arrays are wanted
  archive_entry* entry = nullptr;
  int code;
  while ((code = archive_read_next_header(zip.get(), &entry)) == ARCHIVE_OK) {
    const char* pathname = archive_entry_pathname_utf8(entry);
    if (!pathname) pathname = archive_entry_pathname(entry);
    std::string name = pathname ? pathname : "";
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    if (std::ranges::find(known, name) != known.end()) return bad_data("`{}` has `{}` twice", path, name);
    known.push_back(name);
    if (!arrays.empty() && std::ranges::find(arrays, name) == arrays.end()) continue;
    const std::string place = path + ":" + name;
    Result<std::string> bytes = entry_bytes(zip.get(), place);
    if (!bytes) return bytes.failure();
    Result<Tensor> tensor = parse_npy(*bytes, place);
    if (!tensor) return tensor.failure();
    for (std::size_t i = 0; i < arrays.size(); ++i)
      if (arrays[i] == name && !found[i]) found[i] = tensor->clone();
    if (arrays.empty()) result.push_back({name, std::move(*tensor)});
  }
  if (code != ARCHIVE_EOF) return damaged();
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (!found[i])
      return bad_data("`{}` has no array `{}`; it has {}", path, arrays[i], fmt::join(known, ", "));
    result.push_back({arrays[i], std::move(*found[i])});
  }
  return result;
}

} // namespace striate
