#!/usr/bin/env python3
"""Writes models/*.onnx, and models/*.json with an input and what ONNX Runtime makes of it.

    python3 tests/exchange/make_models.py

Needs onnx, onnxruntime and numpy from PyPI; the tests need only the files.
"""

import json
import pathlib

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "models"
numbers = numpy.random.default_rng(1)


def constant(name, *shape, positive=False):
    values = numbers.random(shape) + 0.5 if positive else numbers.normal(size=shape)
    return numpy_helper.from_array(values.astype(numpy.float32), name)


def integers(name, values):
    return numpy_helper.from_array(numpy.array(values, numpy.int64), name)


def write(name, nodes, shape, output, constants=(), opset=17, run=True):
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *shape])
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", *output])]
    graph = helper.make_graph(nodes, name, [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="")
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
    if not run:
        return
    onnx.checker.check_model(model)
    x = numbers.normal(size=(2, *shape)).astype(numpy.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"image": x})
    flat = lambda a: [float(f"{v:.6g}") for v in a.ravel()]
    pair = {"input": [list(x.shape), [float(v) for v in x.ravel()]], "output": [list(y.shape), flat(y)]}
    (FOLDER / f"{name}.json").write_text(json.dumps(pair) + "\n")


def main():
    node = helper.make_node
    batch_norm = [constant(f"bn.{n}", 3, positive=n == "running_var") for n in ("weight", "bias", "running_mean", "running_var")]
    write(
        "layers",
        [
            node("Conv", ["image", "conv.weight", "conv.bias"], ["a"], strides=[2, 1], pads=[1, 0, 1, 0]),
            node("BatchNormalization", ["a", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], ["b"], epsilon=1e-3),
            node("Relu", ["b"], ["c"]),
            node("AveragePool", ["c"], ["d"], kernel_shape=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1, name="pool"),
            node("Flatten", ["d"], ["e"]),
            node("Gemm", ["e", "head.weight", "head.bias"], ["f"], transB=0, alpha=0.5),
            node("Softmax", ["f"], ["scores"]),
        ],
        [2, 6, 5], [3],
        [constant("conv.weight", 3, 2, 3, 2), constant("conv.bias", 3), *batch_norm, constant("head.weight", 36, 3), constant("head.bias", 3)],
    )  # fmt: skip
    write(
        "branches",
        [
            node("Split", ["image", "sizes"], ["left", "right"], axis=1),
            node("Mul", ["left", "two"], ["doubled"]),
            node("Add", ["doubled", "shift"], ["moved"]),
            node("Concat", ["moved", "right", "left"], ["joined"], axis=-2),
            node("Softmax", ["joined"], ["soft"], axis=1),
            node("Sub", ["one", "soft"], ["rest"]),
            node("Transpose", ["rest"], ["turned"], perm=[0, 2, 1]),
            node("Slice", ["turned", "from", "to", "along"], ["scores"]),
        ],
        [4, 3], [3, 4],
        [integers("sizes", [2, 2]), numpy_helper.from_array(numpy.float32(2), "two"), constant("shift", 2, 3),
         numpy_helper.from_array(numpy.float32(1), "one"), integers("from", [-5]), integers("to", [-1]), integers("along", [2])],
    )  # fmt: skip
    write(
        "shapes",
        [
            node("Shape", ["image"], ["shape"]),
            node("Gather", ["shape", "zero"], ["batch"]),
            node("Unsqueeze", ["batch", "axes"], ["first"]),
            node("Concat", ["first", "rest"], ["wanted"], axis=0),
            node("Reshape", ["image", "wanted"], ["parts"]),
            node("ReduceMean", ["parts"], ["scores"], axes=[2, 3], keepdims=0),
        ],
        [6, 4], [3],
        [numpy_helper.from_array(numpy.int64(0), "zero"), integers("axes", [0]), integers("rest", [3, -1, 2])],
    )  # fmt: skip
    inner = helper.make_graph([node("Identity", ["image"], ["inner"])], "inner", [], [helper.make_tensor_value_info("inner", 1, None)])
    write(
        "refused",
        [
            node("If", ["yes"], ["a"], name="choice", then_branch=inner, else_branch=inner),
            node("Sin", ["image"], ["b"], name="wave"),
            node("Cos", ["b"], ["c"], name="other wave"),
            node("LRN", ["image"], ["d"], name="norm", size=4),
            node("Sum", ["a", "c", "d"], ["scores"]),
        ],
        [1, 4, 4], [1, 4, 4],
        [numpy_helper.from_array(numpy.array(True), "yes")], run=False,
    )  # fmt: skip


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    main()
