#include "tests/targets/random_graph.h"

#include "frontend/elaborate.h"
#include "tests/conformance/gradient_cases.h"
#include "tests/conformance/operator_subject.h"
#include "tests/targets/random_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace striate {

namespace {

using Shape = std::vector<int64_t>; // without the batch

constexpr int64_t kMostElements = 1500; // of a value, per example
constexpr int64_t kSmallLabels = 3;     // inputs of whole numbers are below it

// A case of tests/conformance that fits into a graph, and the shape that it leaves.
struct LibraryCall {
  GradientCase call;
  Shape result;
};

int64_t elements(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::optional<LibraryCall> library_call(const GradientCase& one) {
  OperatorCall call{one.op, {}, parse_attributes(one.attributes), 1};
  bool takes_examples = false;
  for (const GradientInput& input : one.inputs) {
    const bool label = input.range == GradientInput::Range::Label;
    TensorType type;
    type.element = label ? ElementType::I32 : ElementType::F32;
    for (int64_t size : input.shape) type.shape.push_back(size == kN ? Size::n() : Size(size));
    const bool of_examples = !input.shape.empty() && input.shape[0] == kN;
    if (label && (!of_examples || input.classes < kSmallLabels)) return std::nullopt;
    takes_examples = takes_examples || of_examples;
    call.inputs.push_back(std::move(type));
  }
  if (!takes_examples) return std::nullopt;
  Diagnostics diagnostics;
  const auto definition = instantiate_op(nullptr, call.op, call.inputs, call.attributes, diagnostics);
  if (!definition || definition->outputs.size() != 1) return std::nullopt;
  const TensorType& type = definition->operands[static_cast<std::size_t>(definition->outputs[0])].type;
  if (type.element != ElementType::F32 || type.shape.empty() || type.shape[0] != Size::n())
    return std::nullopt;
  LibraryCall result{one, {}};
  for (std::size_t d = 1; d < type.shape.size(); ++d) result.result.push_back(type.shape[d].at(1));
  if (elements(result.result) > kMostElements) return std::nullopt;
  return result;
}

const std::vector<LibraryCall>& library_calls() {
  static const std::vector<LibraryCall> calls = [] {
    std::vector<LibraryCall> list;
    for (const std::vector<GradientCase>& cases : {gradient_cases(), forward_cases()})
      for (const GradientCase& one : cases)
        if (auto call = library_call(one)) list.push_back(std::move(*call));
    return list;
  }();
  return calls;
}

class GraphDraw {
public:
  GraphDraw(uint64_t seed, int most) : draw_(seed), most_(most) {}

  RandomGraph run() {
    for (int64_t k = draw_.between(1, 2); k > 0; --k) add_input();
    // So that there is something to learn: the gradient by it goes through all that follows.
    add(fmt::format("{} -> Scale() as first", pool_[0].name), pool_[0].shape);
    // Mostly few, so that there can be many programs.
    const int64_t count = draw_.chance(85)   ? draw_.between(3, 5)
                          : draw_.chance(80) ? draw_.between(6, 14)
                                             : draw_.between(15, 40);
    while (graph_.operators < std::min<int64_t>(count, most_)) step();
    return finish();
  }

private:
  struct Drawn {
    std::string name;
    Shape shape;
  };

  static std::string typed(const Shape& shape) {
    return shape.empty() ? "N" : fmt::format("N, {}", fmt::join(shape, ", "));
  }

  Shape random_shape() {
    Shape shape(static_cast<std::size_t>(draw_.between(0, 5)));
    do
      for (int64_t& size : shape)
        size = shape.size() < 3 ? draw_.of<int64_t>({1, 2, 3, 5, 7, 11, 13, 16, 17, 33, 257})
                                : draw_.of<int64_t>({1, 1, 2, 3, 3, 5, 7, 16, 17});
    while (elements(shape) > kMostElements);
    return shape;
  }

  std::string new_name() { return fmt::format("h{}", ++names_); }

  void note(const Shape& shape) {
    graph_.ranks.insert(shape.size());
    graph_.sizes.insert(shape.begin(), shape.end());
  }

  std::string add_input() {
    const std::string name = fmt::format("x{}", pool_.size());
    const Shape shape = random_shape();
    inputs_ += fmt::format("    input {}: f32[{}]\n", name, typed(shape));
    fields_.push_back(name);
    pool_.push_back({name, shape});
    note(shape);
    return name;
  }

  void add(const std::string& expression, const Shape& shape) {
    const std::string name = new_name();
    body_ += fmt::format("    {} = {}\n", name, expression);
    pool_.push_back({name, shape});
    note(shape);
  }

  // Mostly something recent, so that graphs are deep.
  Drawn any() {
    const auto last = static_cast<int64_t>(pool_.size()) - 1;
    return pool_[static_cast<std::size_t>(draw_.chance(50) ? last : draw_.between(0, last))];
  }

  void step() {
    ++graph_.operators;
    const int64_t kind = draw_.between(1, 100);
    if (kind <= 45) return library();
    if (kind <= 75) return in_index_notation();
    if (kind <= 90) return broadcast();
    return combine();
  }

  // A value in another shape: each of its dimensions is walked through by one of the new ones, cyclically
  // where that is longer; new ones beyond them repeat it.
  std::string fitted(const Drawn& from, const Shape& to, bool positive) {
    static const char* const kNames[] = {"i", "j", "k", "l", "a", "b", "c"};
    std::string targets, reads;
    for (std::size_t d = 0; d < to.size(); ++d) targets += fmt::format(", {}", kNames[d]);
    for (std::size_t d = 0; d < from.shape.size(); ++d) {
      const int64_t size = from.shape[d];
      if (d >= to.size()) {
        reads += fmt::format(", {}", draw_.between(0, size - 1));
      } else if (to[d] <= size) {
        const int64_t shift = draw_.between(0, size - to[d]);
        reads += shift == 0 ? fmt::format(", {}", kNames[d]) : fmt::format(", {} + {}", kNames[d], shift);
      } else {
        reads += size == 1 ? ", 0" : fmt::format(", ({} + {}) % {}", kNames[d], draw_.between(0, 2), size);
      }
    }
    const std::string read = fmt::format("x[n{}]", reads);
    const std::string body = positive           ? fmt::format("0.1 + {0} * {0} / (1 + {0} * {0})", read)
                             : draw_.chance(60) ? fmt::format("tanh({})", read)
                                                : read;
    const std::string op = fmt::format("fit{}", ++names_);
    definitions_ += fmt::format("op {}(x[{}]) -> y[{}] {{ y[n{}] = {} }}\n", op, typed(from.shape), typed(to),
                                targets, body);
    return fmt::format("{}({})", op, from.name);
  }

  void library() {
    // By operator, then by case: some have many.
    static const std::set<std::string> names = operators_of_random_graphs();
    const std::string& op =
        *std::next(names.begin(), draw_.between(0, static_cast<int64_t>(names.size()) - 1));
    std::vector<const LibraryCall*> cases;
    for (const LibraryCall& other : library_calls())
      if (other.call.op == op) cases.push_back(&other);
    const LibraryCall* const call = draw_.of(cases);
    std::string arguments;
    for (const GradientInput& input : call->call.inputs) {
      const std::string name = new_name();
      Shape shape = input.shape;
      const bool of_examples = !shape.empty() && shape[0] == kN;
      if (of_examples) shape.erase(shape.begin());
      if (input.range == GradientInput::Range::Label) {
        inputs_ += fmt::format("    input {}: int[{}]\n", name, typed(shape));
        fields_.push_back(name);
      } else if (of_examples) {
        body_ += fmt::format("    {} = {}\n", name,
                             fitted(any(), shape, input.range == GradientInput::Range::Positive));
      } else {
        const char* initial = input.range == GradientInput::Range::Positive
                                  ? "uniform_between(low = 0.5, high = 1.5)"
                                  : "gaussian(std = 0.5)";
        inputs_ += fmt::format("    param {}: f32[{}] = {}\n", name, fmt::join(shape, ", "), initial);
      }
      arguments += (arguments.empty() ? "" : ", ") + name;
    }
    for (const auto& [name, value] : parse_attributes(call->call.attributes))
      arguments += fmt::format(", {} = {}", name, value);
    add(fmt::format("{}({})", call->call.op, arguments), call->result);
    graph_.library.insert(call->call.op);
  }

  void in_index_notation() {
    for (int tried = 0; tried < 50; ++tried) {
      const Drawn from = any();
      if (const auto one = draw_operator(draw_, fmt::format("f{}", ++names_), from.shape)) {
        definitions_ += one->text;
        return add(fmt::format("{} -> {}", from.name, one->call), one->result);
      }
    }
    combine();
  }

  // Two values, one of which has one element where the other has several.
  void broadcast() {
    const Drawn wide = any();
    Shape narrow = wide.shape;
    for (int64_t& size : narrow)
      if (draw_.chance(50)) size = 1;
    graph_.broadcasts = graph_.broadcasts || narrow != wide.shape;
    const std::string name = new_name();
    body_ += fmt::format("    {} = {}\n", name, fitted(any(), narrow, false));
    const char* form = draw_.of<const char*>({"{} + {}", "{} * {}", "{} - {}", "relu({} - {})"});
    add(fmt::format(fmt::runtime(form), wide.name, name), wide.shape);
  }

  void combine() {
    const Drawn from = any();
    const char* form = draw_.of<const char*>({"{0} * sigmoid({0})", "relu({0})", "{0} + tanh({0})",
                                              "abs({0})", "tanh({0}) -> damped", "tanh({0}) -> centred"});
    add(fmt::format(fmt::runtime(form), from.name), from.shape);
  }

  RandomGraph finish() {
    std::vector<std::string> outputs = {pool_.back().name};
    for (int64_t more = draw_.between(0, 2); more > 0; --more) {
      const std::string name = any().name;
      if (!name.starts_with("x") && std::ranges::find(outputs, name) == outputs.end())
        outputs.push_back(name);
    }
    std::string loss;
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      body_ += fmt::format("    output y{} = {}\n", k, outputs[k]);
      loss += fmt::format("{}total(y{})", k == 0 ? "" : " + ", k);
    }
    graph_.outputs = outputs.size();
    std::string fields, files;
    for (std::size_t k = 0; k < fields_.size(); ++k) {
      // Bytes, of which reals of both signs are made.
      const char* real =
          fields_[k].starts_with("x") ? " -> to_real(1/128) -> normalize(mean = 0.9, std = 0.6)" : "";
      fields += fmt::format("    field {} = column({}){}\n", fields_[k], k, real);
      files += fmt::format("{}\"d{}\"", k == 0 ? "" : ", ", k);
    }
    graph_.text = operators_for_random_programs() + definitions_ + "model M {\n" + inputs_ + body_ +
                  "}\ndata d {\n    split train = idx(" + files + ")\n" + fields +
                  "}\ntrain M with d {\n    loss = " + loss +
                  fmt::format("\n    optimizer = SGD(lr = {})\n}}\n", kRandomRate);
    graph_.options = random_options(draw_);
    return std::move(graph_);
  }

  Draw draw_;
  int most_;
  RandomGraph graph_;
  std::vector<Drawn> pool_;
  std::vector<std::string> fields_;
  std::string definitions_, inputs_, body_;
  int names_ = 0;
};

} // namespace

RandomGraph random_graph(uint64_t seed, int most) { return GraphDraw(seed, most).run(); }

std::set<std::string> operators_of_random_graphs() {
  std::set<std::string> names;
  for (const LibraryCall& call : library_calls()) names.insert(call.call.op);
  return names;
}

} // namespace striate
