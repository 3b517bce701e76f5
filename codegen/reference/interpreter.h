// The reference interpreter: executes Definitions and Graphs as they are written, with no regions, layouts or
// kernels. It is what every other way of running a program is compared with, and shares no code with any of
// them.
//
// F64 computes everything in double: the oracle. F32 rounds every operation to float and follows each
// statement's declared ReductionOrder, denormals flushed, so that code generated from the same graph gives
// the same bits. Where a statement has no order yet, its reduced variables run in declared order, row-major,
// into one accumulator.
//
// Assumes definitions that `verify` accepts. Guarantees that no read leaves its tensor (CHECK), and that
// results depend on nothing but the arguments. tests/codegen_reference shows it.
#pragma once

#include "ir/graph/graph.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace striate {

enum class Precision { F64, F32 };

// A logical tensor, row-major. Each element type is held in double, which represents them all exactly.
struct ReferenceTensor {
  TensorType type;
  std::vector<int64_t> shape; // at the batch size in use
  std::vector<double> values;
};

// A tensor of zeros.
ReferenceTensor reference_tensor(const TensorType& type, int64_t batch);

struct ReferenceSettings {
  Precision precision = Precision::F64;
  int64_t batch = 1; // examples: the value of N
  uint64_t seed = 1;
  // Run-time scalars by name. "N" and "1/N" follow from `batch` where they are not given; "step" is 0 then.
  std::map<std::string, double> scalars;
  // Told of every statement that was run (one of a loop: at each step), where it is set; it may change what
  // the statement left. `operands[i]` is null where the statement does not read it.
  std::function<void(const Statement& statement, const std::vector<const ReferenceTensor*>& operands,
                     ReferenceTensor& target)>
      after_statement;
};

// The definition's outputs, given its inputs.
std::vector<ReferenceTensor> evaluate(const Definition& definition,
                                      const std::vector<ReferenceTensor>& inputs,
                                      const ReferenceSettings& settings);

// What one statement defines, of this type, given its operands.
ReferenceTensor evaluate_statement(const Statement& statement, const TensorType& type,
                                   const std::vector<const ReferenceTensor*>& operands,
                                   const ReferenceSettings& settings);

// A parameter's or state's initial value: `initial` over variables 0 .. rank-1.
ReferenceTensor evaluate_initial(const ExprRef& initial, const TensorType& type,
                                 const ReferenceSettings& settings);

// A graph being run step after step; parameters and states are kept in between.
class ReferenceRun {
public:
  // Sets parameters and states to their initial values. `graph` must outlive the run.
  ReferenceRun(const Graph& graph, Precision precision, uint64_t seed);

  // One step: all nodes in order, then every persistent takes its `next`. `scalars` overrides the graph's own
  // first values; where nothing gives "step", it is the number of this step, from 1.
  void step(const std::map<std::string, ReferenceTensor>& inputs, int64_t batch,
            const std::map<std::string, double>& scalars = {});

  // As ReferenceSettings::after_statement, from now on.
  void observe(decltype(ReferenceSettings::after_statement) observer) { observer_ = std::move(observer); }

  // After a step: an output by name, and any value of the graph as it was computed within the step.
  const ReferenceTensor& output(const std::string& name) const;
  const ReferenceTensor& value(const std::string& name) const;
  const ReferenceTensor& value(ValueId value) const { return values_[value]; }

  // Parameters and states as they are now.
  const ReferenceTensor& persistent(const std::string& name) const;
  void set_persistent(const std::string& name, ReferenceTensor tensor);

private:
  std::size_t run_loop(std::size_t first, const ReferenceSettings& settings);
  ValueId persistent_named(const std::string& name) const;

  const Graph& graph_;
  Precision precision_;
  uint64_t seed_;
  int64_t steps_ = 0;
  decltype(ReferenceSettings::after_statement) observer_;
  std::vector<ReferenceTensor> values_;          // per value of the graph, as of the last step
  std::map<ValueId, ReferenceTensor> persisted_; // as they are now
};

} // namespace striate
