// safetensors files: named tensors in order, and metadata strings.
// Reading is strict: the header is a JSON object of at most 100 MB without duplicate keys, every tensor's
// bytes match its shape, and together they cover the data without holes, overlaps or rest. F32, F64, I32, I64
// (narrowed to i32, refused where a value does not fit), U8 and BOOL. Nothing larger than the file is ever
// allocated.
#pragma once

#include "runtime/tensor.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct Safetensors {
  std::vector<NamedTensor> tensors; // in the order of the header
  std::map<std::string, std::string> metadata;

  const Tensor* find(std::string_view name) const;
};

Result<Safetensors> read_safetensors(const std::string& path);
// The metadata alone, without reading the tensors.
Result<std::map<std::string, std::string>> read_safetensors_metadata(const std::string& path);
// `name` is how messages call the bytes.
Result<Safetensors> parse_safetensors(std::string_view bytes, const std::string& name);

// Names must be distinct valid UTF-8.
Status write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                         const std::map<std::string, std::string>& metadata);
std::string safetensors_bytes(std::span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata);

} // namespace striate
