// A call of the library as ONNX operators: the lines of the operator map (operator_map.h) read the other way.
// What an argument became an attribute's value from, it is given back to; a line is taken only where all that
// it says of ONNX's attributes holds, and where the library itself makes the same nodes of the arguments that
// the line knows (so that an argument which only decides first values may be missing from it). Shown by
// tests/exchange/export_onnx_test.cpp.
#pragma once

#include "exchange/onnx_writer.h"
#include "exchange/operator_map.h"
#include "frontend/call_session.h"
#include "ir/graph/graph.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace striate {

// A call of an op or a layer, in a graph.
struct CallToWrite {
  const ast::Item* item = nullptr; // of the library
  std::map<std::string, CompileTimeValue> attributes;
  struct Input {
    ValueId value = -1;
    double number = 0; // where it is no value
  };
  std::vector<Input> inputs;
  std::map<std::string, ValueId> parameters; // of a layer, states too
  std::vector<const Node*> nodes;            // what it became
  ValueId output = -1;
};

class CallWriter {
public:
  // `name_of`: of a value in the file. `transposed`: a matrix of weights, under another name, with its
  // dimensions changed; `reshaped`: the same with so many dimensions of size 1 behind the others.
  struct Names {
    std::function<std::string(ValueId)> name_of;
    std::function<std::string(ValueId)> transposed;
    std::function<std::string(ValueId, int)> with_ones;
  };
  CallWriter(OnnxWriter& out, const Graph& graph, Names names)
      : out_(out), graph_(graph), names_(std::move(names)) {}

  const Library& library() const { return session_.library(); }
  // The name of the result; "" where no line of the library fits, which leaves everything as it was.
  std::string write(const CallToWrite& call, const std::string& base);

private:
  OnnxWriter& out_;
  const Graph& graph_;
  Names names_;
  CallSession session_;
  OperatorMap map_{session_.library()};
};

} // namespace striate
