// `load "f.safetensors" into backbone except head`: weights of a safetensors or .npz file for some of a
// model's parameters and layer states.
#pragma once

#include "runtime/tensor.h"

#include <string>
#include <vector>

namespace striate {

struct WeightLoad {
  std::string file;
  std::vector<std::string> into;   // the layers or parameters that are set; empty: all
  std::vector<std::string> except; // but for these, by their names in the model or in the file
  std::string place;               // in the program, for messages: "net.nn:9:5"
};

// What a safetensors file holds or, by its name, an .npz file.
Result<std::vector<NamedTensor>> read_weights(const std::string& file);

// `weights` with the file's values in place of those that `load` names. A name in the file is the model's or,
// where `into` is one path, the model's without that. A Failure that lists what differs where the file lacks
// a value that is wanted, holds one that is not (optimizer states, "conv1.weight/v", are passed over), or one
// has another type or shape; f64 is rounded to f32.
Result<std::vector<NamedTensor>> with_loaded(std::vector<NamedTensor> weights, const WeightLoad& load);

} // namespace striate
