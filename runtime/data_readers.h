// Readers of data sets: IDX (MNIST's format), CIFAR's binary records, .npy and .npz arrays, CSV, folders of
// images and text; plain or gzip. Each gives a Table: columns whose first dimension counts the examples.
// Images stay u8 in memory.
// Guarantees: a missing, truncated or malformed file is a Failure that names the file, and in a CSV file the
// line and the column (in bytes) of the cell; nothing larger than the file can hold is allocated.
#pragma once

#include "runtime/data_fit.h"
#include "runtime/example_source.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct Column {
  std::string name;
  Tensor values; // u8, i32 or f32; dimension 0 counts the examples. Empty where there is a source.
  std::shared_ptr<ExampleSource> source = {};

  ElementType element() const { return source ? source->element() : values.element(); }
  std::vector<int64_t> example_shape() const;
  int64_t rows() const { return source ? source->rows() : values.shape()[0]; }
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::string> warnings = {}; // what was passed over

  int64_t rows() const { return columns.empty() ? 0 : columns[0].rows(); }
  // Tells sources the order of what comes.
  void announce(std::span<const int64_t> rows) const;
};

// One IDX file, of any rank from 1: u8 stays u8, i8 and i16 become i32, i32 and f32 stay, f64 becomes f32.
Result<Tensor> read_idx_file(const std::string& path);

// Several IDX files with as many examples each, one column a file, in the order given. A file of three
// dimensions holds grey images and gets the channel dimension: u8[n,1,h,w]. Names are the files' (without
// folder and endings).
Result<Table> read_idx(const std::vector<std::string>& paths);

// CIFAR's binary records: `labels` label bytes (1, or CIFAR-100's 2), then 3,072 bytes, planes red, green,
// blue. Column 0: u8[n,3,32,32]; column 1 and perhaps 2: u8[n]. Several files are one after the other.
Result<Table> read_cifar(const std::vector<std::string>& paths, int labels);

// One column an array, with as many examples each: f64 becomes f32, bool becomes u8.
Result<Table> read_npy_columns(const std::vector<std::string>& paths);
Result<Table> read_npz_columns(const std::string& path, const std::vector<std::string>& arrays);

// The rows that a fit is made over, of so many; empty: all.
using FitRows = std::function<std::vector<int64_t>(int64_t rows)>;

struct CsvOptions {
  enum class Header { Detect, Present, Absent };
  Header header = Header::Detect; // Detect: the first line is a header where one of its cells is no number
  // By name, or by index from 0 (-1: the last); none where empty.
  std::string label = {};
  char separator = ',';
  // A blank cell of a number: an error, the mean of the fit's rows, or `blank_value`.
  enum class Blank { Error, Mean, Value };
  Blank blank = Blank::Error;
  float blank_value = 0;
  std::string missing = {}; // this word is a blank too
  bool words = false;       // columns of words become one number for each word, instead of an error

  // What to read beyond the label: f32[n,k] of these columns, or i32[n], the number of a column's word among
  // the fit's words, sorted (as many as there are for a word of no row of the fit). No names: all columns but
  // the label.
  struct Part {
    std::vector<std::string> columns = {};
    bool codes = false;
    bool used = true; // one that is not has no values
  };
  std::vector<Part> parts = {Part{}};
};

// The columns are the parts, in order; with a label, it is column 1: i32[n] if all its values are integers,
// else f32[n]; words become numbers as codes do, and one that the fit lacks is an error. Cells may be quoted,
// with doubled quotes and ends of lines inside. Columns that are not chosen may hold anything. Several files
// have the same columns, and are one after the other. What `fit` says of a column holds; what it lacks is
// found in the rows `fit_rows`, and added.
Result<Table> read_csv(const std::vector<std::string>& paths, const CsvOptions& options, DataFit& fit,
                       const FitRows& fit_rows = {});
Result<Table> parse_csv(std::string_view text, const std::string& name, const CsvOptions& options,
                        DataFit& fit, const FitRows& fit_rows = {});

// A folder of images: one sub-folder for each class, in sorted order, with .jpg, .jpeg and .png files.
// Column 0: u8[n,channels,height,width], decoded when they are asked for (runtime/image.h says how); column
// 1: i32[n], the class's number. Several folders are one after the other. The classes are `fit`'s, or are
// found and added to it. With `skip_broken`, files that cannot be decoded are left out, which takes decoding
// all of them once; else the batch that reaches one is a Failure.
Result<Table> read_images(const std::vector<std::string>& folders, const struct ImageOptions& options,
                          bool skip_broken, DataFit& fit);

// A text in UTF-8 as the numbers of its characters in `fit` (or those found, sorted by code point, and added
// to it), in windows: column 0 is i32[n,window], column 1 the characters that follow each of these. Windows
// begin `stride` characters apart and lie within one file.
Result<std::vector<std::string_view>> characters_of(std::string_view text, const std::string& name);
// The numbers of a text's characters; one that the fit lacks is a Failure.
Result<std::vector<int32_t>> character_numbers(std::string_view text, const std::string& name,
                                               const DataFit& fit);
Result<Table> read_text(const std::vector<std::string>& paths, int64_t window, int64_t stride, DataFit& fit);

} // namespace striate
