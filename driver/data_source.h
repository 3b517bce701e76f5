// The data of a program: its files read once, and what the training split settles (words, classes, means)
// known before anything else is read.
#pragma once

#include "frontend/elaborate.h"
#include "runtime/dataset.h"
#include "runtime/image.h"

#include <map>
#include <memory>
#include <string>

namespace striate {

// Paths are relative to --data, or to the program's folder.
class DataSource {
public:
  explicit DataSource(std::string folder) : folder_(std::move(folder)) {}

  // What was saved with trained weights: then the training split need not be there.
  void set_fit(DataFit fit) {
    fit_ = std::move(fit);
    fitted_ = true;
  }
  const DataFit& fit() const { return fit_; }

  // nullopt where the files are not there; errors in files that are there come up when they are used.
  std::optional<ColumnType> column_type(const DataDescription& description, int column);
  std::optional<int64_t> count(const DataDescription& description, const std::string& what);
  // The splits; with `only`, that one.
  Result<Dataset> dataset(const DataDescription& description, const std::string& only = "");

private:
  struct Read {
    std::shared_ptr<const Table> table;
    std::vector<NamedColumns> named; // what it was read for
    std::set<int> columns;
  };

  Result<std::shared_ptr<const Table>> table(const DataDescription& description,
                                             const SplitDescription& split);
  Result<Table> read(const DataDescription& description, const SplitDescription& split);
  std::vector<std::string> paths(const std::vector<std::string>& files) const;

  std::string folder_;
  std::map<std::string, Read> tables_; // by reader call
  DataFit fit_;
  bool fitted_ = false; // `fit_` comes from saved weights
};

// Two calls with the same key read the same.
std::string key_of(const ReaderCall& call);

// How a reader of images, or one that has no say in it, brings a picture to an input of this shape.
ImageOptions image_options(const ReaderCall* reader, const std::vector<int64_t>& example_shape);

} // namespace striate
