// striate summary: layers, shapes, parameters, FLOPs and bytes, per example.

#include "driver/commands.h"
#include "driver/memory_limit.h"
#include "driver/program.h"
#include "passes/expand_calls.h"
#include "runtime/trainer.h"

#include <map>
#include <set>

namespace striate {

namespace {

struct Row {
  std::string name, op, shape;
  int64_t parameters = 0;
  double flops = 0;
  int64_t bytes = 0;
};

} // namespace

// Arithmetic operations of one statement for one example.
static double flops_of(const Statement& statement) {
  double points = 1;
  for (const IndexVariable& variable : statement.variables)
    points *= static_cast<double>(variable.extent.factor);
  int operations = statement.reduces() ? 1 : 0;
  visit(statement.body, [&](const ExprRef& e) { operations += e->kind == Expr::Kind::Apply; });
  return points * operations;
}

static std::string counted(double value) {
  const char* units[] = {"", " k", " M", " G", " T"};
  int unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.2f}{}", value, units[unit]);
}

int command_summary(const Options& options) {
  const Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  const Module& module = program->module();
  const Graph& graph = module.has_training ? module.train : module.eval;

  // Calls of one layer (one path) are one row, named after it.
  std::vector<Row> rows;
  std::map<std::string, std::size_t> row_of_path;
  for (const Node& node : graph.nodes) {
    if (node.outputs.empty()) continue;
    const Value& output = graph.values[node.outputs[0]];
    if (node.path.empty() || !row_of_path.count(node.path)) {
      if (!node.path.empty()) row_of_path[node.path] = rows.size();
      rows.push_back({node.path.empty() ? output.name : node.path, "", "", 0, 0, 0});
    }
    Row& row = node.path.empty() ? rows.back() : rows[row_of_path[node.path]];
    row.op += (row.op.empty() ? "" : ", ") + node.op;
    row.shape = output.type.text();
    row.bytes += output.type.elements(1) * byte_size(output.type.element);
    for (const Statement& statement : node.definition->statements) row.flops += flops_of(statement);
    for (ValueId input : node.inputs)
      if (graph.values[input].role == ValueRole::Parameter)
        row.parameters += graph.values[input].type.elements(1);
  }
  std::size_t name_width = 5, op_width = 2, shape_width = 6;
  for (const Row& row : rows) {
    name_width = std::max(name_width, row.name.size());
    op_width = std::max(op_width, row.op.size());
    shape_width = std::max(shape_width, row.shape.size());
  }
  fmt::print("{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>10}  {:>10}\n", "layer", name_width, "op", op_width,
             "output", shape_width, "parameters", "FLOP", "bytes");
  Row total;
  for (const Row& row : rows) {
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>10}  {:>10}\n", row.name, name_width, row.op, op_width,
               row.shape, shape_width, row.parameters, counted(row.flops),
               counted(static_cast<double>(row.bytes)));
    total.flops += row.flops;
    total.bytes += row.bytes;
  }
  // Trained in one phase at least.
  std::set<std::string> trained;
  for (const Module& phase : program->phases) {
    const Graph& trains = module.has_training ? phase.train : phase.eval;
    for (const Persistent& persistent : trains.persistents)
      if (persistent.trainable) trained.insert(trains.values[persistent.value].name);
  }
  int64_t trainable = 0, fixed = 0;
  for (const Persistent& persistent : graph.persistents) {
    const Value& value = graph.values[persistent.value];
    (trained.contains(value.name) ? trainable : fixed) += value.type.elements(1);
  }
  fmt::print("\nparameters {} trainable, {} fixed; forward {}FLOP and {}B of values per example\n", trainable,
             fixed, counted(total.flops) + (total.flops < 1000 ? " " : ""),
             counted(static_cast<double>(total.bytes)) + (total.bytes < 1000 ? " " : ""));
  if (!module.has_training) return 0;

  for (const Module& phase : program->phases) {
    const int64_t capacity = phase_options(options, phase).capacity();
    const Result<CompileOptions> settings = compile_options(options, capacity, false);
    if (!settings) return report(settings.failure());
    const Result<Compilation> compilation = lower_within_memory(options, phase, true, *settings);
    if (!compilation) return report(compilation.failure());
    const std::string& name = phase.training.phase;
    fmt::print("training step{} at batch {}: {}B of memory ({}), {} kernels\n",
               name.empty() ? "" : " of " + name, capacity,
               counted(static_cast<double>(
                   std::max(compilation->step.program.arena_bytes, compilation->eval.program.arena_bytes))),
               memory_parts(compilation->step.regions), compilation->step.program.kernels.size());
  }
  return 0;
}

} // namespace striate
