// The syntax tree of a `.nn` file: what was written, nothing resolved. One struct each for expressions,
// statements and top-level items, with a kind; the comment beside a kind says which fields it uses (the
// others are empty). Guarantees, after a parse without errors: every pointer a kind names is set unless
// marked optional, every node has a location, and no tree is deeper than kDepthLimit, so walking it by
// recursion is safe. print_ast.h prints it back.
#pragma once

#include "support/source_location.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace striate::ast {

// The deepest nesting of expressions and blocks; deeper text is refused (E0106), never a stack overflow.
inline constexpr int kDepthLimit = 256;

struct Expr;
struct Block;
using ExprPtr = std::shared_ptr<Expr>;
using BlockPtr = std::shared_ptr<Block>;

enum class ExprKind {
  Integer, // integer, text (as written)
  Real,    // real, text (as written)
  Boolean, // integer: 0 or 1
  String,  // text (escapes decoded)
  Name,    // text; `inf`, `training`, sizes, indices and values are all names here
  List,    // [a, b]       operands
  Tuple,   // (a, b)       operands (two or more)
  Group,   // (g c)        operands: one dimension made of several, outermost first; only inside [ ]; or (a..)
  Run,     // .. or a..    text: the name of the run of dimensions, or ""
  Range,   // a..b         operands: first, one past the last
  Unary,   // op, operands[0]
  Binary,  // op, operands[0], operands[1]
  Call,    // f(a, k = b)  operands[0]: what is called (Name, Member, or a Call: `Linear(10)(x)`); arguments
  Read,    // x[i, j]      operands[0]: what is read; operands[1..]: the indices
  Guarded, // (x[i] else v)  operands[0]: the read; operands[1]: its value where it falls outside
  Member,  // a.b          operands[0], text: the member ("0" too: `layer1.0`)
  Reduce,  // sum(c, r: R) body   text: the reducer's name; indices; operands[0]: the body
  If,      // if c { } else { }   operands[0]: the condition; block; otherwise (optional)
  When,   // when c { } else { } as If, decided per entry point (`training`); no else = identity in a pipeline
  Repeat, // repeat i in a..b { }  text: the index; operands[0]: the Range; block
  Scan, // scan u, v in x, y { } indices: the names of one step; operands: the sequences (none in a pipeline);
        // block
  Pipe, // a -> f(b) -> g        operands: the source, then each stage in order (two or more in all)
  As,   // e as layer{i}.0       operands[0]; path
  Path, // enc{i}.weight         path: a name with computed parts, in `train`
};

enum class Operator {
  Or,
  And,
  Not,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract,
  Multiply,
  Divide,      // /
  FloorDivide, // //
  Modulo,
  Negate,
  Power, // **
};

// `k = v` or `v` in a call.
struct Argument {
  SourceLocation location; // of the name where there is one, else of the value
  std::string name;        // "" where it is positional
  ExprPtr value;
};

// One index of a reduction: `c` (its range is the dimension where it stands alone), `r: R` (0 up to R), or
// `r: a..b` (a Range).
struct ReduceIndex {
  SourceLocation location;
  std::string name; // "" for the unnamed run `..`
  bool run = false; // `a..`: every dimension of the run
  ExprPtr range;    // optional
};

// A piece of a name after `as` or of a computed one: literal text, or a compile-time expression in braces.
struct PathPart {
  std::string text; // dots included: "layer", ".", ".downsample.0"
  ExprPtr value;    // set: `{value}`, and text is ""
};

struct Expr {
  ExprKind kind = ExprKind::Integer;
  SourceLocation location; // from its first to its last character, cut at the end of the first line
  Operator op = Operator::Add;
  int64_t integer = 0;
  double real = 0;
  int height = 1; // of this tree: leaves are 1; never above kDepthLimit
  std::string text;
  std::vector<ExprPtr> operands;
  std::vector<Argument> arguments;
  std::vector<ReduceIndex> indices;
  std::vector<PathPart> path;
  BlockPtr block;
  BlockPtr otherwise;
};

// A type and its dimensions. name: one of int, real, bool, string, f32, f64, i32, u8, or "" where none was
// written (a real tensor). In `int[2]` of an attribute the dimension is a count of values, in `int[N]` of a
// tensor it is a pattern; the syntax is the same.
struct Type {
  SourceLocation location;
  std::string name;
  bool has_dimensions = false; // false: a scalar, or (name "") a tensor that says nothing of its shape
  std::vector<ExprPtr> dimensions;
};

// A tensor `x[N, (G C), ..]`, `label: int[N]`, or an attribute `groups G: int = 1`.
struct Parameter {
  SourceLocation location; // of the name
  std::string name;
  std::string size_name; // `G` in `groups G: int`, or ""
  bool variadic = false; // `x..[N, C]`: any number of tensors
  Type type;
  ExprPtr default_value; // optional
};

enum class StmtKind {
  Assign, // targets = value        targets: Name, Read (`y[n, i]`), or Call (an index function, `a(i) = ...`)
  Param,  // param w: f32[..] = v   parameter (default_value optional: the initialiser)
  State,  // state v[..] = 0        parameter (default_value: the first value)
  Carry,  // carry h: f32[..] = v   parameter (default_value: the first value; in a scan)
  Next,   // next v = u             targets (one), value
  Total,  // total n = v            targets (one Name), value: added up over an optimizer's parameters
  Return, // return v               value (a Tuple for `return a, b`)
  Layer,  // layer enc = L(..)      targets (one Name), value
  Input,  // input x: f32[..]       parameter
  Output, // output y = v           targets (Names), value (optional: `output y` names a value bound before)
  Split,  // split a, b = v         targets (Names), value
  Field,  // field x = v            targets (one Name), value
  Metric, // metric a = v           targets (one Name), value
  Phase,  // phase NAME { }         targets (one Name or Path), block
  Freeze, // freeze a, b.c          targets: Names, Members or Paths
  Optimizer, // optimizer a, b.c = v   targets: Names, Members or Paths (a parameter group), value
  Load,      // load "f" into a except b   text: the file; targets (optional): into; exclusions (optional)
  Value, // v                      value: the value of the block; or If, When, Repeat, Scan or, in `train`, a
         // Call
};

struct Stmt {
  StmtKind kind = StmtKind::Value;
  SourceLocation location; // of the whole statement, cut at the end of the first line
  std::vector<ExprPtr> targets;
  ExprPtr value;
  Parameter parameter;
  std::string text;
  std::vector<ExprPtr> exclusions;
  BlockPtr block;
};

struct Block {
  SourceLocation location; // of the opening brace
  int height = 1;          // as Expr's
  std::vector<Stmt> statements;
};

// `where CONDITION, "message"` in the head of an op or a layer.
struct Precondition {
  SourceLocation location;
  ExprPtr condition;
  std::string message; // "" where none was written
};

enum class ItemKind {
  Use,       // use "file.nn"        name: the file
  Op,        // attributes, inputs, outputs, preconditions, body, gradient (optional)
  Layer,     // attributes, inputs, preconditions, body
  Model,     // attributes, preconditions, body
  Optimizer, // attributes, inputs (the weight, its gradient), body
  Schedule,  // attributes, preconditions, body (Assign, Return)
  Data,      // body (Split, Field, Assign)
  Train,     // subject: the model (Name or Call); with: the data (Name or Call); body. name: the model's name
};

struct Item {
  ItemKind kind = ItemKind::Use;
  SourceLocation location; // of the name
  std::string name;
  std::string documentation; // the comment lines directly above, without `#`, one per line
  std::vector<Parameter> attributes;
  std::vector<Parameter> inputs;
  std::vector<Parameter> outputs;
  std::vector<Precondition> preconditions;
  ExprPtr subject;
  ExprPtr with;
  BlockPtr body;
  BlockPtr gradient; // `grad { x[i] = y.grad[i] * ... }`: the adjoint of each input it assigns
};

struct File {
  std::string name;
  int version = 1; // of the language, from `striate 1`
  std::vector<Item> items;
};

} // namespace striate::ast
