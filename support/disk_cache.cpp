#include "support/disk_cache.h"

#include "support/random.h"

#include <fmt/format.h>

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace striate {

static constexpr std::string_view kMagic = "striate cache 1\n";
static constexpr const char* kTemporary = ".new.";
static constexpr time_t kAbandonedAfter = 3600; // seconds: nobody writes one entry for as long

std::filesystem::path cache_folder() {
  if (const char* folder = std::getenv("STRIATE_CACHE")) return *folder == '/' ? folder : "";
  // A relative path is to be ignored, says the specification of these folders.
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder && *folder == '/')
    return std::filesystem::path(folder) / "striate";
  if (const char* home = std::getenv("HOME"); home && *home == '/')
    return std::filesystem::path(home) / ".cache" / "striate";
  return {};
}

// Looks through the notes of the loaded object that covers an address (ELF, "Note Sections").
struct BuildIdSearch {
  uintptr_t address;
  std::string found;
};

static bool covers(const dl_phdr_info& object, uintptr_t address) {
  return std::any_of(object.dlpi_phdr, object.dlpi_phdr + object.dlpi_phnum, [&](const ElfW(Phdr) & segment) {
    const uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    return segment.p_type == PT_LOAD && address >= begin && address - begin < segment.p_memsz;
  });
}

static std::string build_id_note(const char* notes, std::size_t bytes) {
  constexpr std::size_t kAlignment = 4;
  const auto aligned = [](std::size_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; };
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes + at, sizeof note);
    const std::size_t name = at + sizeof note, value = name + aligned(note.n_namesz);
    at = value + aligned(note.n_descsz);
    if (at > bytes) break;
    if (note.n_type != NT_GNU_BUILD_ID ||
        std::string_view(notes + name, note.n_namesz) != std::string_view("GNU", 4))
      continue;
    std::string text;
    for (std::size_t i = 0; i < note.n_descsz; ++i)
      text += fmt::format("{:02x}", static_cast<unsigned char>(notes[value + i]));
    return text;
  }
  return "";
}

static int look_for_build_id(dl_phdr_info* object, std::size_t, void* data) {
  auto& search = *static_cast<BuildIdSearch*>(data);
  if (!covers(*object, search.address)) return 0;
  for (int i = 0; i < object->dlpi_phnum && search.found.empty(); ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type == PT_NOTE)
      search.found =
          build_id_note(reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr), segment.p_memsz);
  }
  return 1;
}

std::string build_id_of(const void* address) {
  BuildIdSearch search{reinterpret_cast<uintptr_t>(address), ""};
  dl_iterate_phdr(look_for_build_id, &search);
  return search.found;
}

DiskCache::DiskCache(DiskCache&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), most_bytes_(other.most_bytes_) {}
DiskCache& DiskCache::operator=(DiskCache&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  most_bytes_ = other.most_bytes_;
  return *this;
}
DiskCache::~DiskCache() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::optional<DiskCache> DiskCache::open(const std::filesystem::path& folder, int64_t most_bytes) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path().parent_path(), error);
  mkdir(folder.parent_path().c_str(), S_IRWXU);
  mkdir(folder.c_str(), S_IRWXU);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  DiskCache cache(descriptor, most_bytes);
  struct stat facts {};
  const bool own = fstat(descriptor, &facts) == 0 && facts.st_uid == geteuid() && (facts.st_mode & 077) == 0;
  if (!own) return std::nullopt;
  return cache;
}

std::optional<DiskCache> open_cache(const std::string& name) {
  const std::filesystem::path folder = cache_folder();
  return folder.empty() ? std::nullopt : DiskCache::open(folder / name);
}

static std::string file_name(std::string_view key) { return fmt::format("{:016x}", fnv1a(key)); }

static bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

static bool read_all(int file, std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = read(file, bytes.data() + at, bytes.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += static_cast<std::size_t>(count);
  }
  return true;
}

// An entry's file: the magic text, the lengths of key and bytes, the bytes' checksum, the key, the bytes.
static std::string header(std::string_view key, std::string_view bytes) {
  return fmt::format("{}{:016x}{:016x}{:016x}", kMagic, key.size(), bytes.size(), fnv1a(bytes));
}

std::optional<std::string> DiskCache::get(std::string_view key) const {
  const int file = openat(descriptor_, file_name(key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct stat facts {};
  std::string whole;
  bool good = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
              (facts.st_mode & 022) == 0 && facts.st_size <= most_bytes_;
  if (good) {
    whole.resize(static_cast<std::size_t>(facts.st_size));
    good = read_all(file, whole);
    futimens(file, nullptr); // used now
  }
  close(file);
  const std::size_t before = header("", "").size() + key.size();
  if (!good || whole.size() < before) return std::nullopt;
  const std::string_view bytes = std::string_view(whole).substr(before);
  if (!whole.starts_with(header(key, bytes)) ||
      std::string_view(whole).substr(before - key.size(), key.size()) != key)
    return std::nullopt;
  return std::string(bytes);
}

void DiskCache::put(std::string_view key, std::string_view bytes) const {
  static std::atomic<unsigned> number = 0;
  const std::string temporary = fmt::format("{}{}.{}", kTemporary, getpid(), number++);
  const int file =
      openat(descriptor_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return;
  const bool written = write_all(file, header(key, bytes)) && write_all(file, key) && write_all(file, bytes);
  const bool closed = close(file) == 0;
  if (!written || !closed ||
      renameat(descriptor_, temporary.c_str(), descriptor_, file_name(key).c_str()) != 0)
    unlinkat(descriptor_, temporary.c_str(), 0);
}

void DiskCache::trim() const {
  struct Entry {
    timespec used;
    int64_t bytes;
    std::string name;
  };
  std::vector<Entry> entries;
  int64_t total = 0;
  const int again = openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const folder = again < 0 ? nullptr : fdopendir(again);
  if (!folder) {
    if (again >= 0) close(again);
    return;
  }
  const time_t now = time(nullptr);
  while (const dirent* entry = readdir(folder)) {
    struct stat facts {};
    if (fstatat(descriptor_, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode))
      continue;
    if (std::string_view(entry->d_name).starts_with(kTemporary)) {
      if (now - facts.st_mtime > kAbandonedAfter) unlinkat(descriptor_, entry->d_name, 0);
      continue;
    }
    total += facts.st_size;
    entries.push_back({facts.st_mtim, facts.st_size, entry->d_name});
  }
  closedir(folder);
  if (total <= most_bytes_) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.used.tv_sec, a.used.tv_nsec, a.name) < std::tie(b.used.tv_sec, b.used.tv_nsec, b.name);
  });
  for (const Entry& entry : entries) {
    if (total <= most_bytes_ / 4 * 3) break;
    if (unlinkat(descriptor_, entry.name.c_str(), 0) == 0) total -= entry.bytes;
  }
}

} // namespace striate
