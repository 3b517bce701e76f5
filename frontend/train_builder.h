// A `train` block, its model and its data -> the graphs of one training step and of evaluation; or, in a file
// without one, the model alone.
#pragma once

#include "frontend/data_builder.h"
#include "frontend/optimizer_builder.h"

namespace striate {

class TrainBuilder {
public:
  TrainBuilder(Reporter& reporter, const Library& library, const ElaborateOptions& options)
      : reporter_(reporter), library_(library), options_(options), evaluator_(reporter, library) {}

  std::optional<Module> build(); // nullopt after an error

private:
  using Outputs = std::vector<std::pair<std::string, CompileTimeValue>>;

  std::optional<Module> build_model_only();
  bool find_items(const ast::Item& train);
  // The model's arguments: of the call in `train`, and of --param.
  std::optional<std::map<std::string, CompileTimeValue>> model_arguments(const ast::Expr* subject);
  void bind_data_counts(std::vector<ast::Argument>& arguments, Scope& scope);
  bool read_input_names();

  // train_settings.cpp
  bool read_body(TrainDescription& description);
  bool read_settings(bool of_optimizers);
  void read_statement(const ast::Stmt& statement, TrainDescription& description);
  void read_setting(const std::string& name, const ast::Expr& value, const SourceLocation& place,
                    TrainDescription& description);
  void read_checkpoint(const ast::Expr& call, TrainDescription& description);
  // Whether a measure is one of a split: `val.accuracy`.
  bool check_measure(const Module& module, const std::string& measure, const SourceLocation& place);

  std::optional<Graph> build_graph(bool training, Module& module);
  int make_input(const std::string& name, const TensorType& type, const SourceLocation& place,
                 NetworkBuilder& network, GraphBuilder& graph, std::vector<InputBinding>& bindings,
                 Scope& scope);
  void bind_other_fields(NetworkBuilder& network, GraphBuilder& graph, std::vector<InputBinding>& bindings,
                         Scope& scope);
  void add_per_example(const std::string& name, const ast::Expr& value, NetworkBuilder& network,
                       GraphBuilder& graph, Scope& scope);
  void freeze(GraphBuilder& graph);
  bool build_optimizers(Module& module);
  bool build_group(std::size_t group, Module& module, ScheduleBuilder& schedules);
  // Which group a trainable parameter belongs to; nullopt after an error.
  std::optional<std::size_t> group_of(const std::string& parameter);

  Reporter& reporter_;
  const Library& library_;
  const ElaborateOptions& options_;
  Evaluator evaluator_;
  const ast::Item* train_ = nullptr;
  const ast::Item* model_ = nullptr;
  std::map<std::string, CompileTimeValue> arguments_;
  std::optional<DataBuilder> data_;
  std::map<std::string, std::string>
      input_fields_; // a model's input -> the field it takes, where the names differ
  Scope train_scope_;
  const ast::Expr* loss_ = nullptr;
  const ast::Expr* best_ = nullptr;
  std::vector<std::pair<std::string, const ast::Expr*>> metrics_;
  std::vector<const ast::Expr*> frozen_;
  std::map<std::string, ast::ExprPtr> train_settings_; // --set train.epochs=2
  // `optimizer = SGD(...)`, for all parameters that no other group names; `optimizer fc2 = ...`
  struct ParameterGroup {
    const ast::Expr* optimizer;
    std::vector<const ast::Expr*> paths;          // empty: the others
    std::map<std::string, ast::ExprPtr> settings; // --set train.fc2.lr=0.1
    std::string name() const;                     // the first path, or ""
  };
  std::vector<ParameterGroup> groups_;
};

} // namespace striate
