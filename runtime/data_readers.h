// Readers of data sets: IDX (MNIST's format) and CSV, plain or gzip. Each gives a Table: columns whose first
// dimension counts the examples. Images stay u8 in memory.
// Guarantees: a missing, truncated or malformed file is a Failure that names the file, and in a CSV file the
// line and the column (in bytes) of the cell; nothing larger than the file can hold is allocated.
#pragma once

#include "runtime/tensor.h"

#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct Column {
  std::string name;
  Tensor values; // u8, i32 or f32; dimension 0 counts the examples
};

struct Table {
  std::vector<Column> columns;

  int64_t rows() const { return columns.empty() ? 0 : columns[0].values.shape()[0]; }
};

// One IDX file, of any rank from 1: u8 stays u8, i8 and i16 become i32, i32 and f32 stay, f64 becomes f32.
Result<Tensor> read_idx_file(const std::string& path);

// Several IDX files with as many examples each, one column a file, in the order given. A file of three
// dimensions holds grey images and gets the channel dimension: u8[n,1,h,w]. Names are the files' (without
// folder and endings).
Result<Table> read_idx(const std::vector<std::string>& paths);

struct CsvOptions {
  enum class Header { Detect, Present, Absent };
  Header header = Header::Detect; // Detect: the first line is a header where one of its cells is no number
  // What to read, by name, or by index from 0 (-1: the last). None: all but the label; no label where empty.
  std::vector<std::string> columns = {};
  std::string label = {};
  char separator = ',';
};

// Column 0, `features`: f32[n,k], the chosen columns in the order chosen. Column 1, `label`, where one is
// asked for: i32[n] if all its values are integers, else f32[n]. Cells may be quoted. Columns that are not
// chosen may hold anything.
Result<Table> read_csv(const std::string& path, const CsvOptions& options = {});
Result<Table> parse_csv(std::string_view text, const std::string& name, const CsvOptions& options = {});

} // namespace striate
