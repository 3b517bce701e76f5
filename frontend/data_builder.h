// A `data` block: its splits, and its fields as tensors of a graph that start from the columns of its files.
#pragma once

#include "frontend/elaborate.h"
#include "frontend/network_builder.h"

#include <set>

namespace striate {

class DataBuilder {
public:
  using ColumnTypeOf = std::function<std::optional<ColumnType>(const ReaderCall&, int column)>;
  DataBuilder(Reporter& reporter, const Library& library, const ast::Item& item, ColumnTypeOf column_type);

  // Reads splits and constants; false after an error.
  bool read_splits(DataDescription& description);
  const ast::Stmt* find_field(const std::string& name) const;
  std::vector<std::string> field_names() const;

  // The field as a tensor of `graph`, with the pipeline for `network`'s mode. `wanted`: the type of the
  // model's input that it is for, or nullptr. Its graph input is called `name`. Unknown after an error.
  CompileTimeValue expand_field(const ast::Stmt& field, NetworkBuilder& network, GraphBuilder& graph,
                                const std::string& name, const TensorType* wanted,
                                std::vector<InputBinding>& bindings);

private:
  bool read_split(const ast::Stmt& statement, DataDescription& description);
  std::optional<ReaderCall> read_reader(const ast::Expr& expr);
  bool read_divide(const ast::Expr& expr, SplitDescription& split);
  CompileTimeValue column(const ast::Expr& call, Scope& scope, NetworkBuilder& network, GraphBuilder& graph,
                          const std::string& name, const TensorType* wanted, InputBinding binding,
                          std::vector<InputBinding>& bindings);
  std::optional<TensorType> raw_type(const ast::Expr& call, int column, const std::string& name,
                                     const TensorType* wanted);

  Reporter& reporter_;
  const Library& library_;
  const ast::Item& item_;
  ColumnTypeOf column_type_;
  Evaluator evaluator_;
  Scope scope_;
  std::vector<const ast::Stmt*> fields_;
  std::optional<ReaderCall> reader_; // of the first split
};

} // namespace striate
