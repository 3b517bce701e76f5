// The readers of data files that a `data` block may call: their arguments, and what columns they yield.
#pragma once

#include "frontend/elaborate.h"
#include "frontend/evaluate.h"

namespace striate {

// A call of a reader, checked; nullopt after an error.
std::optional<ReaderCall> read_reader(const ast::Expr& expr, Evaluator& evaluator, Scope& scope);

std::vector<std::string> reader_names();
// The names of a reader's arguments, without the files; empty where there is no such reader.
std::vector<std::string> reader_arguments(const std::string& reader);

// What the call alone says of one of the reader's own columns, without its files.
std::optional<ColumnType> own_column_type(const ReaderCall& call, int column);
// "`csv` has the features as column 0, ..."
std::string columns_text(const ReaderCall& call);

} // namespace striate
