// Reading and writing whole files.
// Reading: plain or gzip (told by its first bytes), never more than the caller's limit; a truncated or
// damaged gzip file is an error, never a short read. Writing: the file is complete or absent, whenever the
// process or the machine stops (temporary file in the same folder, fsync, rename, fsync of the folder).
#pragma once

#include "support/result.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace striate {

inline constexpr int64_t kMaximumFileBytes = int64_t{1} << 36;

// The bytes of a file in order, gunzipped where it is gzip.
class ByteSource {
public:
  static Result<ByteSource> open(const std::string& path);
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ~ByteSource();

  // Reads up to `count` bytes; fewer only at the end.
  Result<int64_t> read(void* buffer, int64_t count);
  // Reads exactly `count` bytes; a shorter file is an error that tells what was missing.
  Status read_exactly(void* buffer, int64_t count, std::string_view what);
  // What the file can hold at most (deflate expands no more than 1,032 times): a header that claims more is
  // false, and is refused before memory is taken for it.
  int64_t capacity() const;
  const std::string& path() const;

private:
  struct State;
  explicit ByteSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The whole content, gunzipped where it is gzip; more than `maximum` bytes are an error.
Result<std::string> read_file(const std::string& path, int64_t maximum = kMaximumFileBytes);

// Replaces `path` by the pieces, one after the other. A symbolic link is followed; a device or pipe is
// written in place.
Status write_file_safely(const std::string& path, std::span<const std::string_view> pieces);
Status write_file_safely(const std::string& path, std::string_view bytes);

// Creates the folder and its parents where they are missing.
Status create_folders(const std::string& path);

// Deletes what writers killed half-way left in the folder. Only for folders that one process owns.
void remove_stale_temporaries(const std::string& folder);

// "cannot open `x`: No such file or directory", from errno.
Failure system_failure(std::string_view action, const std::string& path);

} // namespace striate
