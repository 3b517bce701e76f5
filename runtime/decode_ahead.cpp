#include "runtime/decode_ahead.h"

#include <algorithm>
#include <numeric>

namespace striate {

DecodeAhead::DecodeAhead(std::vector<int64_t> example_shape, int64_t rows, Decode decode, DecodeLimits limits)
    : shape_(std::move(example_shape)), rows_(rows),
      bytes_(std::accumulate(shape_.begin(), shape_.end(), int64_t{1}, std::multiplies<>())),
      decode_(std::move(decode)), limits_(limits), store_(static_cast<std::size_t>(rows)) {
  CHECK(bytes_ > 0);
  if (limits_.threads <= 0)
    limits_.threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
  ahead_ = static_cast<std::size_t>(std::max<int64_t>(limits_.ahead_bytes / bytes_, limits_.threads));
}

DecodeAhead::~DecodeAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void DecodeAhead::announce(std::span<const int64_t> rows) {
  {
    const std::lock_guard lock(mutex_);
    order_.assign(rows.begin(), rows.end());
    asked_ = begun_ = 0;
    slots_.clear();
  }
  work_.notify_all();
  while (static_cast<int>(threads_.size()) < limits_.threads) threads_.emplace_back([this] { work(); });
}

void DecodeAhead::fill(Slot& slot, int64_t row, std::unique_lock<std::mutex>& lock) {
  Example& stored = store_[static_cast<std::size_t>(row)];
  if (!stored) {
    lock.unlock();
    auto bytes = std::make_shared<std::vector<uint8_t>>(static_cast<std::size_t>(bytes_));
    const Status decoded = decode_(row, bytes->data());
    lock.lock();
    if (!decoded) {
      slot.failure = decoded.failure();
    } else {
      slot.example = bytes;
      if (!stored && stored_bytes_ + bytes_ <= limits_.stored_bytes) {
        stored = std::move(bytes);
        stored_bytes_ += bytes_;
      }
    }
  } else {
    slot.example = stored;
  }
  slot.done = true;
}

void DecodeAhead::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || (begun_ < order_.size() && slots_.size() < ahead_); });
    if (stopping_) return;
    const int64_t row = order_[begun_++];
    const auto slot = std::make_shared<Slot>();
    slots_.push_back(slot);
    fill(*slot, row, lock);
    done_.notify_all();
  }
}

std::shared_ptr<DecodeAhead::Slot> DecodeAhead::next(int64_t row, std::unique_lock<std::mutex>& lock) {
  const auto begin = order_.begin() + static_cast<int64_t>(asked_);
  const auto found = std::find(begin, order_.end(), row);
  if (found == order_.end()) {
    auto slot = std::make_shared<Slot>();
    fill(*slot, row, lock);
    return slot;
  }
  // Rows that were passed over, as by a run that goes on within an epoch, are not decoded.
  const auto position = static_cast<std::size_t>(found - order_.begin());
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<int64_t>(std::min(position, begun_) - asked_));
  begun_ = std::max(begun_, position);
  asked_ = position + 1;
  std::shared_ptr<Slot> slot;
  if (slots_.empty()) { // no thread has come to it
    slot = std::make_shared<Slot>();
    ++begun_;
    work_.notify_all();
    fill(*slot, row, lock);
  } else {
    slot = slots_.front();
    slots_.pop_front();
    work_.notify_all();
    done_.wait(lock, [&] { return slot->done; });
  }
  return slot;
}

Result<std::shared_ptr<const Tensor>> DecodeAhead::fetch(std::span<const int64_t> rows) {
  if (last_ && std::ranges::equal(rows, last_rows_)) return std::shared_ptr<const Tensor>(last_);
  std::vector<int64_t> shape = shape_;
  shape.insert(shape.begin(), static_cast<int64_t>(rows.size()));
  last_rows_.clear();
  if (!last_ || last_.use_count() > 1 || last_->shape() != shape) {
    Result<Tensor> batch = Tensor::allocate(ElementType::U8, shape);
    if (!batch) return batch.failure();
    last_ = std::make_shared<Tensor>(std::move(*batch));
  }
  uint8_t* to = last_->as<uint8_t>().data();
  for (int64_t row : rows) {
    CHECK(row >= 0 && row < rows_, "row {} of {}", row, rows_);
    std::unique_lock lock(mutex_);
    const std::shared_ptr<Slot> slot = next(row, lock);
    lock.unlock();
    if (slot->failure) return *slot->failure;
    to = std::copy(slot->example->begin(), slot->example->end(), to);
  }
  last_rows_.assign(rows.begin(), rows.end());
  return std::shared_ptr<const Tensor>(last_);
}

} // namespace striate
