// The run folder and its log of metrics: `metrics.jsonl`, one JSON object a line.
// Guarantees: a line is written whole or cut off by the next resume (which truncates to the offset its
// checkpoint remembers); a value that is not finite is written as null; a folder that is not a run's is never
// written to unless forced.
#pragma once

#include "support/result.h"

#include <cstdio>
#include <memory>
#include <string>

namespace striate {

struct MetricRecord {
  int64_t step = 0;
  int64_t epoch = 0;
  std::string split; // "train", "val"
  std::string name;  // "loss", "accuracy"
  double value = 0;
  double wall_time = 0;   // seconds since 1970
  std::string phase = {}; // "": the run has none
};

std::string metric_line(const MetricRecord& record); // with its newline

class MetricsLog {
public:
  // Creates the file, or keeps its first `offset` bytes (a shorter file is kept whole) and appends.
  static Result<MetricsLog> open(const std::string& path, int64_t offset);

  Status append(const MetricRecord& record);
  // Bytes so far, all of them on the disk: what a checkpoint remembers.
  Result<int64_t> synced_offset();

private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

enum class RunFolderUse {
  Create, // must be new, empty, or forced
  Force,  // an earlier run's files in it are deleted, other files stay
  Resume, // must be a run folder
};

// Makes `folder` ready for a run. Run folders carry a marker file.
Status open_run_folder(const std::string& folder, RunFolderUse use);

// `parent/name`, or `parent/name-2`, `-3`, ... the first that does not exist.
std::string unused_run_folder(const std::string& parent, const std::string& name);
// The one of these with the highest number that is there; `parent/name` where none is.
std::string latest_run_folder(const std::string& parent, const std::string& name);

std::string metrics_path(const std::string& folder);
std::string model_path(const std::string& folder); // <folder>/model.safetensors

} // namespace striate
