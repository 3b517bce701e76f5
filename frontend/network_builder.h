// Layers and models -> nodes of a graph: expands calls, pipelines and control flow, and gives parameters
// their paths. After an error it goes on at the next statement, with what the failed one should have made
// unknown.
#pragma once

#include "frontend/bind_call.h"
#include "frontend/graph_builder.h"
#include "frontend/instantiate_op.h"
#include "frontend/layer_instance.h"

#include <functional>

namespace striate {

class NetworkBuilder : public Evaluator {
public:
  NetworkBuilder(Reporter& reporter, const Library& library, GraphBuilder& graph, bool training)
      : Evaluator(reporter, library), graph_(graph), training_(training) {}

  // Makes the value of a model's input; -1 after an error.
  using InputMaker =
      std::function<int(const std::string& name, const TensorType& type, const SourceLocation& place)>;
  // A model, with its arguments; `outputs` gets its outputs. False after an error.
  bool expand_model(const ast::Item& item, const std::map<std::string, CompileTimeValue>& attributes,
                    const InputMaker& make_input,
                    std::vector<std::pair<std::string, CompileTimeValue>>& outputs);
  // An expression outside of a layer, its values named below `path`.
  CompileTimeValue expand(const ast::Expr& expr, Scope& scope, const std::string& path);
  // Calls that only one place knows, such as `column(0)` in a field.
  std::function<std::optional<CompileTimeValue>(const ast::Expr& call, Scope& scope)> special_call;
  // Stages that only one place knows, such as `standardize` in a field; `call`: a name or a call.
  std::function<std::optional<CompileTimeValue>(const CompileTimeValue& input, const ast::Expr& call,
                                                Scope& scope)>
      special_stage;
  // An operator on tensors.
  CompileTimeValue apply(const ast::Item& op, const std::vector<CompileTimeValue>& inputs,
                         const SourceLocation& place);
  // In a field: the value of the examples' row numbers, made where a draw needs them.
  std::function<int()> row_numbers;

protected:
  std::string finding_text(const CompileTimeValue& value) const override;
  CompileTimeValue evaluate_other(const ast::Expr& expr, Scope& scope) override;
  CompileTimeValue evaluate_block(const ast::Block& block, Scope& scope) override;
  CompileTimeValue call_on_tensors(const ast::Expr& call, std::vector<CompileTimeValue> known,
                                   Scope& scope) override;
  CompileTimeValue combine(const ast::Expr& expr, const std::vector<CompileTimeValue>& operands) override;

private:
  // One expansion of a layer or model.
  struct Frame {
    const ast::Item* item = nullptr;
    std::string path;
    const LayerInstance* layer = nullptr;
    std::vector<BoundInput> inputs; // of the layer
    SourceLocation call;
    bool again = false;               // a shared layer, applied before
    std::map<std::string, int> names; // how often a name was used in it
    std::optional<CompileTimeValue> returned;
  };
  // A name given by `as`, already claimed; or none.
  struct Wanted {
    std::string name;
    SourceLocation location;
    bool given() const { return !name.empty(); }
  };

  // network_builder.cpp: expressions
  CompileTimeValue pipe(const ast::Expr& expr, Scope& scope);
  CompileTimeValue named(const ast::Expr& expr, Scope& scope);
  CompileTimeValue member(const ast::Expr& expr, Scope& scope);
  CompileTimeValue stage(CompileTimeValue input, const ast::Expr& expr, Scope& scope, const Wanted& wanted);
  CompileTimeValue stage_of_kind(CompileTimeValue input, const ast::Expr& expr, Scope& scope,
                                 const Wanted& wanted);
  void report_stage(const CompileTimeValue& before, const CompileTimeValue& after, const ast::Expr& expr,
                    bool last);
  CompileTimeValue stage_block(CompileTimeValue input, const ast::Block& block, Scope& scope,
                               const Wanted& wanted);
  CompileTimeValue call(const ast::Expr& callee, const std::vector<ast::Argument>* arguments,
                        std::vector<BoundInput> piped, const SourceLocation& place, Scope& scope,
                        const Wanted& wanted);
  std::optional<bool> when_holds(const ast::Expr& expr, Scope& scope);
  std::optional<Wanted> wanted_name(const ast::Expr& as, Scope& scope);

  // apply_callable.cpp: ops and layers
  CompileTimeValue apply_op(const ast::Item& op, const CallSite& site, Scope& scope, const Wanted& wanted);
  CompileTimeValue apply_op(const ast::Item& op, BoundCall bound, const SourceLocation& place,
                            const Wanted& wanted);
  CompileTimeValue apply_from_left(const ast::Item& op, BoundCall bound, const SourceLocation& place,
                                   const Wanted& wanted);
  CompileTimeValue apply_layer(LayerInstance& layer, const CallSite& site, Scope& scope,
                               const Wanted& wanted);
  bool bind_layer_inputs(const LayerInstance& layer, const std::vector<BoundInput>& inputs,
                         const SourceLocation& place, Scope& scope);
  std::optional<OpInput> op_input(const BoundInput& input, const ast::Item& op,
                                  const ast::Parameter& parameter);

  // explain_shapes.cpp: what is added to errors about shapes and conditions
  using Attributes = std::map<std::string, CompileTimeValue>;
  void explain_shapes(DiagnosticMessage& message, const ast::Item& item, const Attributes& attributes,
                      const std::vector<BoundInput>& inputs, const SourceLocation& place);
  void explain_sizes(DiagnosticMessage& message, int value);
  const Node* producer_before(const Node& node) const;
  void suggest_view(DiagnosticMessage& message, const ast::Item& item, const std::vector<BoundInput>& inputs);
  void suggest_attributes(DiagnosticMessage& message, const ast::Item& item, const Attributes& attributes,
                          const std::vector<BoundInput>& inputs);
  void suggest_upstream(DiagnosticMessage& message, const ast::Item& item, const Attributes& attributes,
                        const std::vector<BoundInput>& inputs);
  std::optional<std::vector<Size>> shape_with(const ast::Item& item, const Attributes& attributes,
                                              const std::vector<BoundInput>& inputs);

  // scan.cpp
  std::optional<int64_t> steps_of(const std::vector<BoundInput>& sequences);
  CompileTimeValue scan(const ast::Expr& expr, const std::vector<BoundInput>& sequences, Scope& scope,
                        const Wanted& wanted);
  void add_carry(const ast::Stmt& statement, Scope& scope);
  void set_next_carry(const ast::Stmt& statement, int carried, const CompileTimeValue& value);

  // layer_statements.cpp
  void execute(const ast::Block& block, Scope& scope, CompileTimeValue* value);
  void execute(const ast::Stmt& statement, Scope& scope, CompileTimeValue* value);
  void report_no_value(const SourceLocation& place, const char* what);
  void assign(const std::vector<ast::ExprPtr>& targets, CompileTimeValue value, Scope& scope,
              const SourceLocation& place);
  void add_persistent(const ast::Stmt& statement, Scope& scope);
  void add_next(const ast::Stmt& statement, Scope& scope);
  void add_input(const ast::Stmt& statement, Scope& scope);
  void add_output(const ast::Stmt& statement, Scope& scope);
  void add_shared_layer(const ast::Stmt& statement, Scope& scope);
  std::optional<TensorType> type_of(const ast::Parameter& parameter, Scope& scope, bool batch);
  ExprRef initial_of(const ast::Parameter& parameter, const TensorType& type, const std::string& path,
                     Scope& scope);

  Frame& frame() { return frames_.back(); }
  int depth() const { return static_cast<int>(frames_.size()); }
  std::string full(const std::string& name) const;
  std::string default_name(const std::string& base); // within the frame
  bool claim(const std::string& name, const SourceLocation& place);
  bool within_budget(const SourceLocation& place);

  GraphBuilder& graph_;
  bool training_;
  bool explains_ = true; // not where it is only tried whether something fits
  std::vector<Frame> frames_;
  const InputMaker* make_input_ = nullptr;
  std::vector<std::pair<std::string, CompileTimeValue>>* outputs_ = nullptr;
};

Attribute attribute_of(const CompileTimeValue& value);

} // namespace striate
