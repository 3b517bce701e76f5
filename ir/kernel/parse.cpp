#include "ir/kernel/parse.h"

#include "ir/expression_reader.h"

#include <map>

namespace striate {

constexpr int kMaxLoopNesting = 100;

namespace {

class KernelReader {
public:
  explicit KernelReader(TextReader& reader) : reader_(reader) {
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
    reader_.expect("kernel");
    kernel_.name = reader_.word_or_string("the kernel's name");
    if (reader_.take("loc")) kernel_.location = reader_.location();
    reader_.expect("{");
    while (reader_.take("comment")) kernel_.comment += reader_.quoted_string() + "\n";
    if (reader_.take("flops")) read_flops();
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
    for (ElementType type :
         {ElementType::F32, ElementType::F64, ElementType::I32, ElementType::U8, ElementType::Bool})
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
      read_store(statement);
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

  void read_store(KernelStatement& statement) {
    statement.kind = KernelStatement::Kind::Store;
    statement.buffer = known(buffers_, "a buffer");
    reader_.expect("[");
    statement.offset = read_index(reader_, scope_);
    reader_.expect("]");
    reader_.expect("=");
    if (reader_.failed()) return;
    statement.value = typed(scalar_type_of(kernel_.buffers[statement.buffer].type));
    if (reader_.take("where")) statement.guard = read_expression(reader_, scope_);
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
  Kernel kernel_;
  Numbers variables_, tiles_, buffers_;
  ExpressionScope scope_;
  int nesting_ = 0;
};

} // namespace

Result<Kernel> parse_kernel(const std::string& text, const std::string& file) {
  TextReader reader(text, file);
  Kernel kernel = KernelReader(reader).read();
  if (!reader.at_end()) reader.fail("something stands after the kernel");
  if (reader.failed()) return reader.failure();
  if (std::vector<std::string> problems = verify(kernel); !problems.empty())
    return bad_data("{}: kernel {}: {}", file, kernel.name, problems.front());
  return kernel;
}

Result<Program> parse_program(const std::string& text, const std::string& file) {
  TextReader reader(text, file);
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
  while (reader.take("loop")) {
    KernelLoop loop;
    const int64_t first = reader.integer();
    if (first < 0) reader.fail("a loop begins at the kernel {}", first);
    loop.first = static_cast<std::size_t>(first);
    reader.expect("count");
    loop.count = static_cast<std::size_t>(reader.positive());
    reader.expect("steps");
    loop.steps = reader.positive();
    loop.reverse = reader.take("reverse");
    program.loops.push_back(loop);
  }
  while (!reader.failed() && !reader.at_end()) {
    program.kernels.push_back(KernelReader(reader).read());
  }
  if (reader.failed()) return reader.failure();
  if (std::vector<std::string> problems = verify(program); !problems.empty())
    return bad_data("{}: {}", file, problems.front());
  std::size_t end = 0;
  for (const KernelLoop& loop : program.loops) {
    if (loop.first < end || loop.first + loop.count > program.kernels.size())
      return bad_data("{}: the loop at kernel {} has kernels that are not there, or another's", file,
                      loop.first);
    end = loop.first + loop.count;
  }
  return program;
}

} // namespace striate
