// What `striate tune` measured for a program, as MODEL.tune beside it: register tiles that are faster on a
// CPU than the scheduler's own choice.
//
// A tile is known by the CPU, the batch capacity and the structure of the kernel that the scheduler makes
// without it. What fits nothing is passed over: a tile changes no bits, and without it the model's choice
// stands.
#pragma once

#include "driver/compile.h"
#include "driver/options.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

struct TunedTile {
  std::string cpu;           // "znver4, 512 bits"
  std::string key;           // tuning_key()
  std::string name;          // of the kernel, for people
  std::string tile, instead; // "tile [o: 4, i: 6]"
  double gain = 0;           // the time of `instead`, divided by that of `tile`
};

class TunedTiles {
public:
  TunedTiles(std::vector<TunedTile> tiles, const TargetInfo& target);

  const std::vector<TunedTile>& all() const { return tiles_; }
  // Of the CPU that it was made for; nullptr where there is none.
  const TunedTile* find(const std::string& key) const;

private:
  std::vector<TunedTile> tiles_;
  std::map<std::string, std::size_t> by_key_; // those for this CPU
};

std::string tuned_cpu(const TargetInfo& target);
// "lenet.nn": "lenet.tune".
std::string tuning_file(const std::string& program);

// nullptr where there is no file. One that is no such file is ignored with a warning; entries for other CPUs
// alone, with a note.
std::shared_ptr<const TunedTiles> read_tuning(const std::string& program, const TargetInfo& target);
std::string tuning_text(const std::vector<TunedTile>& tiles);

// What a kernel is known by.
std::string tuning_key(const Kernel& kernel, const Program& program);

// Schedules an entry point again with the tiles that are known for its kernels. A tile that cannot be is
// passed over, with a note.
void apply_tuning(CompiledEntry& entry, const TunedTiles& tuned, const PipelineOptions& options);

} // namespace striate
