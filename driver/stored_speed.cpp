#include "driver/stored_speed.h"

#include "driver/cuda_target.h"
#include "driver/measure_machine.h"

#include "runtime/files.h"
#include "support/disk_cache.h"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace striate {

using Json = nlohmann::json;

constexpr const char* kFormat = "striate machine 1";
constexpr int64_t kMostBytes = 1 << 20;

std::string stored_speed_file() {
  const std::filesystem::path cache = cache_folder();
  return cache.empty() ? "" : (cache / "machine.json").string();
}

static std::optional<double> positive(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_number()) return std::nullopt;
  const auto value = found->get<double>();
  if (!(value > 0) || !std::isfinite(value)) return std::nullopt;
  return value;
}

static bool is_entry(const Json& entry) {
  if (!entry.is_object() || !entry.contains("cpu") || !entry["cpu"].is_string()) return false;
  for (const char* name :
       {"threads", "flops", "cache_bytes_per_second", "memory_bytes_per_second", "cache_bytes"})
    if (!positive(entry, name)) return false;
  return *positive(entry, "cache_bytes") < 0x1p53;
}

static bool is_for(const Json& entry, const std::string& cpu, int threads) {
  return entry["cpu"].get<std::string>() == cpu && entry["threads"].get<double>() == threads;
}

// The entries of the file, an empty list where there is none; a Failure where it is not one of ours.
static Result<Json> read_entries(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error) return Json::array();
  if (!std::filesystem::is_regular_file(file, error)) return bad_data("{} is no file that can be read", file);
  const Result<std::string> text = read_file(file, kMostBytes);
  if (!text) return text.failure();
  const Json whole = Json::parse(*text, nullptr, false);
  const bool ours = whole.is_object() && whole.contains("format") && whole["format"] == kFormat &&
                    whole.contains("machines") && whole["machines"].is_array();
  if (!ours) return bad_data("{} is damaged, or from another version", file);
  for (const Json& entry : whole["machines"])
    if (!is_entry(entry)) return bad_data("{} is damaged", file);
  return whole["machines"];
}

std::optional<MachineSpeed> stored_speed(const std::string& cpu, int threads) {
  const std::string file = stored_speed_file();
  if (file.empty()) return std::nullopt;
  const Result<Json> entries = read_entries(file);
  if (!entries) {
    fmt::print(stderr, "striate: warning: {}; it is ignored, `striate machine` writes it anew\n",
               entries.failure().message);
    return std::nullopt;
  }
  for (const Json& entry : *entries)
    if (is_for(entry, cpu, threads))
      return MachineSpeed{*positive(entry, "flops"), *positive(entry, "cache_bytes_per_second"),
                          *positive(entry, "memory_bytes_per_second"),
                          static_cast<int64_t>(*positive(entry, "cache_bytes"))};
  return std::nullopt;
}

Result<MachineSpeed> known_speed(const CompileOptions& settings, ThreadPool& pool) {
  if (settings.cuda) return settings.cuda->context().speed();
  const TargetInfo& target = settings.pipeline.target;
  if (const std::optional<MachineSpeed> known = stored_speed(target.name, pool.threads())) return *known;
  return measure_machine(target, pool);
}

void use_stored_speed(CompileOptions& settings) {
  settings.pipeline.speed = stored_speed(settings.pipeline.target.name, settings.threads);
}

Status store_speed(const std::string& cpu, int threads, const MachineSpeed& speed) {
  const std::string file = stored_speed_file();
  if (file.empty())
    return bad_data("none of STRIATE_CACHE, XDG_CACHE_HOME and HOME names a folder to keep it in");
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (const Status made = create_folders(folder.parent_path().string()); !made) return made;
  constexpr mode_t kOwnerOnly = 0700;
  if (mkdir(folder.c_str(), kOwnerOnly) != 0 && errno != EEXIST)
    return system_failure("cannot make", folder.string());
  const Result<Json> known = read_entries(file);
  Json entries = Json::array();
  if (known)
    for (const Json& entry : *known)
      if (!is_for(entry, cpu, threads)) entries.push_back(entry);
  entries.push_back({{"cpu", cpu},
                     {"threads", threads},
                     {"flops", speed.flops},
                     {"cache_bytes_per_second", speed.cache_bytes},
                     {"memory_bytes_per_second", speed.memory_bytes},
                     {"cache_bytes", speed.cache}});
  return write_file_safely(file, Json({{"format", kFormat}, {"machines", entries}}).dump(1) + "\n");
}

} // namespace striate
