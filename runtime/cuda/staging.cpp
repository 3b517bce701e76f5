#include "runtime/cuda/staging.h"

#include "support/check.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace striate {

static constexpr std::size_t kLeastBytes = 4096;
static constexpr int kNoNumber = 0xFF; // in every byte of a float

CudaStaging::~CudaStaging() {
  for (Block& block : uploads_) release(block);
  release(change_);
  release(download_);
}

bool CudaStaging::good(int code) {
  if (error_ == 0) error_ = code;
  return code == 0;
}

void CudaStaging::release(Block& block) const {
  if (block.in_flight) driver_.event_synchronize(block.copied);
  if (block.copied) driver_.event_destroy(block.copied);
  if (block.pinned)
    driver_.host_free(block.memory);
  else
    std::free(block.memory);
  block = {};
}

void CudaStaging::make_ready(Block& block, std::size_t bytes) {
  if (block.in_flight) good(driver_.event_synchronize(block.copied));
  block.in_flight = false;
  if (block.memory && bytes <= block.bytes) return;
  release(block);
  block.bytes = std::bit_ceil(std::max(bytes, kLeastBytes));
  void* memory = nullptr;
  block.pinned = driver_.host_allocate(&memory, block.bytes) == 0;
  // Where no memory can be pinned, copies are slower and otherwise the same.
  if (!block.pinned) memory = std::malloc(block.bytes);
  CHECK(memory, "no memory to copy {} bytes through", block.bytes);
  block.memory = static_cast<char*>(memory);
}

char* CudaStaging::begin_upload(std::size_t bytes) {
  current_ = &uploads_[next_++ % uploads_.size()];
  make_ready(*current_, bytes);
  return current_->memory;
}

char* CudaStaging::begin_change(CudaAddress address, std::size_t bytes) {
  current_ = &change_;
  make_ready(*current_, bytes);
  fetch(*current_, address, bytes);
  return current_->memory;
}

void CudaStaging::end_upload(CudaAddress to, std::size_t bytes) {
  if (error_ != 0) return;
  if (!current_->copied && !good(driver_.event_create(&current_->copied, 0))) return;
  current_->in_flight = good(driver_.copy_to_device(to, current_->memory, bytes, stream_)) &&
                        good(driver_.event_record(current_->copied, stream_));
}

const char* CudaStaging::download(CudaAddress from, std::size_t bytes) {
  make_ready(download_, bytes);
  fetch(download_, from, bytes);
  return download_.memory;
}

void CudaStaging::fetch(Block& block, CudaAddress from, std::size_t bytes) {
  if (error_ == 0 && good(driver_.copy_to_host(block.memory, from, bytes, stream_)) &&
      good(driver_.stream_synchronize(stream_)))
    return;
  std::memset(block.memory, kNoNumber, bytes);
}

} // namespace striate
