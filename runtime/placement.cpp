#include "runtime/placement.h"

#include "runtime/dataset.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

namespace striate {

// For each index of one dimension, what it adds to the offset; of the batch, also for the places that a
// blocked layout has beyond the capacity.
static std::vector<int64_t> dimension_offsets(const Placement& placement, std::size_t dimension) {
  int64_t places = placement.shape[dimension];
  if (placement.batch && dimension == 0) {
    places = 1;
    for (const Placement::Digit& digit : placement.digits)
      if (digit.dimension == 0) places *= digit.extent;
    CHECK(places >= placement.shape[0], "{}", placement.name);
  }
  std::vector<int64_t> offsets(static_cast<std::size_t>(places), 0);
  for (const Placement::Digit& digit : placement.digits)
    if (digit.dimension == static_cast<int>(dimension))
      for (std::size_t i = 0; i < offsets.size(); ++i)
        offsets[i] += static_cast<int64_t>(i) / digit.step % digit.extent * digit.stride;
  return offsets;
}

PlacedTensor::PlacedTensor(const Placement& placement)
    : name_(placement.name), element_(placement.element), shape_(placement.shape), batch_(placement.batch),
      offset_(placement.offset), bytes_(placement.storage * byte_size(placement.element)) {
  CHECK(!batch_ || !shape_.empty(), "{}", name_);
  row_offsets_ = batch_ ? dimension_offsets(placement, 0) : std::vector<int64_t>{0};
  // Trailing dimensions that lie as in the logical order become one run; the others keep a table each.
  bool in_run = true;
  for (std::size_t dimension = shape_.size(); dimension-- > (batch_ ? 1 : 0);) {
    std::vector<int64_t> offsets = dimension_offsets(placement, dimension);
    for (std::size_t i = 0; i < offsets.size(); ++i)
      in_run = in_run && offsets[i] == static_cast<int64_t>(i) * run_;
    if (in_run)
      run_ *= shape_[dimension];
    else
      outer_.insert(outer_.begin(), std::move(offsets));
  }
}

int64_t PlacedTensor::row_elements() const {
  int64_t count = run_;
  for (const auto& offsets : outer_) count *= static_cast<int64_t>(offsets.size());
  return count;
}

int64_t PlacedTensor::filled_rows(int64_t examples) const {
  if (!batch_) return 1;
  return std::min((examples + kBatchBlock - 1) / kBatchBlock * kBatchBlock,
                  static_cast<int64_t>(row_offsets_.size()));
}

int64_t PlacedTensor::bytes_of(int64_t examples) const {
  int64_t row = run_; // up to the end of a row's last element
  for (const auto& offsets : outer_)
    if (!offsets.empty()) row += std::ranges::max(offsets);
  const int64_t last = *std::max_element(row_offsets_.begin(), row_offsets_.begin() + filled_rows(examples));
  return std::min((last + row) * byte_size(element_), bytes_);
}

template <typename Visit>
void PlacedTensor::for_each_run(Visit&& visit) const {
  if (row_elements() == 0) return;
  if (outer_.empty()) return visit(int64_t{0}, int64_t{0});
  std::vector<std::size_t> index(outer_.size() - 1, 0);
  int64_t logical = 0;
  for (;;) {
    int64_t base = 0;
    for (std::size_t i = 0; i < index.size(); ++i) base += outer_[i][index[i]];
    for (int64_t offset : outer_.back()) {
      visit(logical, base + offset);
      logical += run_;
    }
    std::size_t dimension = index.size();
    while (dimension > 0 && ++index[dimension - 1] == outer_[dimension - 1].size()) index[--dimension] = 0;
    if (dimension == 0) return;
  }
}

// Calls `function` with a value of the C++ type of the elements.
template <typename Function>
static auto with_type(ElementType element, Function&& function) {
  switch (element) {
  case ElementType::F32:
    return function(float{});
  case ElementType::F64:
    return function(double{});
  case ElementType::I32:
    return function(int32_t{});
  case ElementType::BF16:
    CHECK(false, "what programs are given and yield is not bf16");
  case ElementType::U8:
  case ElementType::Bool:
    break;
  }
  return function(uint8_t{});
}

Tensor PlacedTensor::read(const char* storage, int64_t examples) const {
  std::vector<int64_t> shape = shape_;
  if (batch_) {
    CHECK(examples <= shape[0], "{}", name_);
    shape[0] = examples;
  }
  Tensor tensor(element_, std::move(shape));
  const auto rows = batch_ ? static_cast<std::size_t>(examples) : 1;
  with_type(element_, [&](auto zero) {
    using T = decltype(zero);
    const T* from = reinterpret_cast<const T*>(storage);
    T* to = static_cast<T*>(tensor.data());
    for (std::size_t row = 0; row < rows; ++row, to += row_elements())
      for_each_run([&](int64_t logical, int64_t place) {
        std::copy_n(from + row_offsets_[row] + place, run_, to + logical);
      });
  });
  return tensor;
}

int64_t PlacedTensor::first_non_finite(const char* storage, int64_t examples) const {
  if (element_ != ElementType::F32) return -1;
  const Tensor tensor = read(storage, examples);
  const std::span<const float> values = tensor.as<float>();
  const auto found =
      std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return -1;
  return batch_ ? (found - values.begin()) / row_elements() : 0;
}

void PlacedTensor::write(char* storage, const Tensor& tensor) const {
  CHECK(!batch_ && tensor.element() == element_ && tensor.shape() == shape_, "{}: {}", name_,
        tensor.type_text());
  with_type(element_, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(tensor.data());
    T* to = reinterpret_cast<T*>(storage);
    for_each_run([&](int64_t logical, int64_t place) { std::copy_n(from + logical, run_, to + place); });
  });
}

// Whether every value of `From` is one of `To`, or each has to be looked at, or it makes no sense.
template <typename From, typename To>
static constexpr bool kAlwaysFits = std::is_same_v<From, To> || std::is_same_v<To, double> ||
                                    std::is_same_v<To, float> || std::is_same_v<From, uint8_t>;
template <typename From, typename To>
static constexpr bool kMayFit = kAlwaysFits<From, To> || std::is_same_v<To, int32_t>;

template <typename From>
static bool is_i32(From value) {
  return value == std::trunc(value) && value >= From(-0x1p31) && value < From(0x1p31);
}

Status PlacedTensor::write_examples(char* storage, const Tensor& column, std::span<const int64_t> rows,
                                    ThreadPool& pool) const {
  CHECK(batch_ && !rows.empty() && static_cast<int64_t>(rows.size()) <= shape_[0], "{}: {} rows", name_,
        rows.size());
  const int64_t size = row_elements();
  if (example_elements(column) != size)
    return bad_data("`{}` takes {} values per example, but its column has {}", name_, size,
                    example_elements(column));
  const int64_t places = filled_rows(static_cast<int64_t>(rows.size()));

  return with_type(column.element(), [&](auto from_zero) {
    return with_type(element_, [&](auto to_zero) -> Status {
      using From = decltype(from_zero);
      using To = decltype(to_zero);
      if constexpr (!kMayFit<From, To>) {
        return bad_data("`{}` takes {}, but its column holds {}", name_, name_of(element_),
                        name_of(column.element()));
      } else {
        const From* values = static_cast<const From*>(column.data());
        std::atomic<int64_t> unfit{-1}; // a row with a value that is no i32
        pool.run(places, [&](int64_t begin, int64_t end) {
          for (int64_t place = begin; place < end; ++place) {
            const int64_t row = rows[std::min(static_cast<std::size_t>(place), rows.size() - 1)];
            CHECK(row >= 0 && row < column.shape()[0], "{}: row {}", name_, row);
            const From* from = values + row * size;
            To* to = reinterpret_cast<To*>(storage) + row_offsets_[static_cast<std::size_t>(place)];
            if constexpr (!kAlwaysFits<From, To>)
              if (!std::all_of(from, from + size, is_i32<From>)) {
                unfit = row;
                continue;
              }
            for_each_run([&](int64_t logical, int64_t run_place) {
              for (int64_t i = 0; i < run_; ++i) to[run_place + i] = static_cast<To>(from[logical + i]);
            });
          }
        });
        if (unfit >= 0)
          return bad_data("`{}` takes whole numbers, but example {} of its column holds another", name_,
                          unfit.load());
        return {};
      }
    });
  });
}

} // namespace striate
