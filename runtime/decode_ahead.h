// DecodeAhead: a column of bytes whose examples are decoded by threads of their own, in the order that was
// announced, ahead of the batches. Memory is bounded: so many examples ahead, and a store of decoded ones
// that takes no more once it is full (a small data set is decoded once).
#pragma once

#include "runtime/example_source.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace striate {

struct DecodeLimits {
  int threads = 0;                         // 0: as many as the machine has processors, at most 8
  int64_t ahead_bytes = int64_t{64} << 20; // decoded and not yet asked for
  int64_t stored_bytes = int64_t{256} << 20;
};

class DecodeAhead : public ExampleSource {
public:
  // Fills `to` with a row's bytes; called by several threads at once.
  using Decode = std::function<Status(int64_t row, uint8_t* to)>;

  DecodeAhead(std::vector<int64_t> example_shape, int64_t rows, Decode decode, DecodeLimits limits = {});
  ~DecodeAhead() override;

  ElementType element() const override { return ElementType::U8; }
  const std::vector<int64_t>& example_shape() const override { return shape_; }
  int64_t rows() const override { return rows_; }
  void announce(std::span<const int64_t> rows) override;
  Result<std::shared_ptr<const Tensor>> fetch(std::span<const int64_t> rows) override;

private:
  using Example = std::shared_ptr<const std::vector<uint8_t>>;
  // A row being decoded, or decoded.
  struct Slot {
    Example example;
    std::optional<Failure> failure;
    bool done = false;
  };

  void work();
  // Decodes, or finds in the store. Called with the lock held, which is free meanwhile.
  void fill(Slot& slot, int64_t row, std::unique_lock<std::mutex>& lock);
  // The row, from what was decoded ahead where it is the next of the announced ones.
  std::shared_ptr<Slot> next(int64_t row, std::unique_lock<std::mutex>& lock);

  std::vector<int64_t> shape_;
  int64_t rows_, bytes_;
  Decode decode_;
  DecodeLimits limits_;
  std::size_t ahead_; // examples

  std::mutex mutex_;
  std::condition_variable work_, done_;
  bool stopping_ = false;
  std::vector<int64_t> order_;
  std::size_t asked_ = 0, begun_ = 0;       // positions in order_: the next to be asked for, to be decoded
  std::deque<std::shared_ptr<Slot>> slots_; // of the positions from asked_ to begun_
  std::vector<Example> store_;              // by row
  int64_t stored_bytes_ = 0;
  std::vector<std::thread> threads_;

  std::vector<int64_t> last_rows_; // of the last batch
  std::shared_ptr<Tensor> last_;
};

} // namespace striate
