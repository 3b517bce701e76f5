#include "ir/kernel/analysis.h"
#include "tests/ir/spoil.h"

#include <algorithm>
#include <functional>

namespace striate {

namespace {

template <typename T>
T& one_of(Draw& draw, std::vector<T>& list) {
  return list[static_cast<std::size_t>(draw.between(0, static_cast<int64_t>(list.size()) - 1))];
}

// Every statement of a kernel, to be changed.
void collect(KernelBody& body, std::vector<KernelStatement*>& found) {
  for (KernelStatement& statement : body) {
    found.push_back(&statement);
    collect(statement.body, found);
  }
}

using Kind = KernelStatement::Kind;

// One statement of such kinds, or nullptr.
KernelStatement* some_statement(Kernel& kernel, Draw& draw, std::initializer_list<Kind> kinds) {
  std::vector<KernelStatement*> all;
  collect(kernel.body, all);
  std::erase_if(all, [&](const KernelStatement* statement) {
    return std::ranges::find(kinds, statement->kind) == kinds.end();
  });
  return all.empty() ? nullptr : draw.of(all);
}

using KernelChange = std::function<bool(Program&, Kernel&, Draw&)>;

// --- what stands before the statements ---

bool no_elements(Program&, Kernel& kernel, Draw& draw) {
  if (kernel.buffers.empty()) return false;
  one_of(draw, kernel.buffers).elements = 0;
  return true;
}

bool crooked_buffer(Program&, Kernel& kernel, Draw&) {
  for (KernelBuffer& buffer : kernel.buffers)
    if (buffer.space == BufferSpace::Memory && byte_size(buffer.type) > 1) {
      buffer.offset += 1;
      return true;
    }
  return false;
}

bool beyond_the_arena(Program& program, Kernel& kernel, Draw&) {
  for (KernelBuffer& buffer : kernel.buffers)
    if (buffer.space == BufferSpace::Memory) {
      buffer.offset = (program.arena_bytes + 64) / 64 * 64;
      return true;
    }
  return false;
}

// What is stored lies half across another buffer.
bool across_another(Program&, Kernel& kernel, Draw&) {
  std::vector<KernelStatement*> all;
  collect(kernel.body, all);
  for (const KernelStatement* statement : all) {
    if (statement->kind != Kind::Store) continue;
    const KernelBuffer stored = kernel.buffers[static_cast<std::size_t>(statement->buffer)];
    const int64_t size = byte_size(stored.type);
    if (stored.space != BufferSpace::Memory || stored.elements < 2) continue;
    kernel.add_buffer(
        {"across", stored.type, BufferSpace::Memory, stored.elements - 1, stored.offset + size});
    return true;
  }
  return false;
}

bool second_lanes(Program&, Kernel& kernel, Draw&) {
  for (int k = 0; k < 2; ++k)
    kernel.add_variable({"lanes2", VariableKind::Lane, Size::constant(kLanes), 1, false});
  return true;
}

bool few_lanes(Program&, Kernel& kernel, Draw&) {
  if (kernel.lane() < 0) return false;
  kernel.variables[static_cast<std::size_t>(kernel.lane())].extent = Size::constant(8);
  return true;
}

bool axis_twice(Program&, Kernel& kernel, Draw&) {
  for (KernelTile& tile : kernel.tiles) {
    if (tile.axes.empty()) continue;
    tile.axes.push_back(tile.axes[0]);
    return true;
  }
  return false;
}

// --- statements ---

bool never_set(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Map, Kind::Store});
  if (!statement || statement->value->type != ScalarType::Real) return false;
  const int ghost = kernel.add_tile({"ghost", ScalarType::Real, {}});
  statement->value = statement->value + tile_point(ghost, ScalarType::Real);
  return true;
}

bool another_type(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Map, Kind::Store, Kind::Accumulate});
  if (!statement) return false;
  statement->value = statement->value->type == ScalarType::Bool ? run_time_scalar("N") : constant_bool(true);
  return true;
}

bool condition_of_a_number(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::If});
  if (!statement) return false;
  statement->value = run_time_scalar("N");
  return true;
}

bool guard_of_a_number(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Store});
  if (!statement) return false;
  statement->guard = run_time_scalar("N");
  return true;
}

bool store_out_of_range(Program& program, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Store});
  if (!statement) return false;
  // Where nothing stands around it that the verifier cannot see through.
  if (std::ranges::find(kernel.body, statement, [](const KernelStatement& s) { return &s; }) ==
          kernel.body.end() ||
      statement->guard)
    return false;
  statement->offset = IndexExpr(kernel.buffers[static_cast<std::size_t>(statement->buffer)].elements);
  return program.capacity > 0;
}

bool load_out_of_range(Program&, Kernel& kernel, Draw& draw) {
  if (kernel.buffers.empty()) return false;
  const int buffer = static_cast<int>(draw.between(0, static_cast<int64_t>(kernel.buffers.size()) - 1));
  const KernelBuffer& loaded = kernel.buffers[static_cast<std::size_t>(buffer)];
  const ScalarType type = scalar_type_of(loaded.type);
  const int tile = kernel.add_tile({"beyond", type, {}});
  KernelStatement map;
  map.kind = Kind::Map;
  map.tile = tile;
  map.value = load(buffer, draw.chance(50) ? IndexExpr(-1) : IndexExpr(loaded.elements), type);
  kernel.body.push_back(std::move(map));
  // A second statement beside it takes parallel loops from the outside, which is wrong as well.
  return kernel.body.size() == 1 || parallel_nest(kernel).variables.empty();
}

bool foreign_variable(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Store});
  if (!statement) return false;
  // A loop that does not stand around it.
  const int loop = kernel.add_variable({"elsewhere", VariableKind::Serial, Size::constant(2), 1, false});
  KernelStatement other;
  other.kind = Kind::For;
  other.variable = loop;
  statement->offset = IndexExpr::variable(loop);
  kernel.body.insert(kernel.body.begin(), std::move(other));
  return parallel_nest(kernel).variables.empty();
}

bool inner_parallel(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::If});
  if (!statement) return false;
  KernelStatement loop;
  loop.kind = Kind::For;
  loop.variable = kernel.add_variable({"inner", VariableKind::Parallel, Size::constant(2), 1, false});
  statement->body.insert(statement->body.begin(), std::move(loop));
  return true;
}

bool loop_in_itself(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::For});
  if (!statement ||
      kernel.variables[static_cast<std::size_t>(statement->variable)].kind == VariableKind::Parallel)
    return false;
  KernelStatement inner;
  inner.kind = Kind::For;
  inner.variable = statement->variable;
  statement->body.push_back(std::move(inner));
  return true;
}

bool fold_without_lanes(Program&, Kernel& kernel, Draw&) {
  for (std::size_t t = 0; t < kernel.tiles.size(); ++t) {
    const std::vector<int>& axes = kernel.tiles[t].axes;
    if (std::ranges::find(axes, kernel.lane()) != axes.end() || kernel.tiles[t].type == ScalarType::Bool)
      continue;
    KernelStatement fold;
    fold.kind = Kind::Fold;
    fold.tile = fold.source = static_cast<int>(t);
    fold.reducer = Reducer::Sum;
    kernel.body = {fold};
    return true;
  }
  return false;
}

bool sum_of_bools(Program&, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Accumulate});
  if (!statement) return false;
  const bool is_bool = kernel.tiles[static_cast<std::size_t>(statement->tile)].type == ScalarType::Bool;
  statement->reducer = is_bool ? Reducer::Sum : Reducer::Any;
  statement->index_tile = -1;
  statement->index_value = nullptr;
  return true;
}

bool unknown_scalar(Program& program, Kernel& kernel, Draw& draw) {
  KernelStatement* statement = some_statement(kernel, draw, {Kind::Map, Kind::Store});
  if (!statement || statement->value->type != ScalarType::Real) return false;
  statement->value = statement->value + run_time_scalar("ghost");
  std::erase(program.scalars, "ghost");
  return true;
}

const std::vector<std::pair<const char*, KernelChange>>& kernel_rules() {
  static const std::vector<std::pair<const char*, KernelChange>> list = {
      {"no elements", no_elements},
      {"crooked buffer", crooked_buffer},
      {"beyond the arena", beyond_the_arena},
      {"across another", across_another},
      {"second lanes", second_lanes},
      {"few lanes", few_lanes},
      {"axis twice", axis_twice},
      {"never set", never_set},
      {"another type", another_type},
      {"condition of a number", condition_of_a_number},
      {"guard of a number", guard_of_a_number},
      {"store out of range", store_out_of_range},
      {"load out of range", load_out_of_range},
      {"foreign variable", foreign_variable},
      {"inner parallel", inner_parallel},
      {"loop in itself", loop_in_itself},
      {"fold without lanes", fold_without_lanes},
      {"sum of bools", sum_of_bools},
      {"unknown scalar", unknown_scalar},
  };
  return list;
}

// --- the program ---

using ProgramChange = std::function<std::optional<std::string>(Program&, Draw&)>;

const std::vector<std::pair<const char*, ProgramChange>>& program_rules() {
  static const std::vector<std::pair<const char*, ProgramChange>> list = {
      {"no capacity",
       [](Program& program, Draw&) -> std::optional<std::string> {
         program.capacity = 0;
         return "capacity";
       }},
      {"second value",
       [](Program& program, Draw& draw) -> std::optional<std::string> {
         if (program.values.empty()) return std::nullopt;
         program.values.push_back(one_of(draw, program.values));
         return program.values.back().name;
       }},
      {"values across each other",
       [](Program& program, Draw&) -> std::optional<std::string> {
         for (const ProgramValue& value : program.values) {
           if (value.role == ProgramValue::Role::Output) continue;
           ProgramValue other = value;
           other.name = "across";
           program.values.push_back(other);
           return "across";
         }
         return std::nullopt;
       }},
      {"value beyond the arena",
       [](Program& program, Draw& draw) -> std::optional<std::string> {
         if (program.values.empty()) return std::nullopt;
         ProgramValue& value = one_of(draw, program.values);
         value.offset = (program.arena_bytes + 64) / 64 * 64;
         return value.name;
       }},
      {"value without a layout",
       [](Program& program, Draw&) -> std::optional<std::string> {
         for (ProgramValue& value : program.values) {
           if (value.type.elements(2) == 1) continue;
           value.layout = {};
           return value.name;
         }
         return std::nullopt;
       }},
      {"loop without kernels",
       [](Program& program, Draw&) -> std::optional<std::string> {
         program.loops = {{program.kernels.size(), 1, 2, false}};
         return "loop";
       }},
      {"other steps",
       [](Program& program, Draw&) -> std::optional<std::string> {
         if (program.loops.empty()) return std::nullopt;
         program.loops[0].steps += 1;
         return program.kernels[program.loops[0].first].name;
       }},
  };
  return list;
}

} // namespace

std::optional<Spoiled> spoil(Program program, Draw& draw) {
  if (program.kernels.empty() || draw.chance(25)) {
    const auto& [rule, change] = draw.of(program_rules());
    const std::optional<std::string> name = change(program, draw);
    if (!name) return std::nullopt;
    return Spoiled{rule, print(program), {*name}};
  }
  const auto& [rule, change] = draw.of(kernel_rules());
  Kernel& kernel = one_of(draw, program.kernels);
  if (!change(program, kernel, draw)) return std::nullopt;
  return Spoiled{rule, print(program), {kernel.name}};
}

} // namespace striate
