// A `train` block, its model and its data -> the graphs of the training step and of evaluation, for each
// phase; or, in a file without one, the model alone.
#pragma once

#include "frontend/data_builder.h"
#include "frontend/optimizer_builder.h"
#include "frontend/train_reader.h"

namespace striate {

class TrainBuilder {
public:
  TrainBuilder(Reporter& reporter, const Library& library, const ElaborateOptions& options)
      : reporter_(reporter), library_(library), options_(options), evaluator_(reporter, library) {}

  std::vector<Module> build(); // empty after an error

private:
  using Outputs = std::vector<std::pair<std::string, CompileTimeValue>>;

  std::optional<Module> build_model_only();
  bool find_items(const ast::Item& train);
  // The model's arguments: of the call in `train`, and of --param.
  std::optional<std::map<std::string, CompileTimeValue>> model_arguments(const ast::Expr* subject);
  void bind_data_counts(std::vector<ast::Argument>& arguments, Scope& scope);
  bool read_input_names();

  std::optional<Module> build_phase();
  // Whether a measure is one of a split: `val.accuracy`.
  bool is_measured(const Module& module, const std::string& measure, std::vector<std::string>* all) const;
  bool check_measure(const Module& module, const std::string& measure, const SourceLocation& place);
  bool settle_best(std::vector<Module>& modules, const std::vector<PhaseSettings>& phases);
  bool check_same_parameters(const std::vector<Module>& modules);
  bool check_loads(const Module& module);
  void train_what_is_reached(Module& module);

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
  bool build_gradient(Module& module, ScheduleBuilder& schedules);
  bool check_accumulation(const Module& module);
  bool build_group(int number, Module& module, ScheduleBuilder& schedules);
  // Which group a trainable parameter belongs to. In a phase that may be none: what its optimizers do not
  // name is not trained. nullopt after an error.
  std::optional<int> group_of(const std::string& parameter);

  Reporter& reporter_;
  const Library& library_;
  const ElaborateOptions& options_;
  Evaluator evaluator_;
  const ast::Item* train_ = nullptr;
  const ast::Item* model_ = nullptr;
  std::map<std::string, CompileTimeValue> arguments_;
  std::optional<DataBuilder> data_;
  std::map<std::string, std::string>
      input_fields_;                     // a model's input -> the field it takes, where the names differ
  const PhaseSettings* phase_ = nullptr; // the one under way
};

} // namespace striate
