// Copies between the host and a device, through pinned memory, so that the host goes on while they happen.
//
// Guarantees that memory which is still being copied is not handed out. An error is kept: error() is then not
// 0, and what is downloaded has all bits set, which is no number.
#pragma once

#include "runtime/cuda/driver.h"

#include <array>

namespace striate {

class CudaStaging {
public:
  CudaStaging(const CudaDriver& driver, CudaHandle stream) : driver_(driver), stream_(stream) {}
  ~CudaStaging();
  CudaStaging(const CudaStaging&) = delete;
  CudaStaging& operator=(const CudaStaging&) = delete;

  // Memory for the caller to fill, of any content; end_upload() copies it.
  char* begin_upload(std::size_t bytes);
  // The same, with what the device has there.
  char* begin_change(CudaAddress address, std::size_t bytes);
  void end_upload(CudaAddress to, std::size_t bytes);
  // What the device has there; good until the next download.
  const char* download(CudaAddress from, std::size_t bytes);

  int error() const { return error_; }
  void stop(int code) { good(code); } // something else on the device has failed

private:
  struct Block {
    char* memory = nullptr;
    std::size_t bytes = 0;
    bool pinned = false;
    CudaHandle copied = nullptr; // an event: after the last copy out of it
    bool in_flight = false;
  };
  bool good(int code);
  void make_ready(Block& block, std::size_t bytes);
  void release(Block& block) const;
  void fetch(Block& block, CudaAddress from, std::size_t bytes);

  const CudaDriver& driver_;
  CudaHandle stream_;
  std::array<Block, 4>
      uploads_; // in turn: a step's inputs and scalars, while those of the step before are copied
  std::size_t next_ = 0;
  Block change_, download_;
  Block* current_ = nullptr;
  int error_ = 0;
};

} // namespace striate
