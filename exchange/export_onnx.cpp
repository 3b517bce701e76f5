#include "exchange/export_onnx.h"

#include "exchange/write_call.h"
#include "exchange/write_statements.h"
#include "support/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace striate {

namespace {

class Exporter {
public:
  Exporter(const Graph& graph, const std::vector<LayerCall>& layers, std::span<const NamedTensor> weights)
      : graph_(graph), sources_(graph.values.size()) {
    for (const NamedTensor& weight : weights) weights_[weight.name] = &weight.tensor;
    for (const LayerCall& layer : layers)
      if (!layer.nodes.empty()) layers_[layer.nodes.front()].push_back(&layer);
    for (ValueId id = 0; id < static_cast<ValueId>(graph.values.size()); ++id)
      sources_[index(id)].type = value(id).type;
  }

  Result<std::string> run() {
    name_all();
    for (std::size_t i = 0; i < graph_.nodes.size();) {
      std::size_t end = i + 1;
      Status written;
      if (graph_.nodes[i].loop >= 0) {
        while (end < graph_.nodes.size() && graph_.nodes[end].loop == graph_.nodes[i].loop) ++end;
        written = write_loop(i, end);
      } else if (const std::size_t nodes = write_layer(i); nodes > 0) {
        end = i + nodes;
      } else if (!write_op(graph_.nodes[i])) {
        written = write_statements(graph_.nodes[i]);
      }
      if (!written) return written.failure();
      i = end;
    }
    add_outputs();
    return out_.file(graph_.name, kVersion);
  }

private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }
  const Value& value(ValueId id) const { return graph_.values[index(id)]; }

  // Inputs and outputs have their own names; what is computed in between has its own where it can.
  void name_all() {
    std::vector<bool> read(graph_.values.size(), false);
    for (const Node& node : graph_.nodes)
      for (ValueId input : node.inputs) read[index(input)] = true;
    for (const auto& [name, id] : graph_.outputs) read[index(id)] = true;
    names_.resize(graph_.values.size());
    for (ValueId id : graph_.inputs) {
      sources_[index(id)].whole = names_[index(id)] = out_.name(value(id).name);
      if (read[index(id)]) out_.input(names_[index(id)], value(id).type);
    }
    for (const auto& [name, id] : graph_.outputs) {
      output_names_.push_back(out_.name(name));
      if (value(id).role == ValueRole::Computed && names_[index(id)].empty())
        names_[index(id)] = output_names_.back();
    }
    for (ValueId id = 0; id < static_cast<ValueId>(graph_.values.size()); ++id)
      if (names_[index(id)].empty()) names_[index(id)] = out_.name(value(id).name);
  }

  const Tensor& weight(ValueId id) const {
    const auto found = weights_.find(value(id).name);
    CHECK(found != weights_.end(), "no weights for `{}`", value(id).name);
    return *found->second;
  }

  static std::string_view bytes_of(const Tensor& tensor) {
    return {static_cast<const char*>(tensor.data()), static_cast<std::size_t>(tensor.bytes())};
  }

  // The whole tensor; of a weight, it is made when it is first asked for.
  std::string name_of(ValueId id) {
    OnnxSource& source = sources_[index(id)];
    if (!source.whole.empty()) return source.whole;
    if (source.steps.empty()) {
      const Tensor& tensor = weight(id);
      out_.weight(names_[index(id)], tensor.element(), tensor.shape(), bytes_of(tensor));
      return source.whole = names_[index(id)];
    }
    const std::size_t first = out_.node_count();
    source.whole = statements_.joined(source, value(id).name);
    settle(id, source.whole, first);
    return source.whole;
  }

  std::string transposed(ValueId id) {
    std::string& name = transposed_[id];
    if (!name.empty()) return name;
    const Tensor& from = weight(id);
    const int64_t rows = from.shape()[0], columns = from.shape()[1];
    Tensor turned(from.element(), {columns, rows});
    const auto numbers = from.as<float>();
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        turned.as<float>()[static_cast<std::size_t>(c * rows + r)] =
            numbers[static_cast<std::size_t>(r * columns + c)];
    name = out_.name(value(id).name + ".transposed");
    out_.weight(name, turned.element(), turned.shape(), bytes_of(turned));
    return name;
  }

  std::string with_ones(ValueId id, int ones) {
    const Tensor& tensor = weight(id);
    std::vector<int64_t> shape = tensor.shape();
    shape.insert(shape.end(), static_cast<std::size_t>(ones), 1);
    const std::string name = sources_[index(id)].whole.empty() && with_ones_.insert(id).second
                                 ? names_[index(id)]
                                 : out_.name(value(id).name);
    out_.weight(name, tensor.element(), shape, bytes_of(tensor));
    return name;
  }

  // A computed value is `name`; it gets its own name where a node since `first` made it.
  void settle(ValueId id, std::string name, std::size_t first) {
    if (out_.rename(name, names_[index(id)], first)) name = names_[index(id)];
    sources_[index(id)].whole = std::move(name);
  }

  std::string batch_size() {
    if (!batch_size_.empty()) return batch_size_;
    for (ValueId id : graph_.inputs) {
      if (!value(id).type.has_batch()) continue;
      batch_size_ = out_.node("Shape", {names_[index(id)]}, {{"start", int64_t{0}}, {"end", int64_t{1}}},
                              value(id).name + "/Shape");
      break;
    }
    return batch_size_;
  }

  // How many nodes, from this one on, a layer of the library was that ONNX has an operator for; 0: none.
  std::size_t write_layer(std::size_t first) {
    const Node& node = graph_.nodes[first];
    const auto found = layers_.find(value(node.outputs[0]).name);
    if (found == layers_.end()) return 0;
    for (const LayerCall* layer : found->second) {
      const ast::Item* item = calls_.library().find(ast::ItemKind::Layer, layer->layer);
      if (!item || first + layer->nodes.size() > graph_.nodes.size()) continue;
      CallToWrite call{item, layer->attributes, {}, {}, {}, graph_.find(layer->output)};
      bool whole = call.output >= 0;
      for (std::size_t i = 0; i < layer->nodes.size(); ++i) {
        const Node& part = graph_.nodes[first + i];
        whole &= part.loop < 0 && value(part.outputs[0]).name == layer->nodes[i];
        call.nodes.push_back(&part);
      }
      for (const std::string& input : layer->inputs) {
        call.inputs.push_back({graph_.find(input), 0});
        whole &= call.inputs.back().value >= 0;
      }
      const std::string below = layer->path + ".";
      for (const Persistent& persistent : graph_.persistents)
        if (const std::string& name = value(persistent.value).name; name.starts_with(below))
          call.parameters[name.substr(below.size())] = persistent.value;
      if (whole && write_call(call)) return layer->nodes.size();
    }
    return 0;
  }

  bool write_op(const Node& node) {
    const ast::Item* item = calls_.library().find(ast::ItemKind::Op, node.op);
    if (!item || node.outputs.size() != 1) return false;
    CallToWrite call{item, {}, {}, {}, {&node}, node.outputs[0]};
    std::size_t next = 0;
    for (const ast::Parameter& input : item->inputs) {
      if (const auto number = node.attributes.find(input.name); number != node.attributes.end()) {
        const auto* real = std::get_if<double>(&number->second);
        call.inputs.push_back({-1, real ? *real : 0});
        if (!real) return false;
      } else if (next < node.inputs.size()) {
        call.inputs.push_back({node.inputs[next++], 0});
      } else {
        return false;
      }
    }
    if (next != node.inputs.size()) return false;
    for (const ast::Parameter& attribute : item->attributes)
      if (const auto found = node.attributes.find(attribute.name); found != node.attributes.end())
        call.attributes[attribute.name] = argument_of(found->second);
    return write_call(call);
  }

  static CompileTimeValue argument_of(const Attribute& attribute) {
    if (const auto* integer = std::get_if<int64_t>(&attribute)) return CompileTimeValue::of(*integer);
    if (const auto* real = std::get_if<double>(&attribute)) return CompileTimeValue::of_real(*real);
    if (const auto* truth = std::get_if<bool>(&attribute)) return CompileTimeValue::of_bool(*truth);
    if (const auto* text = std::get_if<std::string>(&attribute)) return CompileTimeValue::of_text(*text);
    std::vector<CompileTimeValue> items;
    for (int64_t one : std::get<std::vector<int64_t>>(attribute)) items.push_back(CompileTimeValue::of(one));
    return CompileTimeValue::of_list(std::move(items));
  }

  bool write_call(const CallToWrite& call) {
    const std::size_t first = out_.node_count();
    const std::string name = calls_.write(call, value(call.output).name);
    if (name.empty()) return false;
    settle(call.output, name, first);
    return true;
  }

  // A value as one tensor, for statements.
  OnnxSource whole(ValueId id) {
    OnnxSource source{value(id).type, name_of(id), {}, -1};
    return source;
  }

  // The operands of a node's definition, of which the inputs are known.
  std::vector<OnnxSource> operands_of(const Node& node) {
    std::vector<OnnxSource> operands;
    for (ValueId input : node.inputs)
      operands.push_back(reads_named_steps(node, input) ? sources_[index(input)] : whole(input));
    operands.resize(node.definition->operands.size());
    return operands;
  }

  // Whether a value of a loop is read at single steps alone, so that it need not be put together.
  bool reads_named_steps(const Node& node, ValueId input) const {
    const OnnxSource& source = sources_[index(input)];
    bool one = !source.steps.empty();
    for (const Statement& statement : node.definition->statements)
      visit(statement.body, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Read && e->operand < static_cast<int>(node.inputs.size()) &&
            node.inputs[static_cast<std::size_t>(e->operand)] == input)
          one = one && e->indices[static_cast<std::size_t>(source.step_dimension)].is_constant();
      });
    return one;
  }

  Failure refused(const Node& node, const std::string& why) const {
    const std::string place = node.location.known() ? node.location.text() + ": " : "";
    return {ExitCode::Failed, fmt::format("{}`{}` ({}) cannot be exported: {}", place,
                                          value(node.outputs[0]).name, node.op, why)};
  }

  Status write_statements(const Node& node) {
    std::vector<OnnxSource> operands = operands_of(node);
    const std::size_t first = out_.node_count();
    const Status written =
        statements_.write(*node.definition, operands, value(node.outputs[0]).name, std::nullopt);
    if (!written) return refused(node, written.failure().message);
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      settle(node.outputs[i], operands[static_cast<std::size_t>(node.definition->outputs[i])].whole, first);
    return {};
  }

  // The steps of a loop, one after the other.
  Status write_loop(std::size_t first, std::size_t end) {
    const Loop& loop = graph_.loops[static_cast<std::size_t>(graph_.nodes[first].loop)];
    std::set<ValueId> computed;
    for (std::size_t n = first; n < end; ++n)
      for (ValueId output : graph_.nodes[n].outputs) {
        OnnxSource& source = sources_[index(output)];
        source.step_dimension = source.type.has_batch() ? 1 : 0;
        source.steps.assign(static_cast<std::size_t>(loop.steps), "");
        computed.insert(output);
      }
    std::vector<std::vector<OnnxSource>> operands;
    for (std::size_t n = first; n < end; ++n) {
      operands.emplace_back();
      for (ValueId input : graph_.nodes[n].inputs)
        operands.back().push_back(computed.contains(input) ? sources_[index(input)] : whole(input));
      operands.back().resize(graph_.nodes[n].definition->operands.size());
    }
    for (int64_t i = 0; i < loop.steps; ++i) {
      const int64_t step = loop.reverse ? loop.steps - 1 - i : i;
      for (std::size_t n = first; n < end; ++n) {
        const Node& node = graph_.nodes[n];
        std::vector<OnnxSource>& own = operands[n - first];
        for (std::size_t k = 0; k < node.inputs.size(); ++k)
          if (computed.contains(node.inputs[k])) own[k] = sources_[index(node.inputs[k])];
        const LoopStep at{sources_[index(node.outputs[0])].step_dimension, step};
        const std::string base = fmt::format("{}/{}", value(node.outputs[0]).name, step);
        const Status written = statements_.write(*node.definition, own, base, at);
        if (!written) return refused(node, written.failure().message);
        for (std::size_t k = 0; k < node.outputs.size(); ++k)
          sources_[index(node.outputs[k])].steps[static_cast<std::size_t>(step)] =
              own[static_cast<std::size_t>(node.definition->outputs[k])]
                  .steps[static_cast<std::size_t>(step)];
      }
    }
    return {};
  }

  void add_outputs() {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const ValueId id = graph_.outputs[i].second;
      const std::string name = name_of(id);
      // A copy, where the value is also something else.
      if (name != output_names_[i]) {
        const std::size_t first = out_.node_count();
        out_.rename(out_.node("Identity", {name}, {}, output_names_[i]), output_names_[i], first);
      }
      out_.output(output_names_[i], value(id).type);
    }
  }

  const Graph& graph_;
  OnnxWriter out_;
  std::map<std::string, const Tensor*> weights_;
  std::map<std::string, std::vector<const LayerCall*>>
      layers_;                      // by the value of their first node, outer ones first
  std::vector<OnnxSource> sources_; // of values
  std::vector<std::string> names_, output_names_;
  std::map<ValueId, std::string> transposed_;
  std::set<ValueId> with_ones_;
  std::string batch_size_;
  StatementsWriter statements_{out_, [this] { return batch_size(); }};
  CallWriter calls_{out_,
                    graph_,
                    {[this](ValueId id) { return name_of(id); },
                     [this](ValueId id) { return transposed(id); },
                     [this](ValueId id, int ones) { return with_ones(id, ones); }}};
};

} // namespace

Result<std::string> export_onnx(const Graph& graph, const std::vector<LayerCall>& layers,
                                std::span<const NamedTensor> weights) {
  return Exporter(graph, layers, weights).run();
}

} // namespace striate
