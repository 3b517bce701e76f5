#include "runtime/files.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace striate {

static constexpr int64_t kDeflateRatio = 1032;
static constexpr std::string_view kTemporaryPrefix = ".striate-tmp.";

Failure system_failure(std::string_view action, const std::string& path) {
  const int error = errno;
  const ExitCode code = error == ENOMEM ? ExitCode::OutOfMemory : ExitCode::BadData;
  return {code, fmt::format("cannot {} `{}`: {}", action, path, std::strerror(error))};
}

// Owns a file descriptor.
class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

private:
  int number_;
};

static int open_retrying(const char* path, int flags, mode_t mode = 0) {
  int number;
  do number = ::open(path, flags | O_CLOEXEC, mode);
  while (number < 0 && errno == EINTR);
  return number;
}

// --- Reading
// ------------------------------------------------------------------------------------------------

struct ByteSource::State {
  std::string path;
  Descriptor file{-1};
  bool gzip = false;
  bool inflating = false; // `stream` is initialised
  bool member_done = false;
  int64_t capacity = 0;
  z_stream stream{};
  std::array<uint8_t, 1 << 16> input;
  std::size_t input_begin = 0, input_end = 0;

  ~State() {
    if (inflating) inflateEnd(&stream);
  }

  // Refills the empty input buffer; false at the end of the file.
  Result<bool> refill() {
    ssize_t count;
    do count = ::read(file.number(), input.data(), input.size());
    while (count < 0 && errno == EINTR);
    if (count < 0) return system_failure("read", path);
    input_begin = 0;
    input_end = static_cast<std::size_t>(count);
    return count > 0;
  }

  Result<int64_t> read_plain(uint8_t* buffer, int64_t count) {
    int64_t done = 0;
    while (done < count) {
      if (input_begin == input_end) {
        Result<bool> more = refill();
        if (!more) return more.failure();
        if (!*more) break;
      }
      const auto part =
          std::min<std::size_t>(static_cast<std::size_t>(count - done), input_end - input_begin);
      std::memcpy(buffer + done, input.data() + input_begin, part);
      input_begin += part;
      done += static_cast<int64_t>(part);
    }
    return done;
  }

  // At the end of a gzip member: another member may follow, or zero padding, or the end; nothing else.
  Result<bool> next_member() {
    for (;;) {
      if (input_begin == input_end) {
        Result<bool> more = refill();
        if (!more) return more.failure();
        if (!*more) return false;
      }
      if (input[input_begin] != 0) break;
      ++input_begin;
    }
    if (input[input_begin] != 0x1f) return bad_data("`{}` has other bytes after its gzip data", path);
    inflateReset(&stream);
    member_done = false;
    return true;
  }

  Result<int64_t> read_gzip(uint8_t* buffer, int64_t count) {
    int64_t done = 0;
    while (done < count) {
      if (member_done) {
        Result<bool> more = next_member();
        if (!more) return more.failure();
        if (!*more) break;
      }
      if (input_begin == input_end) {
        Result<bool> more = refill();
        if (!more) return more.failure();
        if (!*more) return bad_data("`{}` is a truncated gzip file", path);
      }
      stream.next_in = input.data() + input_begin;
      stream.avail_in = static_cast<uInt>(input_end - input_begin);
      const auto wanted = static_cast<uInt>(std::min<int64_t>(count - done, 1 << 30));
      stream.next_out = buffer + done;
      stream.avail_out = wanted;
      const int code = inflate(&stream, Z_NO_FLUSH);
      input_begin = input_end - stream.avail_in;
      done += wanted - stream.avail_out;
      if (code == Z_STREAM_END)
        member_done = true;
      else if (code == Z_MEM_ERROR)
        return Failure{ExitCode::OutOfMemory, fmt::format("no memory to unpack `{}`", path)};
      else if (code != Z_OK && code != Z_BUF_ERROR)
        return bad_data("`{}` is a damaged gzip file ({})", path, stream.msg ? stream.msg : "bad data");
    }
    return done;
  }
};

ByteSource::ByteSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;
ByteSource::~ByteSource() = default;
const std::string& ByteSource::path() const { return state_->path; }
int64_t ByteSource::capacity() const { return state_->capacity; }

Result<ByteSource> ByteSource::open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->file = Descriptor(open_retrying(path.c_str(), O_RDONLY));
  if (!state->file.open()) return system_failure("open", path);
  struct stat status;
  if (fstat(state->file.number(), &status) != 0) return system_failure("read", path);
  if (S_ISDIR(status.st_mode)) return bad_data("cannot read `{}`: it is a folder", path);

  // A pipe tells no size: then only what is read counts.
  const bool regular = S_ISREG(status.st_mode);
  state->capacity = regular ? static_cast<int64_t>(status.st_size) : kMaximumFileBytes;
  Result<bool> any = state->refill();
  if (!any) return any.failure();
  if (state->input_end >= 2 && state->input[0] == 0x1f && state->input[1] == 0x8b) {
    state->gzip = true;
    if (regular)
      state->capacity = std::min(state->capacity, kMaximumFileBytes / kDeflateRatio) * kDeflateRatio;
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&state->stream, kGzipOnly) != Z_OK)
      return Failure{ExitCode::OutOfMemory, fmt::format("no memory to unpack `{}`", path)};
    state->inflating = true;
  }
  return ByteSource(std::move(state));
}

Result<int64_t> ByteSource::read(void* buffer, int64_t count) {
  auto* bytes = static_cast<uint8_t*>(buffer);
  return state_->gzip ? state_->read_gzip(bytes, count) : state_->read_plain(bytes, count);
}

Status ByteSource::read_exactly(void* buffer, int64_t count, std::string_view what) {
  Result<int64_t> got = read(buffer, count);
  if (!got) return got.failure();
  if (*got < count)
    return bad_data("`{}` ends within its {}: {} bytes are missing", state_->path, what, count - *got);
  return {};
}

Result<std::string> read_file(const std::string& path, int64_t maximum) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source) return source.failure();
  std::string content;
  constexpr std::size_t kStep = 1 << 20;
  for (;;) {
    const std::size_t size = content.size();
    // Doubling keeps the copies few; only what arrives is ever paid for, whatever the file claims.
    content.resize(size + std::max(kStep, size));
    Result<int64_t> got = source->read(content.data() + size, static_cast<int64_t>(content.size() - size));
    if (!got) return got.failure();
    const bool end = *got < static_cast<int64_t>(content.size() - size);
    content.resize(size + static_cast<std::size_t>(*got));
    if (static_cast<int64_t>(content.size()) > maximum)
      return bad_data("`{}` is larger than the limit of {} bytes", path, maximum);
    if (end) return content;
  }
}

// --- Writing
// ------------------------------------------------------------------------------------------------

static bool write_all(int file, std::span<const std::string_view> pieces) {
  for (std::string_view piece : pieces)
    while (!piece.empty()) {
      const ssize_t count = ::write(file, piece.data(), piece.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      piece.remove_prefix(static_cast<std::size_t>(count));
    }
  return true;
}

static bool sync_retrying(int file) {
  int code;
  do code = fsync(file);
  while (code != 0 && errno == EINTR);
  return code == 0;
}

static Status sync_folder(const std::string& folder) {
  Descriptor file(open_retrying(folder.c_str(), O_RDONLY | O_DIRECTORY));
  if (!file.open()) return system_failure("open", folder);
  // Some file systems cannot sync a folder and say EINVAL; they need no such call.
  if (!sync_retrying(file.number()) && errno != EINVAL) return system_failure("sync", folder);
  return {};
}

static Status write_in_place(const std::string& path, std::span<const std::string_view> pieces) {
  Descriptor file(open_retrying(path.c_str(), O_WRONLY));
  if (!file.open()) return system_failure("open", path);
  if (!write_all(file.number(), pieces)) return system_failure("write", path);
  if (!file.close()) return system_failure("write", path);
  return {};
}

Status write_file_safely(const std::string& path, std::span<const std::string_view> pieces) {
  std::error_code error;
  std::filesystem::path target = path;
  const auto status = std::filesystem::status(target, error);
  if (std::filesystem::is_directory(status)) return bad_data("cannot write `{}`: it is a folder", path);
  if (std::filesystem::exists(status)) {
    if (!std::filesystem::is_regular_file(status)) return write_in_place(path, pieces);
    const auto resolved = std::filesystem::canonical(target, error);
    if (!error) target = resolved;
  }
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";

  static std::atomic<int> counter = 0;
  std::string temporary;
  Descriptor file(-1);
  do {
    temporary =
        folder / fmt::format("{}{}-{}.{}", kTemporaryPrefix, getpid(), counter++, target.filename().string());
    file = Descriptor(open_retrying(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666));
  } while (!file.open() && errno == EEXIST);
  if (!file.open()) return system_failure("write", path);

  const bool written = write_all(file.number(), pieces) && sync_retrying(file.number()) && file.close() &&
                       ::rename(temporary.c_str(), target.c_str()) == 0;
  if (!written) {
    Failure failure = system_failure("write", path);
    ::unlink(temporary.c_str());
    return failure;
  }
  return sync_folder(folder);
}

Status write_file_safely(const std::string& path, std::string_view bytes) {
  return write_file_safely(path, std::span(&bytes, 1));
}

Status create_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return bad_data("cannot create the folder `{}`: {}", path, error.message());
  if (!std::filesystem::is_directory(path, error)) return bad_data("`{}` exists and is not a folder", path);
  return {};
}

void remove_stale_temporaries(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().filename().string().starts_with(kTemporaryPrefix)) {
      std::error_code ignored;
      std::filesystem::remove(entry->path(), ignored);
    }
}

} // namespace striate
