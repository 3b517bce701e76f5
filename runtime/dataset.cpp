#include "runtime/dataset.h"

#include "support/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {

Split Split::whole(std::string name, Table table) {
  Split split{std::move(name), std::make_shared<const Table>(std::move(table)), {}};
  split.rows = natural_order(split.table->rows());
  return split;
}

Result<std::vector<Split>> divide(const Split& split, const std::vector<std::string>& names,
                                  const std::vector<double>& counts) {
  CHECK(names.size() == counts.size());
  const bool shares = std::ranges::all_of(counts, [](double count) { return count > 0 && count < 1; });
  // Shares such as 0.9 + 0.1 may sum to a little more or less than they say.
  constexpr double kSlack = 1e-9;
  std::vector<Split> parts;
  int64_t begin = 0;
  double share = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    share += counts[i];
    const auto count = shares ? static_cast<int64_t>(std::floor(share * static_cast<double>(split.size()) +
                                                                kSlack * static_cast<double>(split.size()))) -
                                    begin
                              : static_cast<int64_t>(counts[i]);
    if (count <= 0) return bad_data("the part `{}` would have {} examples", names[i], count);
    if (count > split.size() - begin)
      return bad_data("the part `{}` needs {} examples, but {} of {} are left", names[i], count,
                      split.size() - begin, split.size());
    const auto first = split.rows.begin() + begin;
    parts.push_back({names[i], split.table, {first, first + count}});
    begin += count;
  }
  return parts;
}

Result<Split> subset(const Split& split, std::string name, std::span<const int64_t> positions) {
  Split part{std::move(name), split.table, {}};
  part.rows.reserve(positions.size());
  for (int64_t position : positions) {
    if (position < 0 || position >= split.size())
      return bad_data("example {} is outside `{}`, which has {}", position, split.name, split.size());
    part.rows.push_back(split.rows[static_cast<std::size_t>(position)]);
  }
  return part;
}

// "u8[1,28,28]" of a column of images.
static std::string example_type(const Column& column) {
  std::string text = name_of(column.element());
  for (int64_t size : column.example_shape()) text += fmt::format(" x {}", size);
  return text;
}

Status Dataset::add(Split split) {
  if (find(split.name)) return bad_data("there are two splits called `{}`", split.name);
  if (!splits_.empty()) {
    const auto& columns = split.table->columns;
    const auto& others = splits_[0].table->columns;
    if (columns.size() != others.size())
      return bad_data("split `{}` has {} columns, but `{}` has {}", split.name, columns.size(),
                      splits_[0].name, others.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (example_type(columns[i]) != example_type(others[i]))
        return bad_data("column {} of split `{}` holds {} per example, but in `{}` it holds {}", i,
                        split.name, example_type(columns[i]), splits_[0].name, example_type(others[i]));
  }
  splits_.push_back(std::move(split));
  return {};
}

const Split* Dataset::find(std::string_view name) const {
  for (const Split& split : splits_)
    if (split.name == name) return &split;
  return nullptr;
}

std::vector<int64_t> natural_order(int64_t count) {
  std::vector<int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<int64_t> shuffled_order(int64_t count, uint64_t seed, uint32_t epoch) {
  constexpr uint32_t kStream = stream_of("data.shuffle");
  std::vector<int64_t> order = natural_order(count);
  for (auto left = static_cast<uint64_t>(count); left > 1; --left) {
    const PhiloxCounter words = random_words(seed, left, epoch, kStream);
    const uint64_t draw = uint64_t{words[1]} << 32 | words[0];
    // The high half of a 64 x 64 bit product maps the draw to [0, left) with a bias below 2^-32.
    const auto chosen = static_cast<uint64_t>(static_cast<unsigned __int128>(draw) * left >> 64);
    std::swap(order[left - 1], order[chosen]);
  }
  return order;
}

Batches::Batches(const Split& split, std::span<const int64_t> order, int64_t batch_size)
    : batch_size_(batch_size), count_((static_cast<int64_t>(order.size()) + batch_size - 1) / batch_size) {
  CHECK(batch_size > 0);
  rows_.reserve(order.size());
  for (int64_t position : order) rows_.push_back(split.rows[static_cast<std::size_t>(position)]);
  split.table->announce(rows_);
}

std::span<const int64_t> Batches::rows(int64_t batch) const {
  CHECK(batch >= 0 && batch < count_);
  const auto begin = static_cast<std::size_t>(batch * batch_size_);
  return std::span(rows_).subspan(begin,
                                  std::min(static_cast<std::size_t>(batch_size_), rows_.size() - begin));
}

int64_t example_elements(const Tensor& column) {
  CHECK(column.rank() >= 1);
  return std::accumulate(column.shape().begin() + 1, column.shape().end(), int64_t{1}, std::multiplies<>());
}

Result<FetchedRows> fetch_rows(const Column& column, std::span<const int64_t> rows) {
  if (!column.source) return FetchedRows{nullptr, &column.values, {rows.begin(), rows.end()}};
  Result<std::shared_ptr<const Tensor>> fetched = column.source->fetch(rows);
  if (!fetched) return fetched.failure();
  FetchedRows result{std::move(*fetched), nullptr, natural_order(static_cast<int64_t>(rows.size()))};
  result.values = result.owned.get();
  return result;
}

} // namespace striate
