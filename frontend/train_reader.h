// What a `train` block and its phases say, with what the command line sets in its place, as one list of
// settings: a phase has what it says and, for the rest, what its `train` block says.
#pragma once

#include "frontend/elaborate.h"
#include "frontend/evaluate.h"

namespace striate {

// `optimizer = SGD(...)`, for all parameters that no other group names; `optimizer fc2 = ...`
struct ParameterGroup {
  const ast::Expr* optimizer = nullptr;
  std::vector<const ast::Expr*> paths;          // empty: the others
  std::map<std::string, ast::ExprPtr> settings; // --set train.fc2.lr=0.1
  std::string name() const;                     // the first path, or ""
};

struct PhaseSettings {
  TrainDescription description; // but for the names of model, data and optimizers
  const ast::Expr* loss = nullptr;
  const ast::Expr* best = nullptr;
  bool own_best = false; // not inherited
  std::vector<std::pair<std::string, const ast::Expr*>> metrics;
  std::vector<const ast::Expr*> frozen;
  std::vector<ParameterGroup> groups;
  std::optional<ParameterGroup> gradient; // what changes gradients before the updates
  ast::BlockPtr body;                     // keeps the expressions
};

// The names that a `train` block gives values: "loss", "epochs", ...
const std::vector<std::string>& train_settings();

class TrainReader {
public:
  TrainReader(Reporter& reporter, const Library& library, const std::map<std::string, std::string>& given)
      : reporter_(reporter), library_(library), given_(given), evaluator_(reporter, library) {}

  // One for each phase, or for the whole block; empty after an error.
  std::vector<PhaseSettings> read(const ast::Item& train);

private:
  // A block under way: its settings, where each was given, and the numbers that --set gives it.
  struct Block {
    PhaseSettings settings;
    Scope given;
    std::map<std::string, ast::ExprPtr> numbers;
    const ast::Stmt* phase = nullptr; // nullptr: the `train` block itself
    std::string name() const { return settings.description.phase; }
  };
  // `--set train.pretrain.lr=0.1`
  struct Setting {
    std::string key, block, name; // all of it, "train", "pretrain.lr"
    ast::ExprPtr value;
    bool found = false;
  };

  bool parse_given();
  void take_numbers(Block& block);
  void take_optimizer_settings(Block& block);
  void report_unknown_settings();
  // What follows the phase's name in the name of a setting; nullopt where the setting is of another block.
  static std::optional<std::string> name_within(const Block& block, const Setting& setting);

  void read_block(const ast::Block& body, Block& block);
  void read_statement(const ast::Stmt& statement, Block& block);
  void read_setting(const std::string& name, const ast::Expr& value, const SourceLocation& place,
                    Block& block);
  void read_checkpoint(const ast::Expr& call, Block& block);
  static void inherit(const PhaseSettings& train, PhaseSettings& phase);
  void check_complete(const PhaseSettings& settings, const ast::Item& train);

  Reporter& reporter_;
  const Library& library_;
  const std::map<std::string, std::string>& given_;
  Evaluator evaluator_;
  std::vector<Setting> settings_;
  std::vector<std::string> known_settings_;
};

} // namespace striate
