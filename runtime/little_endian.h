// Numbers in files, whatever the alignment. The element data of tensors is stored as it lies in memory, so
// the project supports little-endian machines only; this says so at compile time.
#pragma once

#include <bit>
#include <cstring>
#include <string>

namespace striate {

static_assert(std::endian::native == std::endian::little, "files are written as memory lies");

template <typename T>
T load_little(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <typename T>
void append_little(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

} // namespace striate
