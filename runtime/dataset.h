// Data sets as training sees them: named splits, each a list of rows of a shared table; shuffled orders;
// batches. Guarantees: nothing is copied but the rows a batch asks for; the order of an epoch is a pure
// function of (seed, epoch), so a resumed run walks the same batches.
#pragma once

#include "runtime/data_readers.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace striate {

// Some rows of a table, in order.
struct Split {
  std::string name;
  std::shared_ptr<const Table> table;
  std::vector<int64_t> rows; // indices into the table

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
  static Split whole(std::string name, Table table);
};

// Consecutive parts: the first counts[0] examples, the next counts[1], ...; the names go with the counts.
// A count that is not positive, or more examples than there are, is a Failure. What is left over is not used.
// Counts below 1 are shares of the whole: part i ends at the sum of the first i shares of it, rounded down.
Result<std::vector<Split>> divide(const Split& split, const std::vector<std::string>& names,
                                  const std::vector<double>& counts);

// The rows at these positions of the split; a position outside is a Failure.
Result<Split> subset(const Split& split, std::string name, std::span<const int64_t> positions);

class Dataset {
public:
  // Names are distinct, and every split has the same columns (element types and shapes of an example).
  Status add(Split split);
  const Split* find(std::string_view name) const;
  const std::vector<Split>& splits() const { return splits_; }

private:
  std::vector<Split> splits_;
};

// The numbers 0 .. count-1, permuted by Fisher and Yates's method with draws from (seed, epoch).
std::vector<int64_t> shuffled_order(int64_t count, uint64_t seed, uint32_t epoch);
// The numbers 0 .. count-1.
std::vector<int64_t> natural_order(int64_t count);

// One epoch's walk over a split: batches of `batch_size`, the last one ragged.
class Batches {
public:
  // `order`: positions in the split. Announces it to the table's sources.
  Batches(const Split& split, std::span<const int64_t> order, int64_t batch_size);

  int64_t count() const { return count_; }
  // The table rows of a batch; fewer than the batch size only in the last one.
  std::span<const int64_t> rows(int64_t batch) const;

private:
  std::vector<int64_t> rows_;
  int64_t batch_size_;
  int64_t count_;
};

// Elements of one example of a column.
int64_t example_elements(const Tensor& column);

// The rows of a column, with the positions 0, 1, ... of them in the tensor that is given back (the column's
// own where it is in memory).
struct FetchedRows {
  std::shared_ptr<const Tensor> owned; // of a source
  const Tensor* values = nullptr;
  std::vector<int64_t> positions;
};
Result<FetchedRows> fetch_rows(const Column& column, std::span<const int64_t> rows);

} // namespace striate
