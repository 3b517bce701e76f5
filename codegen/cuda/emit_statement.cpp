// Loops and tile statements. A tile is an array over its axes but the lane; every statement on it is a nest
// of unrolled loops, so that arrays become registers while the text keeps its loops.
#include "codegen/cuda/kernel_emitter.h"

#include <algorithm>

namespace striate {

void KernelEmitter::declare_tiles() {
  for (size_t t = 0; t < kernel_.tiles.size(); ++t) {
    std::string sizes;
    for (int axis : kernel_.tiles[t].axes)
      if (axis != lane_) sizes += fmt::format("[{}]", size_name(axis));
    line(fmt::format("{} {}{};", cuda_type(kernel_.tiles[t].type), tiles_[t], sizes));
  }
}

void KernelEmitter::body(const KernelBody& statements) {
  for (const KernelStatement& each : statements) {
    if (barriers_.count(&each)) line("sync_lanes();");
    statement(each);
  }
}

void KernelEmitter::statement(const KernelStatement& statement) {
  switch (statement.kind) {
  case KernelStatement::Kind::For:
    return loop(statement);
  case KernelStatement::Kind::If: {
    PointEmitter point(*this, statement);
    const std::string condition = point.emit(statement.value).text;
    line("{");
    for (const std::string& definition : point.definitions()) line(definition);
    line(fmt::format("if ({}) {{", condition));
    body(statement.body);
    line("}");
    return line("}");
  }
  case KernelStatement::Kind::Map:
    return map(statement);
  case KernelStatement::Kind::Accumulate:
    return accumulate(statement);
  case KernelStatement::Kind::Fold:
    return fold(statement);
  case KernelStatement::Kind::Store:
    return store(statement);
  case KernelStatement::Kind::Copy:
    return copy(statement);
  case KernelStatement::Kind::Wait:
    return line("wait_for_copies();");
  case KernelStatement::Kind::Barrier:
    return line("__syncthreads();");
  }
  CHECK(false);
}

void KernelEmitter::loop(const KernelStatement& statement) {
  const KernelVariable& variable = kernel_.variables[statement.variable];
  const std::string name = variables_[statement.variable];
  const std::string size = size_name(statement.variable);
  const std::string counter = variable.overlap ? name + "_first" : name;
  const std::string advance = !stepped(statement.variable)
                                  ? "++" + counter
                                  : fmt::format("{} += {}", counter, step_name(statement.variable));
  std::string condition = fmt::format("{} < {}", counter, size);
  if (statement.bound)
    condition += fmt::format(" && {} < {}", name, index(*statement.bound).at(Strength::Sum));
  if (variable.kind == VariableKind::Unrolled) line("#pragma unroll");
  line(fmt::format("for ({} {} = 0; {}; {}) {{", index_type_, counter, condition, advance));
  if (variable.overlap) {
    line(fmt::format("const {0} {1} = min_of<{0}>({2}, {3} - {4}); // the last one overlaps its neighbour",
                     index_type_, name, counter, size, step_name(statement.variable)));
  }
  body(statement.body);
  line("}");
}

int KernelEmitter::open_axes(const std::vector<int>& axes) {
  int opened = 0;
  for (int axis : axes) {
    if (axis == lane_) continue;
    line("#pragma unroll");
    line(fmt::format("for ({0} {1} = 0; {1} < {2}; ++{1}) {{", index_type_, variables_[axis],
                     size_name(axis)));
    ++opened;
  }
  return opened;
}

void KernelEmitter::points(const std::vector<int>& axes, const std::vector<std::string>& definitions,
                           const std::vector<std::string>& lines) {
  int opened = open_axes(axes);
  if (opened == 0 && !definitions.empty()) {
    line("{");
    opened = 1;
  }
  for (const std::string& definition : definitions) line(definition);
  for (const std::string& text : lines) line(text);
  for (; opened > 0; --opened) line("}");
}

void KernelEmitter::map(const KernelStatement& statement) {
  PointEmitter point(*this, statement);
  const std::string value = point.emit(statement.value).text;
  points(kernel_.tiles[statement.tile].axes, point.definitions(),
         {fmt::format("{} = {};", tile_point(statement.tile), value)});
}

// Operands of a multiply-add that are longer together get a line each.
static constexpr size_t kLongOperands = 64;

void KernelEmitter::accumulate(const KernelStatement& statement) {
  CHECK(std::find(statement.axes.begin(), statement.axes.end(), lane_) == statement.axes.end() || lane_ < 0,
        "kernel {}: lanes are combined by Fold alone", kernel_.name);
  const std::string tile = tile_point(statement.tile);
  const ExprRef& value = statement.value;
  PointEmitter point(*this, statement);
  std::vector<std::string> lines;
  const bool product =
      value->kind == Expr::Kind::Apply && value->function == Function::Mul && value->type == ScalarType::Real;
  if (statement.reducer == Reducer::Sum && product) {
    CudaExpression a = point.emit(value->arguments[0]), b = point.emit(value->arguments[1]);
    if (a.text.size() + b.text.size() > kLongOperands) {
      a = {point.define(a, ScalarType::Real)};
      b = {point.define(b, ScalarType::Real)};
    }
    lines = {fmt::format("{0} = fmaf({1}, {2}, {0});", tile, a.text, b.text)};
  } else if (statement.index_tile >= 0) {
    const bool largest = statement.reducer == Reducer::Max;
    const std::string candidate = point.define(point.emit(value), value->type);
    const std::string position = point.emit(statement.index_value).text;
    lines = {fmt::format("if ({} {} {}) {{", candidate, largest ? ">" : "<", tile),
             fmt::format("{} = {};", tile, candidate),
             fmt::format("{} = {};", tile_point(statement.index_tile), position), "}"};
  } else {
    const CudaExpression next = point.emit(value);
    switch (statement.reducer) {
    case Reducer::Sum:
      lines = {fmt::format("{} += {};", tile, next.text)};
      break;
    case Reducer::Prod:
      lines = {fmt::format("{} *= {};", tile, next.text)};
      break;
    case Reducer::Max:
    case Reducer::Any: // of 0 and 1
      lines = {fmt::format("{0} = max_of({0}, {1});", tile, next.text)};
      break;
    case Reducer::Min:
    case Reducer::All:
      lines = {fmt::format("{0} = min_of({0}, {1});", tile, next.text)};
      break;
    case Reducer::None:
    case Reducer::ArgMax:
    case Reducer::ArgMin:
      CHECK(false, "kernel {}: an accumulation by {}", kernel_.name, name_of(statement.reducer));
    }
  }
  // The reduced axes outside: neighbouring statements then belong to different accumulators.
  std::vector<int> axes = statement.axes;
  const std::vector<int>& own = kernel_.tiles[statement.tile].axes;
  axes.insert(axes.end(), own.begin(), own.end());
  points(axes, point.definitions(), lines);
}

void KernelEmitter::fold(const KernelStatement& statement) {
  const char* combine = nullptr;
  switch (statement.reducer) {
  case Reducer::Sum:
    combine = "SumOf";
    break;
  case Reducer::Prod:
    combine = "ProductOf";
    break;
  case Reducer::Max:
  case Reducer::Any:
    combine = "MaxOf";
    break;
  case Reducer::Min:
  case Reducer::All:
    combine = "MinOf";
    break;
  default:
    CHECK(false, "kernel {}: a fold by {}", kernel_.name, name_of(statement.reducer));
  }
  points(kernel_.tiles[statement.tile].axes, {},
         {fmt::format("{} = fold_lanes({}, {}());", tile_point(statement.tile), tile_point(statement.source),
                      combine)});
}

void KernelEmitter::store(const KernelStatement& statement) {
  const KernelBuffer& buffer = kernel_.buffers[statement.buffer];
  PointEmitter point(*this, statement);
  const std::string guard = statement.guard ? point.emit(statement.guard).text : "";
  std::string value = point.emit(statement.value).text;
  const std::string type = cuda_type(buffer.type);
  if (type != cuda_type(statement.value->type)) value = fmt::format("{}({})", type, value);
  const std::string target = fmt::format("{}[{}]", buffers_[statement.buffer], index(statement.offset).text);
  const std::string assignment = fmt::format("{} = {};", target, value);
  const auto& axes = statement.axes;
  const bool by_one_lane = lane_ >= 0 && std::find(axes.begin(), axes.end(), lane_) == axes.end();
  if (by_one_lane) line(fmt::format("if ({} == 0) {{", variables_[lane_]));
  points(axes, point.definitions(),
         {guard.empty() ? assignment : fmt::format("if ({}) {}", guard, assignment)});
  if (by_one_lane) line("}");
}

void KernelEmitter::copy(const KernelStatement& statement) {
  const Expr& source = *statement.value;
  PointEmitter point(*this, statement);
  std::vector<int> axes = statement.axes;
  const int together = copied_together(kernel_, statement);
  const auto at_first = [&](const IndexExpr& offset) {
    if (together == 1) return offset;
    return offset - IndexExpr::variable(axes.back());
  };
  const std::string target =
      fmt::format("{}[{}]", buffers_[statement.buffer], index(at_first(statement.offset)).text);
  std::string place = index(at_first(source.indices[0])).text;
  if (has_places(source)) place += " + " + point.emit(source.arguments[1]).at(Strength::Product);
  const std::string guard = source.arguments.empty() ? "" : point.emit(source.arguments[0]).text;
  const std::string transfer =
      fmt::format("copy{}(&{}, &{}[{}]);", together == 1 ? "" : "4", target, buffers_[source.operand], place);
  std::vector<std::string> lines = {transfer};
  if (!guard.empty() && guard != "true") {
    const std::string other = constant_text(source.type, source.constant).text;
    lines = {fmt::format("if ({})", guard), "  " + transfer, "else",
             fmt::format("  fill{}(&{}, {});", together == 1 ? "" : "4", target, other)};
  }
  if (together > 1) axes.pop_back();
  points(axes, point.definitions(), lines);
}

} // namespace striate
