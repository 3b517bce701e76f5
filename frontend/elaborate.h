// From syntax trees to graphs: names resolved, layers and control flow expanded, operators instantiated at
// concrete shapes (only the batch size N stays symbolic), parameter paths and source locations settled.
//
// Assumes parsed files; guarantees graphs that `verify` accepts, or diagnostics and no module. Total:
// recursion is refused, and elaboration stops with a diagnostic beyond a budget of nodes and steps.
#pragma once

#include "frontend/ast.h"
#include "frontend/finding.h"
#include "frontend/layer_call.h"
#include "frontend/standard_library.h"
#include "ir/graph/graph.h"
#include "support/diagnostics.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace striate {

// `idx("images.gz", "labels.gz")`, `csv("digits.csv.gz", label = -1)`
struct ReaderCall {
  std::string kind; // "idx", "csv", "images", ...; of npz, `files` are the file and the names of its arrays
  std::vector<std::string> files;
  std::map<std::string, Attribute> options;
  SourceLocation location;
};

// `split train, val = idx(..) -> divide(55000, 5000)`; one name and no counts: everything.
struct SplitDescription {
  std::vector<std::string> names;
  std::vector<double> counts; // of the first, the second, ... name, or shares below 1; empty = one split
                              // with all rows
  // `divide(.., shuffle = SEED)`: rows are taken in an order drawn from this seed, not as they stand in the
  // file.
  std::optional<int64_t> shuffle;
  ReaderCall reader;
  SourceLocation location;
};

// What the reader yields for one column of one example, as found in the file.
struct ColumnType {
  ElementType element = ElementType::F32;
  std::vector<int64_t> shape;
};

// `columns("width", "height")`, or `codes("kind")`: columns of a CSV file by their names.
struct NamedColumns {
  std::vector<std::string> names;
  bool codes = false;
  bool operator==(const NamedColumns&) const = default;
};

// `standardize` or `whiten` in a field: states of the graph that the training split gives their values,
// before the first step; they are kept with the weights.
struct FitDescription {
  enum class Kind { Standardize, Pca, Zca };
  Kind kind = Kind::Standardize;
  int column = 0;
  std::string mean;  // the names of the states
  std::string scale; // of `whiten`: the basis
  int64_t count = 0; // of means, equal numbers of neighbours sharing one; of `whiten`: rows of the basis
  double epsilon = 0;
  bool operator==(const FitDescription&) const = default;
};

struct DataDescription {
  std::string name;
  std::vector<SplitDescription> splits;
  SourceLocation location;
  // What fields read: the reader's own columns by number, and named ones, which are counted after those.
  std::set<int> columns;
  std::vector<NamedColumns> named_columns;
  std::vector<FitDescription> fits;

  // The split that decides what words, classes and characters there are: `train`, else the first.
  const SplitDescription& training() const;
};

// How many columns of its own a reader has: `column(0)`, `column(1)`, ...
int64_t own_columns(const ReaderCall& call);
// An integer among a reader's options.
int64_t integer_option(const ReaderCall& call, const std::string& name, int64_t otherwise);

// The numbers of the examples' rows in the data, which random draws in fields belong to: no column of a file.
inline constexpr int kRowNumbers = -1;
inline constexpr const char* kRowNumbersInput = "data.row";

// Binds a graph input (raw bytes as the file has them) to a column: the field's pipeline is part of the
// graph.
struct InputBinding {
  std::string input; // name of the graph's input value
  std::string field;
  int column = 0;
};

// `load "f.safetensors" into backbone except head`: weights that are there before the first step.
struct LoadDescription {
  std::string file;                // as written
  std::vector<std::string> into;   // the layers or parameters that are set; empty: all
  std::vector<std::string> except; // but for these
  SourceLocation location;
};

struct TrainDescription {
  std::string model;
  std::string data;
  std::string phase; // "" where the block has none
  std::string optimizer;
  std::vector<LoadDescription> loads;
  int64_t epochs = 1;
  int64_t batch = 64;     // examples an update
  int64_t accumulate = 1; // runs of the step that make one update
  int64_t seed = 1;
  int64_t checkpoint_every = 1; // epochs
  int64_t checkpoint_keep = 3;
  std::string best; // "val.accuracy", or "" for none
  std::vector<std::string> metrics;
  // As text, for people: the model's arguments; and what is settled beside the numbers above, by the names of
  // --set: "loss", "optimizer", "lr", "fc2.lr", "gradient.max_norm".
  std::vector<std::pair<std::string, std::string>> arguments, settings;
  SourceLocation location;
};

// `plateau(val.loss, factor = 0.1)`: 1, and times `factor` whenever the measure has not become better for
// more than `patience` epochs.
struct PlateauDescription {
  std::string measure; // "val.loss"
  double factor = 0.1, patience = 10, threshold = 1e-4, cooldown = 0;
  SourceLocation location;
};

// A run-time scalar that the host computes before each update, from the scalars "step", "epoch" (of this
// update), "steps", "epochs" (of the run) and "plateau.0", "plateau.1", ...
struct ScalarSchedule {
  std::string scalar; // "optimizer.lr"
  ExprRef value;
};

// What one phase of a training needs; a `train` block without phases is one.
struct Module {
  Graph train;                   // forward in training mode, with outputs "loss" and the metrics, each f32[N]
  Graph eval;                    // forward in evaluation mode, with the model's outputs too
  std::vector<LayerCall> layers; // the library's in `eval`, outer ones first
  std::vector<OptimizerInstance> optimizers; // what changes gradients first; then one per trainable parameter
  std::vector<std::pair<std::string, double>>
      scalars; // "optimizer.lr" and its value; 0 where it has a schedule
  std::vector<ScalarSchedule> schedules;
  std::vector<PlateauDescription> plateaus;
  DataDescription data;
  std::vector<InputBinding> bindings;
  TrainDescription training;
  bool has_training = false; // a file with only a model yields `eval` alone, with no loss
};

struct ElaborateOptions {
  std::map<std::string, std::string> parameters; // --param classes=100: the model's arguments
  std::map<std::string, std::string>
      settings; // --set train.lr=0.1, train.epochs=2: overrides in the train block
  // The type of a column of the data, asked for each bound field; nullopt where the data is not at hand: then
  // the input's own shape is taken, u8 for images and f32 for csv (i32 for labels).
  std::function<std::optional<ColumnType>(const DataDescription&, int column)> column_type;
  // How many `classes` or characters (`vocabulary`) the data has; nullopt where it is not at hand.
  std::function<std::optional<int64_t>(const DataDescription&, const std::string& what)> data_count;
  FindingListener found; // told what is found out about places of the program, if set
  const std::vector<StandardFile>* library = nullptr; // instead of the one that is built in
};

// `file` is the user's, with the files that it uses (used_files.h); the standard library is parsed and added
// here. Resolves `train` (the only one, or none): a module for each of its phases, in order, with the same
// parameters; or the one module. Empty after an error.
std::vector<Module> elaborate(const ast::File& file, const ElaborateOptions& options,
                              Diagnostics& diagnostics);

// The definition of one operator of the library or of `file` (nullptr: the library alone) at given operand
// types, for tests and `explain op`. Attribute texts are parsed as expressions ("2", "[1, 1]"). Diagnostics
// on error.
std::shared_ptr<const Definition> instantiate_op(const ast::File* file, const std::string& op,
                                                 const std::vector<TensorType>& operands,
                                                 const std::map<std::string, std::string>& attributes,
                                                 Diagnostics& diagnostics);

} // namespace striate
