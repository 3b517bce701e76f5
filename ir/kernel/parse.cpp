#include "ir/kernel/parse.h"

#include "ir/expression_reader.h"
#include "ir/kernel/problems.h"
#include "ir/layout_text.h"

#include <algorithm>
#include <map>

namespace striate {

constexpr int kMaxLoopNesting = 100;

namespace {

// Where the text of a kernel and of its statements begins.
struct KernelPlaces {
  std::size_t heading = 0;
  std::vector<std::size_t> statements; // as they stand in the text
};

class KernelReader {
public:
  KernelReader(TextReader& reader, KernelPlaces& places) : reader_(reader), places_(places) {
    scope_.variable = [this](const std::string& name) { return lookup(variables_, name); };
    scope_.buffer = [this](const std::string& name) -> std::optional<ExpressionScope::Typed> {
      auto id = lookup(buffers_, name);
      if (!id) return std::nullopt;
      return ExpressionScope::Typed{*id, scalar_type_of(kernel_.buffers[*id].type)};
    };
    scope_.tile = [this](const std::string& name) -> std::optional<ExpressionScope::Typed> {
      auto id = lookup(tiles_, name);
      if (!id) return std::nullopt;
      return ExpressionScope::Typed{*id, kernel_.tiles[*id].type};
    };
  }

  Kernel read() {
    reader_.peek();
    places_.heading = reader_.mark();
    reader_.expect("kernel");
    kernel_.name = reader_.word_or_string("the kernel's name");
    if (reader_.take("loc")) kernel_.location = reader_.location();
    reader_.expect("{");
    while (reader_.take("comment")) kernel_.comment += reader_.quoted_string() + "\n";
    if (reader_.take("flops")) read_flops();
    if (reader_.take("cost")) kernel_.cost = read_cost(reader_);
    while (reader_.next_is("memory") || reader_.next_is("scratch")) read_buffer();
    if (reader_.take("axes")) {
      do read_axis();
      while (reader_.take(","));
    }
    while (reader_.take("tile")) read_tile();
    kernel_.body = read_body();
    return std::move(kernel_);
  }

private:
  using Numbers = std::map<std::string, int>;

  static std::optional<int> lookup(const Numbers& numbers, const std::string& name) {
    auto known = numbers.find(name);
    if (known == numbers.end()) return std::nullopt;
    return known->second;
  }

  // Variables and tiles have one name space.
  std::string new_name(const char* what) {
    std::string name = reader_.word(what);
    if (variables_.contains(name) || tiles_.contains(name)) reader_.fail("a second `{}`", name);
    return name;
  }

  int known(const Numbers& numbers, const char* what) {
    std::string name = reader_.word(what);
    auto id = reader_.failed() ? std::nullopt : lookup(numbers, name);
    if (!id) reader_.fail("`{}` is not {}", name, what);
    return id.value_or(-1);
  }

  void read_flops() {
    kernel_.flops_per_example = reader_.number();
    reader_.expect("per");
    reader_.expect("example");
    reader_.expect(",");
    kernel_.flops_fixed = reader_.number();
    reader_.expect("fixed");
  }

  void read_buffer() {
    KernelBuffer buffer;
    buffer.space = reader_.take("memory") ? BufferSpace::Memory : BufferSpace::Scratch;
    if (buffer.space == BufferSpace::Scratch) reader_.expect("scratch");
    buffer.name = reader_.word("a buffer");
    if (buffers_.contains(buffer.name)) reader_.fail("a second buffer `{}`", buffer.name);
    reader_.expect(":");
    // The one dimension may exceed what a tensor's may: it is read as a number.
    std::string element = reader_.word("an element type");
    bool found = false;
    for (ElementType type : {ElementType::F32, ElementType::F64, ElementType::BF16, ElementType::I32,
                             ElementType::U8, ElementType::Bool})
      if (element == name_of(type)) {
        buffer.type = type;
        found = true;
      }
    if (!found) reader_.fail("`{}` is not an element type", element);
    reader_.expect("[");
    buffer.elements = reader_.integer();
    reader_.expect("]");
    if (buffer.space == BufferSpace::Memory) {
      reader_.expect("at");
      buffer.offset = reader_.integer();
    }
    buffers_[buffer.name] = kernel_.add_buffer(buffer);
  }

  void read_axis() {
    KernelVariable axis;
    axis.kind = VariableKind::Axis;
    axis.name = new_name("an axis");
    reader_.expect(":");
    axis.extent = reader_.size();
    if (reader_.take("lanes")) axis.kind = VariableKind::Lane;
    if (reader_.take("threads")) axis.kind = VariableKind::Thread;
    variables_[axis.name] = kernel_.add_variable(axis);
  }

  std::vector<int> read_axes(const char* close) {
    std::vector<int> axes;
    if (reader_.take(close)) return axes;
    do axes.push_back(known(variables_, "an axis"));
    while (reader_.take(","));
    reader_.expect(close);
    return axes;
  }

  void read_tile() {
    KernelTile tile;
    tile.name = new_name("a tile");
    reader_.expect("[");
    tile.axes = read_axes("]");
    if (reader_.take("int")) tile.type = ScalarType::Int;
    if (reader_.take("bool")) tile.type = ScalarType::Bool;
    tiles_[tile.name] = kernel_.add_tile(tile);
  }

  // After the opening brace, up to and with the closing one.
  KernelBody read_body() {
    KernelBody body;
    if (++nesting_ > kMaxLoopNesting) reader_.fail("loops nested too deeply");
    while (!reader_.failed() && !reader_.take("}")) body.push_back(read_statement());
    --nesting_;
    return body;
  }

  KernelStatement read_statement() {
    KernelStatement statement;
    reader_.peek();
    places_.statements.push_back(reader_.mark());
    if (reader_.take("parallel")) {
      read_for(statement, VariableKind::Parallel);
    } else if (reader_.take("for")) {
      read_for(statement, VariableKind::Serial);
    } else if (reader_.take("unroll")) {
      read_for(statement, VariableKind::Unrolled);
    } else if (reader_.take("if")) {
      statement.kind = KernelStatement::Kind::If;
      statement.value = read_expression(reader_, scope_);
      reader_.expect("{");
      statement.body = read_body();
    } else if (reader_.take("store")) {
      read_store(statement, KernelStatement::Kind::Store);
    } else if (reader_.take("copy")) {
      read_store(statement, KernelStatement::Kind::Copy);
    } else if (reader_.take("wait")) {
      statement.kind = KernelStatement::Kind::Wait;
    } else if (reader_.take("barrier")) {
      statement.kind = KernelStatement::Kind::Barrier;
    } else {
      read_tile_statement(statement);
    }
    return statement;
  }

  void read_for(KernelStatement& statement, VariableKind kind) {
    statement.kind = KernelStatement::Kind::For;
    KernelVariable variable;
    variable.kind = kind;
    variable.name = reader_.word("a loop");
    reader_.expect(":");
    if (reader_.integer() != 0) reader_.fail("a loop that does not start at 0");
    reader_.expect("..");
    variable.extent = reader_.size();
    if (reader_.take("step")) variable.step = reader_.positive();
    if (reader_.take("overlap")) variable.overlap = true;
    if (auto id = lookup(variables_, variable.name)) {
      const KernelVariable& first = kernel_.variables[*id];
      if (first.kind != kind || first.extent != variable.extent || first.step != variable.step ||
          first.overlap != variable.overlap)
        reader_.fail("a second loop `{}` that is not like the first", variable.name);
      statement.variable = *id;
    } else {
      if (tiles_.contains(variable.name)) reader_.fail("a second `{}`", variable.name);
      statement.variable = variables_[variable.name] = kernel_.add_variable(variable);
    }
    if (reader_.take("until")) statement.bound = read_index(reader_, scope_);
    reader_.expect("{");
    statement.body = read_body();
  }

  void read_store(KernelStatement& statement, KernelStatement::Kind kind) {
    statement.kind = kind;
    statement.buffer = known(buffers_, "a buffer");
    reader_.expect("[");
    statement.offset = read_index(reader_, scope_);
    reader_.expect("]");
    reader_.expect("=");
    if (reader_.failed()) return;
    statement.value = typed(scalar_type_of(kernel_.buffers[statement.buffer].type));
    if (kind == KernelStatement::Kind::Store && reader_.take("where"))
      statement.guard = read_expression(reader_, scope_);
    read_over(statement);
  }

  ExprRef typed(ScalarType type) { return as_type(read_expression(reader_, scope_), type); }

  void read_over(KernelStatement& statement) {
    if (!reader_.take("over")) return;
    reader_.expect("(");
    statement.axes = read_axes(")");
  }

  // "acc[o, j, lane]": the axes are those it was declared with.
  int read_whole_tile() {
    int tile = known(tiles_, "a tile");
    reader_.expect("[");
    if (read_axes("]") != (tile < 0 ? std::vector<int>() : kernel_.tiles[tile].axes))
      reader_.fail("the axes are not those of the tile");
    return reader_.failed() ? -1 : tile;
  }

  Reducer read_reducer() {
    std::string name = reader_.word("a reducer");
    for (Reducer reducer :
         {Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min, Reducer::Any, Reducer::All})
      if (name == name_of(reducer)) return reducer;
    reader_.fail("`{}` is not a reducer of tiles", name);
    return Reducer::None;
  }

  void read_tile_statement(KernelStatement& statement) {
    statement.tile = read_whole_tile();
    if (statement.tile < 0) return;
    ScalarType type = kernel_.tiles[statement.tile].type;
    if (reader_.take("=")) {
      if (reader_.take("fold")) {
        statement.kind = KernelStatement::Kind::Fold;
        statement.reducer = read_reducer();
        statement.source = known(tiles_, "a tile");
      } else {
        statement.kind = KernelStatement::Kind::Map;
        statement.value = typed(type);
      }
      return;
    }
    statement.kind = KernelStatement::Kind::Accumulate;
    statement.reducer = Reducer::Sum;
    if (!reader_.take("+=")) {
      statement.reducer = read_reducer();
      reader_.expect("=");
    }
    statement.value = typed(type);
    if (reader_.take("index")) {
      statement.index_tile = read_whole_tile();
      reader_.expect("=");
      statement.index_value = read_expression(reader_, scope_);
    }
    read_over(statement);
  }

  TextReader& reader_;
  KernelPlaces& places_;
  Kernel kernel_;
  Numbers variables_, tiles_, buffers_;
  ExpressionScope scope_;
  int nesting_ = 0;
};

} // namespace

// False where no value stands next.
static bool read_program_value(TextReader& reader, Program& program) {
  for (const ProgramValue::Role role : {ProgramValue::Role::Input, ProgramValue::Role::Parameter,
                                        ProgramValue::Role::State, ProgramValue::Role::Output}) {
    if (!reader.take(name_of(role))) continue;
    ProgramValue value;
    value.role = role;
    value.name = reader.value_name();
    reader.expect(":");
    value.type = reader.type();
    if (reader.take("layout")) value.layout = read_layout(reader, value.type);
    reader.expect("offset");
    value.offset = reader.integer();
    program.values.push_back(std::move(value));
    return true;
  }
  return false;
}

// Where the parts of a text begin, for messages about what is wrong with them.
struct Places {
  std::vector<KernelPlaces> kernels;
  std::vector<std::size_t> values, loops;

  std::size_t of(const KernelProblem& problem) const {
    const auto at = [](const std::vector<std::size_t>& list, int index) {
      return list.at(static_cast<std::size_t>(index));
    };
    if (problem.value >= 0) return at(values, problem.value);
    if (problem.loop >= 0) return at(loops, problem.loop);
    if (problem.kernel < 0) return 0;
    const KernelPlaces& kernel = kernels.at(static_cast<std::size_t>(problem.kernel));
    return problem.statement < 0 ? kernel.heading : at(kernel.statements, problem.statement);
  }
};

// "net.sir:7: kernel conv1: ... (net.nn:7:9)"
static Failure failure_at(const std::string& file, const std::string& text, std::size_t place,
                          const std::string& what, const SourceLocation& source) {
  const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(place), '\n') + 1;
  return bad_data("{}:{}: {}{}", file, line, what, source.known() ? " (" + source.text() + ")" : "");
}

// The failure with the name of the kernel that was being read, where it has one yet.
static Failure within(Failure failure, const Kernel& kernel) {
  if (!kernel.name.empty()) failure.message += fmt::format(" (in kernel {})", kernel.name);
  return failure;
}

Result<Kernel> parse_kernel(const std::string& text, const std::string& file) {
  TextReader reader(text, file);
  KernelPlaces places;
  Kernel kernel = KernelReader(reader, places).read();
  if (!reader.at_end()) reader.fail("something stands after the kernel");
  if (reader.failed()) return within(reader.failure(), kernel);
  if (const std::vector<KernelProblem> problems = problems_of(kernel); !problems.empty()) {
    const KernelProblem& first = problems.front();
    const std::size_t place = first.statement < 0
                                  ? places.heading
                                  : places.statements.at(static_cast<std::size_t>(first.statement));
    return failure_at(file, text, place, fmt::format("kernel {}: {}", kernel.name, first.text),
                      kernel.location);
  }
  return kernel;
}

static std::size_t next_place(TextReader& reader) {
  reader.peek();
  return reader.mark();
}

static Program read_heading(TextReader& reader) {
  Program program;
  reader.expect("program");
  program.name = reader.quoted_string();
  reader.expect("capacity");
  program.capacity = reader.integer();
  reader.expect("arena");
  program.arena_bytes = reader.integer();
  reader.expect("scalars");
  reader.expect("(");
  if (!reader.next_is(")")) {
    do program.scalars.push_back(reader.quoted_string());
    while (reader.take(","));
  }
  reader.expect(")");
  return program;
}

// After `loop`.
static KernelLoop read_loop(TextReader& reader) {
  KernelLoop loop;
  const int64_t first = reader.integer();
  if (first < 0) reader.fail("a loop begins at the kernel {}", first);
  loop.first = static_cast<std::size_t>(first);
  reader.expect("count");
  loop.count = static_cast<std::size_t>(reader.positive());
  reader.expect("steps");
  loop.steps = reader.positive();
  loop.reverse = reader.take("reverse");
  return loop;
}

Result<Program> parse_program(const std::string& text, const std::string& file) {
  TextReader reader(text, file);
  Places places;
  Program program = read_heading(reader);
  for (std::size_t place = next_place(reader); read_program_value(reader, program);
       place = next_place(reader))
    places.values.push_back(place);
  for (std::size_t place = next_place(reader); reader.take("loop"); place = next_place(reader)) {
    places.loops.push_back(place);
    program.loops.push_back(read_loop(reader));
  }
  if (reader.failed()) return reader.failure();
  while (!reader.at_end()) {
    program.kernels.push_back(KernelReader(reader, places.kernels.emplace_back()).read());
    if (reader.failed()) return within(reader.failure(), program.kernels.back());
  }
  if (const std::vector<KernelProblem> problems = problems_of(program); !problems.empty()) {
    const KernelProblem& first = problems.front();
    const SourceLocation source = first.kernel < 0
                                      ? SourceLocation()
                                      : program.kernels[static_cast<std::size_t>(first.kernel)].location;
    return failure_at(file, text, places.of(first), first.text, source);
  }
  return program;
}

} // namespace striate
