// A folder of its own for each test, deleted afterwards; and the ways tests damage files.
#pragma once

#include "runtime/files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <zlib.h>

namespace striate {

class Scratch : public testing::Test {
protected:
  Scratch() {
    std::string pattern = testing::TempDir() + "striate-test-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~Scratch() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::string folder_;
};

inline std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Calls `parse` with every proper prefix of `bytes`: each must be refused.
inline void expect_every_prefix_refused(const std::string& bytes,
                                        const std::function<bool(const std::string&)>& parse) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse(bytes.substr(0, size)))
        << "the first " << size << " of " << bytes.size() << " bytes were taken";
}

// Calls `parse` with `count` copies of `bytes`, each with one to three bits flipped: none may crash. Returns
// how many were refused.
inline int flip_bits(const std::string& bytes, int count,
                     const std::function<bool(const std::string&)>& parse) {
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    std::string damaged = bytes;
    for (unsigned flips = random() % 3 + 1; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    refused += damaged == bytes || !parse(damaged);
  }
  return refused;
}

// Shared data beside the checkout, or "" where there is none.
inline std::string shared_data(const std::string& name) {
  const char* root = std::getenv("STRIATE_SHARED");
  const std::string folder = root ? root : STRIATE_SOURCE_FOLDER "/../shared";
  const std::string path = folder + "/data/" + name;
  return std::filesystem::exists(path) ? path : "";
}

} // namespace striate
