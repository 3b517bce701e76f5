// A `data` block: its splits, and its fields as tensors of a graph that start from the columns of its files.
#pragma once

#include "frontend/elaborate.h"
#include "frontend/network_builder.h"

#include <set>

namespace striate {

class DataBuilder {
public:
  DataBuilder(Reporter& reporter, const Library& library, const ast::Item& item,
              const ElaborateOptions& options)
      : reporter_(reporter), library_(library), item_(item), options_(options),
        evaluator_(reporter, library) {}

  // Reads splits and constants; false after an error.
  bool read_splits();
  // The columns that fields read are known when the fields were expanded.
  const DataDescription& description() const { return description_; }
  const ast::Stmt* find_field(const std::string& name) const;
  std::vector<std::string> field_names() const;

  // The field as a tensor of `graph`, with the pipeline for `network`'s mode. `wanted`: the type of the
  // model's input that it is for, or nullptr. Its graph input is called `name`. Unknown after an error.
  CompileTimeValue expand_field(const ast::Stmt& field, NetworkBuilder& network, GraphBuilder& graph,
                                const std::string& name, const TensorType* wanted,
                                std::vector<InputBinding>& bindings);

private:
  bool read_split(const ast::Stmt& statement);
  bool read_divide(const ast::Expr& expr, SplitDescription& split);
  // The number of the column that a call of `column`, `columns` or `codes` means; nullopt after an error.
  std::optional<int> column_number(const ast::Expr& call, Scope& scope, NetworkBuilder& network);
  CompileTimeValue column(const ast::Expr& call, int number, GraphBuilder& graph, const std::string& name,
                          const TensorType* wanted, InputBinding binding,
                          std::vector<InputBinding>& bindings);
  // data_fits.cpp: `standardize` and `whiten`, stages of a field right after its column.
  std::optional<CompileTimeValue> fitted_stage(const CompileTimeValue& input, const ast::Expr& call,
                                               Scope& scope, NetworkBuilder& network, GraphBuilder& graph,
                                               const std::vector<InputBinding>& bindings);
  bool read_fit(const std::string& what, const ast::Expr& call, Scope& scope, NetworkBuilder& network,
                const TensorType& type, FitDescription& fit, bool& by_channel);
  std::optional<TensorType> raw_type(const ast::Expr& call, int column, const std::string& name,
                                     const TensorType* wanted);
  const ReaderCall& reader() const { return description_.splits.at(0).reader; }

  Reporter& reporter_;
  const Library& library_;
  const ast::Item& item_;
  const ElaborateOptions& options_;
  Evaluator evaluator_;
  Scope scope_;
  std::vector<const ast::Stmt*> fields_;
  DataDescription description_;
  // Where a column has another number of values than the input it is for: tells so, unless the field's stages
  // made another shape of it.
  std::function<void(const TensorType& got)> misfit_;
  int rows_ = -1; // the value of the row numbers in the graph at hand
};

} // namespace striate
