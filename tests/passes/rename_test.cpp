// Operators have no names as far as the compiler goes: with every op of the library and of the models renamed
// to op_<n>, the kernels are the same up to those names, and so are the results.
#include "frontend/evaluate.h"
#include "frontend/parser.h"
#include "frontend/print_ast.h"
#include "passes/pipeline.h"
#include "tests/passes/graphs.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace striate {
namespace {

using Names = std::map<std::string, std::string>; // of ops: as they are -> op_007

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

ast::File parsed(const std::string& name, const std::string& text) {
  Diagnostics diagnostics;
  ast::File file = parse(name, text, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return file;
}

void add_ops(const ast::File& file, Names& names) {
  for (const ast::Item& item : file.items)
    if (item.kind == ast::ItemKind::Op) names.emplace(item.name, fmt::format("op_{:03}", names.size()));
}

// What an item binds itself: its `mean` is no op.
std::set<std::string> bound_names(const ast::Item& item) {
  std::set<std::string> names;
  for (const auto* parameters : {&item.attributes, &item.inputs})
    for (const ast::Parameter& parameter : *parameters) names.insert(parameter.name);
  const std::function<void(const ast::Block&)> add = [&](const ast::Block& block) {
    for (const ast::Stmt& statement : block.statements) {
      names.insert(statement.parameter.name);
      for (const ast::ExprPtr& target : statement.targets)
        if (target->kind == ast::ExprKind::Name) names.insert(target->text);
      if (statement.block) add(*statement.block);
    }
  };
  if (item.body) add(*item.body);
  return names;
}

// `y = relu(x)` in an op calls an op, unless a scalar function is called so.
void rename_calls(ast::Item& op, const Names& names) {
  for (ast::Stmt& statement : op.body->statements) {
    if (!statement.value || statement.value->kind != ast::ExprKind::Call) continue;
    auto& callee = const_cast<ast::Expr&>(*statement.value->operands[0]); // the tree is ours
    if (callee.kind == ast::ExprKind::Name && names.contains(callee.text) && !function_named(callee.text))
      callee.text = names.at(callee.text);
  }
}

// Definitions, and every mention outside of index notation, where such names are scalar functions.
void rename_ops(ast::File& file, const Names& names) {
  for (ast::Item& item : file.items) {
    if (item.kind == ast::ItemKind::Op) {
      item.name = names.at(item.name);
      rename_calls(item, names);
      continue;
    }
    // Their `step` is the number of the update.
    const bool of_numbers = item.kind == ast::ItemKind::Optimizer || item.kind == ast::ItemKind::Schedule;
    if (of_numbers || !item.body) continue;
    const std::set<std::string> bound = bound_names(item);
    std::vector<ast::Expr*> mentions;
    visit_expressions(*item.body, [&](const ast::Expr& e) {
      if (e.kind == ast::ExprKind::Name && names.contains(e.text) && !bound.contains(e.text))
        mentions.push_back(const_cast<ast::Expr*>(&e)); // the tree is ours
    });
    for (ast::Expr* mention : mentions)
      if (names.contains(mention->text)) mention->text = names.at(mention->text);
  }
}

// Equal, and not a number in the same places: drawn states are no states that training would reach.
void expect_same(const std::vector<double>& left, const std::vector<double>& right, const std::string& name) {
  ASSERT_EQ(left.size(), right.size()) << name;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!(std::isnan(left[i]) && std::isnan(right[i]))) {
      ASSERT_EQ(left[i], right[i]) << name << " at " << i;
    }
}

struct Lowered {
  std::string kernels; // of the step and of evaluation, as text
  std::vector<Graph> graphs;
};

Lowered lowered(const ast::File& file, const std::vector<StandardFile>& library) {
  Diagnostics diagnostics;
  ElaborateOptions options;
  options.library = &library;
  const std::vector<Module> modules = elaborate(file, options, diagnostics);
  Lowered result;
  if (modules.empty()) {
    ADD_FAILURE() << diagnostics.render();
    return result;
  }
  const Module* module = &modules[0];
  PipelineOptions pipeline;
  pipeline.capacity = 16;
  for (bool training : {true, false}) {
    Graph graph = training ? module->train : module->eval;
    graph.entry = training ? "step" : "eval";
    if (training) graph.scalars = module->scalars;
    EXPECT_TRUE(run_gradient_passes(graph, module->optimizers, training, pipeline).ok());
    run_region_passes(graph, {}, pipeline);
    result.graphs.push_back(graph);
    result.kernels += print(run_kernel_passes(graph, plan_persistents(graph), pipeline));
  }
  return result;
}

// A draw belongs to the path of its call, in which the operator's name stands: the streams' numbers are names
// too.
std::string without_streams(std::string text) {
  std::map<std::string, std::size_t> numbers;
  std::string result;
  const std::regex stream("(random\\([^;]*; *)([0-9a-fx]+)");
  auto from = text.cbegin();
  for (std::sregex_iterator match(text.begin(), text.end(), stream), end; match != end; ++match) {
    result.append(from, (*match)[2].first);
    result += "#" + std::to_string(numbers.emplace((*match)[2].str(), numbers.size()).first->second);
    from = (*match)[2].second;
  }
  return result.append(from, text.cend());
}

bool draws(const Graph& graph) {
  bool found = false;
  for (const Node& node : graph.nodes)
    for (const Statement& statement : node.definition->statements)
      visit(statement.body, [&](const ExprRef& e) { found = found || e->kind == Expr::Kind::Random; });
  return found;
}

// The models that come with their training; the others are the same operators in larger numbers.
std::vector<std::string> models() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(STRIATE_SOURCE_FOLDER) + "/models"))
    if (entry.path().extension() == ".nn" && text_of_file(entry.path()).find("\ntrain ") != std::string::npos)
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Rename : public testing::TestWithParam<std::string> {};

TEST_P(Rename, ChangesNothingButNames) {
  const std::string name = "models/" + GetParam() + ".nn";
  const std::string text = text_of_file(std::string(STRIATE_SOURCE_FOLDER) + "/" + name);
  ast::File file = parsed(name, text);
  Names names;
  std::vector<ast::File> files;
  for (const StandardFile& standard : standard_library()) {
    files.push_back(parsed(standard.name, standard.text));
    add_ops(files.back(), names);
  }
  add_ops(file, names);
  EXPECT_GT(names.size(), 50u);

  const Lowered before = lowered(parsed(name, text), standard_library());
  std::vector<StandardFile> library;
  for (ast::File& standard : files) {
    rename_ops(standard, names);
    library.push_back({standard.name, print_ast(standard)});
  }
  rename_ops(file, names);
  const Lowered after = lowered(file, library);

  std::string kernels = after.kernels;
  EXPECT_NE(kernels.find("op_0"), std::string::npos);
  for (const auto& [old_name, new_name] : names)
    kernels = std::regex_replace(kernels, std::regex(new_name), old_name);
  EXPECT_EQ(without_streams(before.kernels), without_streams(kernels));

  for (std::size_t k = 0; k < before.graphs.size(); ++k) {
    const Graph &a = before.graphs[k], &b = after.graphs[k];
    if (draws(a)) continue;
    const ReferenceRun left = run_with_noise(a, 3, Precision::F32),
                       right = run_with_noise(b, 3, Precision::F32);
    ASSERT_EQ(a.outputs.size(), b.outputs.size());
    for (std::size_t output = 0; output < a.outputs.size(); ++output)
      expect_same(left.output(a.outputs[output].first).values, right.output(b.outputs[output].first).values,
                  a.outputs[output].first);
    for (const Persistent& persistent : a.persistents) {
      const std::string& value = a.values[persistent.value].name;
      expect_same(left.persistent(value).values, right.persistent(value).values, value);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Rename, testing::ValuesIn(models()),
                         [](const auto& info) { return info.param; });

} // namespace
} // namespace striate
