// Checkpoints: one safetensors file holds the whole state that a run resumes from, with a checksum over all
// of it. Guarantees: a file is complete or absent (write_file_safely); a file with any bit changed is
// refused; loading the latest takes the newest that verifies; old ones are deleted only after the new one was
// read back and verified.
#pragma once

#include "runtime/tensor.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace striate {

// Begins the names of notes in a checkpoint's metadata.
inline constexpr std::string_view kCheckpointNotePrefix = "note.";

struct Checkpoint {
  std::vector<NamedTensor> tensors; // parameters, layer state and optimiser state, by path

  std::string phase;      // "" where the run has none
  int64_t phase_step = 0; // the updates and epochs before it
  int64_t phase_epoch = 0;
  int64_t epoch = 0;      // epochs finished, of all phases
  int64_t batch = 0;      // batches of the next epoch already taken
  int64_t batch_size = 0; // examples per batch, which gives `batch` its meaning
  int64_t step = 0;       // updates so far
  uint64_t seed = 0;
  int64_t log_offset = 0;     // bytes of metrics.jsonl at this point
  std::optional<double> best; // the best value of the watched metric, and when
  int64_t best_epoch = 0;
  // Sums of the unfinished epoch, so that its metrics come out as if never interrupted; the state of
  // plateaus.
  std::map<std::string, double> running;
  // Free text: Striate's version, the command line, the hash of the source, ...
  std::map<std::string, std::string> notes;
};

std::string checkpoint_bytes(const Checkpoint& checkpoint);
Result<Checkpoint> parse_checkpoint(std::string_view bytes, const std::string& name);
Result<Checkpoint> load_checkpoint(const std::string& path);

// Saves as `checkpoint-<step>.safetensors`, reads it back, and then deletes all but the newest `keep`.
// With `best`, the same bytes also replace `best.safetensors`. Returns the path.
Result<std::string> save_checkpoint(const std::string& folder, const Checkpoint& checkpoint, int keep,
                                    bool best);

struct LatestCheckpoint {
  std::string path;
  Checkpoint checkpoint;
  std::vector<std::string> refused; // newer ones that did not verify, each with its reason
};
Result<LatestCheckpoint> latest_checkpoint(const std::string& folder);

// The checkpoint files of a folder, newest first.
std::vector<std::string> checkpoint_files(const std::string& folder);
std::string best_checkpoint_path(const std::string& folder);

} // namespace striate
