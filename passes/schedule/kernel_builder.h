// Building blocks for the nests of passes/schedule: buffers, loads with layouts and guards, loops around a
// body.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

class KernelBuilder {
public:
  KernelBuilder(const Graph& graph, const Region& region, int64_t capacity);

  Kernel kernel;
  // The register tiles that the model thinks best, where so many are asked for.
  std::size_t most_alternatives = 0;
  std::vector<std::string> alternatives;
  std::string problem; // why there is no kernel: what a decision of the graph asks for cannot be

  const Graph& graph() const { return graph_; }
  const Region& region() const { return region_; }
  int64_t capacity() const { return capacity_; }
  const Node& node(NodeId id) const { return graph_.nodes[id]; }

  // Variables.
  int loop(const std::string& name, VariableKind kind, Size extent, int64_t step = 1, bool overlap = false);
  int axis(const std::string& name, int64_t extent);
  int lane();                  // the lane axis, made on first use
  int threads(int64_t extent); // the axis of threads
  Interval range_of(int variable) const;
  std::function<Interval(int)> ranges() const;
  std::function<int64_t(int)> steps() const;

  // The body of `node` with its statement's variables at `at`. Values in `local` (tiles or scratch loads)
  // replace reads of what the region computes itself. Where `guard` is set, loads that depend on the lane, or
  // all where there are threads, happen only under it. `skips`: the terms of a contraction in which a factor
  // is outside are left out (skip_outside), so that it needs no test.
  ExprRef lower(const Node& node, const std::vector<IndexExpr>& at, const std::map<ValueId, ExprRef>& local,
                const ExprRef& guard = nullptr, bool skips = false);
  IndexExpr offset(ValueId value, const std::vector<IndexExpr>& index) const;

  // Statements.
  ExprRef load_at_places(ValueId value, const Expr& e, const ExprRef& guard);
  KernelStatement map(int tile, ExprRef value) const;
  KernelStatement store(ValueId value, const std::vector<IndexExpr>& index, ExprRef what,
                        std::vector<int> axes, ExprRef guard = nullptr);
  static KernelStatement for_loop(int variable, std::optional<IndexExpr> bound = std::nullopt);
  // frames[0] { frames[1] { ... body } }
  static KernelBody nest(std::vector<KernelStatement> frames, KernelBody body);

  int buffer_of(ValueId value);

private:
  const Graph& graph_;
  const Region& region_;
  int64_t capacity_;
  std::map<ValueId, int> buffers_;
  bool guarded(const IndexExpr& where) const;

  int lane_ = -1;
};

// The index expressions of each dimension of a statement's target, its variables at `at`.
std::vector<IndexExpr> target_index(const Statement& statement, const std::vector<IndexExpr>& at);

// Where the variables of a pointwise tail stand when each dimension of its target is at `index`, which
// `leader` (a statement of the same shape, its variables at `leader_at`) computed.
std::vector<IndexExpr> follow(const Statement& tail, const Statement& leader,
                              const std::vector<IndexExpr>& leader_at);

} // namespace striate
