#include "driver/lsp_words.h"

namespace striate::lsp {

const std::vector<Word>& words() {
  using Kind = Word::Kind;
  static const std::vector<Word> kWords = {
      {Kind::Item, "use", "`use \"blocks.nn\"`: the items of another file"},
      {Kind::Item, "op", "an operator: what each element of its outputs is"},
      {Kind::Item, "layer", "operators and layers together, with parameters"},
      {Kind::Item, "model", "a network, with its inputs and outputs"},
      {Kind::Item, "optimizer", "how a parameter changes by its gradient"},
      {Kind::Item, "schedule", "a number that changes while training"},
      {Kind::Item, "data", "which files hold the examples, and what is done with them"},
      {Kind::Item, "train", "`train MODEL with DATA`: loss, metrics, optimizer and how long"},

      {Kind::Statement, "param", "a value that is trained: `param weight: f32[O, C] = uniform_fan(C)`"},
      {Kind::Statement, "state", "a value that is kept and not trained: `state mean: f32[C] = zeros`"},
      {Kind::Statement, "carry", "in a scan: what the next step needs, `carry h: f32[width] = 0`"},
      {Kind::Statement, "next", "the value of a state or of what is carried, for the next step"},
      {Kind::Statement, "total", "a number added up over all parameters of an optimizer"},
      {Kind::Statement, "return", "the value of a layer or a schedule"},
      {Kind::Statement, "layer", "a layer that may be applied several times: `layer enc = Linear(10)`"},
      {Kind::Statement, "input", "`input image: f32[N, 1, 28, 28]`; N is the size of the batch"},
      {Kind::Statement, "output", "`output logits = ...`, or the name of a value"},
      {Kind::Statement, "split",
       "`split train, val = csv(\"a.csv\", label = -1) -> divide(0.8, 0.2)`: a reader, and perhaps its "
       "division"},
      {Kind::Statement, "field", "`field image = column(0) -> to_real(1/255)`: a column, and operators"},
      {Kind::Statement, "metric", "`metric accuracy = top1(logits, label)`: one value per example"},
      {Kind::Statement, "optimizer",
       "`optimizer = SGD(lr = 0.1)`; with names, for these layers and parameters"},
      {Kind::Statement, "phase", "a part of the training, with settings of its own"},
      {Kind::Statement, "freeze", "`freeze conv1`: these layers or parameters stay as they are"},
      {Kind::Statement, "load",
       "`load \"f.safetensors\" into backbone except head`: weights before the first step"},

      {Kind::Setting, "loss", "one value per example; its mean over the batch is minimised"},
      {Kind::Setting, "optimizer", "trains every parameter that no other optimizer names"},
      {Kind::Setting, "gradient", "`gradient = clip_norm(1)`: changes all gradients before the updates"},
      {Kind::Setting, "epochs", "how often the training split is gone through; 1 unless told otherwise"},
      {Kind::Setting, "batch", "examples an update; 64 unless told otherwise"},
      {Kind::Setting, "accumulate",
       "the batch in so many parts, with their gradients added up; 1 unless told otherwise"},
      {Kind::Setting, "seed", "of all random numbers; 1 unless told otherwise"},
      {Kind::Setting, "metric", "`metric NAME = ...`: one value per example, its mean is reported"},
      {Kind::Setting, "checkpoint", "`checkpoint(every = 1, keep = 3, best = val.accuracy)`"},

      {Kind::Control, "if", "chosen while compiling: `if condition { a } else { b }`"},
      {Kind::Control, "else", "what holds otherwise; in `(x[i] else 0)`, the value outside"},
      {Kind::Control, "when", "`when training { a } else { b }`: training or evaluation"},
      {Kind::Control, "repeat", "`repeat i in 0..n { ... }`, decided while compiling"},
      {Kind::Control, "scan", "`scan u in x { ... }`: through the steps of a sequence"},
      {Kind::Control, "in", "`repeat i in 0..n`, `scan u in x`"},
      {Kind::Control, "as", "names a value and its parameters: `Linear(10) as fc`"},
      {Kind::Control, "where", "what must hold: `where C % step == 0, \"a message\"`"},
      {Kind::Control, "layer", "a layer, or one that may be applied several times"},
      {Kind::Control, "param", "a value that is trained"},
      {Kind::Control, "return", "the value of a layer or a schedule"},
      {Kind::Control, "and", "both hold"},
      {Kind::Control, "or", "one of both holds"},
      {Kind::Control, "not", "does not hold"},
      {Kind::Control, "true", "a `bool`"},
      {Kind::Control, "false", "a `bool`"},

      {Kind::Type, "f32", "real numbers of 32 bits"},
      {Kind::Type, "i32", "integers of 32 bits"},
      {Kind::Type, "u8", "bytes"},
      {Kind::Type, "int", "an integer, or integers"},
      {Kind::Type, "real", "a real number"},
      {Kind::Type, "bool", "`true` or `false`"},
      {Kind::Type, "string", "a text in quotes"},

      {Kind::Function, "abs", "the absolute value"},
      {Kind::Function, "exp", "e to the power of it"},
      {Kind::Function, "log", "the natural logarithm"},
      {Kind::Function, "sqrt", "the square root"},
      {Kind::Function, "tanh", "the hyperbolic tangent"},
      {Kind::Function, "erf", "the error function"},
      {Kind::Function, "sin", "the sine"},
      {Kind::Function, "cos", "the cosine"},
      {Kind::Function, "pow", "`pow(a, b)`: a to the power of b"},
      {Kind::Function, "floor", "rounded down"},
      {Kind::Function, "round", "rounded to the nearest"},
      {Kind::Function, "min", "the least"},
      {Kind::Function, "max", "the largest"},
      {Kind::Function, "select", "`select(condition, a, b)`, element by element"},
      {Kind::Function, "stop", "the value itself; passes no gradient"},
      {Kind::Function, "random", "`random(n)`: uniform in [0, 1), one draw for each value of the indices"},
      {Kind::Function, "count", "`count(..)`: the number of elements of a run"},

      {Kind::Reducer, "sum", "`sum(c, r: 0..3) ...`: binds like the sum sign"},
      {Kind::Reducer, "prod", "the product over indices"},
      {Kind::Reducer, "any", "whether it holds for some index"},
      {Kind::Reducer, "all", "whether it holds for all indices"},
      {Kind::Reducer, "argmax", "the first place of the largest value"},
      {Kind::Reducer, "argmin", "the first place of the least value"},

      {Kind::Reader, "idx", "`idx(\"images.gz\", \"labels.gz\")`: one column for each file"},
      {Kind::Reader, "csv",
       "`csv(\"a.csv\", label = -1)`: column 0, the numbers of a row; column 1, the label"},
      {Kind::Reader, "cifar", "`cifar(\"1.bin\")`: column 0, images of 3 x 32 x 32; column 1, labels"},
      {Kind::Reader, "npy", "`npy(\"x.npy\", \"y.npy\")`: one column for each array"},
      {Kind::Reader, "npz", "`npz(\"f.npz\", \"x\", \"y\")`: one column for each array"},
      {Kind::Reader, "images",
       "`images(\"folder\", size = 224)`: a sub-folder for each class; column 0, images; column 1, classes"},
      {Kind::Reader, "text",
       "`text(\"book.txt\", window = 64)`: column 0, characters; column 1, those after them"},

      {Kind::Field, "column", "`column(0)`: a column of the reader"},
      {Kind::Field, "columns", "`columns(\"width\", \"height\")`: columns of a CSV file by their names"},
      {Kind::Field, "codes", "`codes(\"place\")`: the numbers of the words of a CSV file's column"},
      {Kind::Field, "standardize",
       "each number minus its mean over its deviation, fitted to the training split"},
      {Kind::Field, "whiten", "uncorrelated numbers of variance 1, fitted to the training split"},
      {Kind::Division, "divide", "`divide(0.8, 0.2, shuffle = 1)`: consecutive parts, by numbers or shares"},

      {Kind::Schedule, "plateau",
       "`plateau(val.loss, factor = 0.1, patience = 10)`: 1, and times `factor` where the measure does not "
       "become better"},
      {Kind::Schedule, "step", "the number of this update, from 1"},
      {Kind::Schedule, "steps", "how many updates the run has"},
      {Kind::Schedule, "epoch", "how many epochs are finished"},
      {Kind::Schedule, "epochs", "how many epochs the run has"},
  };
  return kWords;
}

const Word* find_word(std::string_view word, const std::vector<Word::Kind>& kinds) {
  for (const Word::Kind kind : kinds)
    for (const Word& candidate : words())
      if (candidate.kind == kind && candidate.word == word) return &candidate;
  return nullptr;
}

} // namespace striate::lsp
