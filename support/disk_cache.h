// Made things kept on disk for the next process: bytes by key, one file each.
//
// A cache is a convenience: what cannot be kept, read or trusted is simply not there, and nothing fails. An
// entry holds its whole key and a checksum, so that a damaged file or two keys with one file name are misses.
// The folder is used only where it is the user's own and closed to others (0700): its bytes may be code.
// Processes may use it at once: entries appear whole (temporary file, rename). Shown by
// tests/support/disk_cache_test.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace striate {

// Where Striate keeps what it can make again: $STRIATE_CACHE, or striate/ in $XDG_CACHE_HOME or in ~/.cache.
// Empty where the first is set to nothing, which asks for no cache, or none of them is an absolute path.
std::filesystem::path cache_folder();

// Names the code that `address` lies in: the linker's build ID of its library or program; "" where it has
// none. A part of the keys of everything that depends on this code.
std::string build_id_of(const void* address);

class DiskCache {
public:
  static constexpr int64_t kMostBytes = int64_t{512} << 20;

  // The folder, made where it is missing; nothing where it cannot be used.
  static std::optional<DiskCache> open(const std::filesystem::path& folder, int64_t most_bytes = kMostBytes);
  DiskCache(DiskCache&&) noexcept;
  DiskCache& operator=(DiskCache&&) noexcept;
  ~DiskCache();

  // May be called by several threads.
  std::optional<std::string> get(std::string_view key) const;
  void put(std::string_view key, std::string_view bytes) const;
  // Forgets what was not used for the longest time, down to three quarters of the limit, where it is passed.
  void trim() const;

private:
  explicit DiskCache(int descriptor, int64_t most_bytes) : descriptor_(descriptor), most_bytes_(most_bytes) {}

  int descriptor_ = -1;
  int64_t most_bytes_ = 0;
};

// The one of this name in cache_folder().
std::optional<DiskCache> open_cache(const std::string& name);

} // namespace striate
