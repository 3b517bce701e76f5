#include "runtime/metrics_log.h"

#include "runtime/checkpoint.h"
#include "runtime/files.h"
#include "runtime/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <unistd.h>

namespace striate {

static constexpr const char* kMarker = ".striate-run";
static constexpr const char* kMarkerText = "This folder was made by `striate train`.\n";

std::string metric_line(const MetricRecord& record) {
  const std::string value = std::isfinite(record.value) ? fmt::format("{}", record.value) : "null";
  const std::string phase = record.phase.empty() ? "" : "\"phase\":" + json_quoted(record.phase) + ",";
  return fmt::format("{{\"step\":{},\"epoch\":{},{}\"split\":{},\"name\":{},\"value\":{},\"time\":{:.3f}}}\n",
                     record.step, record.epoch, phase, json_quoted(record.split), json_quoted(record.name),
                     value, record.wall_time);
}

Result<MetricsLog> MetricsLog::open(const std::string& path, int64_t offset) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (!error && static_cast<int64_t>(size) > offset) {
    std::filesystem::resize_file(path, static_cast<uintmax_t>(offset), error);
    if (error) return bad_data("cannot truncate `{}`: {}", path, error.message());
  }
  MetricsLog log;
  log.path_ = path;
  log.file_.reset(std::fopen(path.c_str(), "ae"));
  if (!log.file_) return system_failure("open", path);
  return log;
}

Status MetricsLog::append(const MetricRecord& record) {
  const std::string line = metric_line(record);
  // Flushed line by line: whoever follows the file sees whole lines.
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    return system_failure("write", path_);
  return {};
}

Result<int64_t> MetricsLog::synced_offset() {
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0) return system_failure("write", path_);
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  if (error) return bad_data("cannot read `{}`: {}", path_, error.message());
  return static_cast<int64_t>(size);
}

std::string metrics_path(const std::string& folder) { return folder + "/metrics.jsonl"; }
std::string model_path(const std::string& folder) { return folder + "/model.safetensors"; }

// The files that a run writes, and nothing else.
static void delete_run_files(const std::string& folder) {
  std::error_code error;
  for (const std::string& checkpoint : checkpoint_files(folder)) std::filesystem::remove(checkpoint, error);
  std::filesystem::remove(best_checkpoint_path(folder), error);
  std::filesystem::remove(metrics_path(folder), error);
  std::filesystem::remove(model_path(folder), error);
  remove_stale_temporaries(folder);
}

Status open_run_folder(const std::string& folder, RunFolderUse use) {
  std::error_code error;
  const std::filesystem::path marker = std::filesystem::path(folder) / kMarker;
  const bool exists = std::filesystem::exists(folder, error);
  if (exists && !std::filesystem::is_directory(folder, error))
    return bad_data("`{}` exists and is not a folder", folder);
  const bool ours = exists && std::filesystem::exists(marker, error);
  if (use == RunFolderUse::Resume) {
    if (!ours) return bad_data("`{}` is not the folder of an earlier run", folder);
    remove_stale_temporaries(folder);
    return {};
  }
  const bool empty = !exists || std::filesystem::is_empty(folder, error);
  if (!empty && use == RunFolderUse::Create) {
    if (ours)
      return bad_data("`{}` holds an earlier run; resume it with --resume, or replace it with --force",
                      folder);
    return bad_data("`{}` exists and was not made by `striate train`; --force writes into it all the same",
                    folder);
  }
  if (Status status = create_folders(folder); !status) return status;
  if (ours) delete_run_files(folder);
  return write_file_safely(marker, kMarkerText);
}

std::string unused_run_folder(const std::string& parent, const std::string& name) {
  const std::string first = parent + "/" + name;
  std::error_code error;
  std::string folder = first;
  for (int number = 2; std::filesystem::exists(folder, error); ++number)
    folder = fmt::format("{}-{}", first, number);
  return folder;
}

std::string latest_run_folder(const std::string& parent, const std::string& name) {
  std::string latest = name;
  int64_t highest = 1;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string folder = entry.path().filename().string();
    if (!folder.starts_with(name + "-")) continue;
    const char *first = folder.data() + name.size() + 1, *last = folder.data() + folder.size();
    int64_t number = 0;
    const auto [end, problem] = std::from_chars(first, last, number);
    if (problem != std::errc() || end != last || number <= highest) continue;
    highest = number;
    latest = folder;
  }
  return parent + "/" + latest;
}

} // namespace striate
