// DataFit: what reading the training split settles for every other reading of the same kind of data: means
// that stand for blanks, words and their numbers, classes, characters. It is saved with the weights, as text.
#pragma once

#include "support/result.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

struct DataFit {
  struct CsvColumn {
    double mean = 0;
    std::vector<std::string> words = {}; // sorted by bytes; empty for a column of numbers
    bool operator==(const CsvColumn&) const = default;
  };
  std::map<std::string, CsvColumn> csv;     // by title
  std::vector<std::string> classes = {};    // the names of the numbers 0, 1, ... of a label
  std::vector<std::string> characters = {}; // of a text, sorted by code point, in UTF-8
  bool operator==(const DataFit&) const = default;

  bool empty() const { return *this == DataFit(); }
};

std::string fit_text(const DataFit& fit);
// `source` names where the text comes from.
Result<DataFit> parse_fit(const std::string& text, const std::string& source);

} // namespace striate
