"""Run by a Python that has `onnx` and `onnxruntime`: checks an ONNX file and runs it.

    onnx_runtime.py FILE.onnx FOLDER EXAMPLES

Writes what went in and came out into the folder, as NAME.npy, and the weights as weights.safetensors; prints one line of
JSON: the names of the inputs and outputs.
"""

import json
import os
import struct
import sys

import numpy
import onnx
import onnx.numpy_helper
import onnxruntime


def weights_of(model):
    """The weights under the program's names."""
    for tensor in model.graph.initializer:
        name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
        if values.dtype != numpy.float32 or name.split("_")[0] == "constant":
            continue
        if name.endswith(".transposed"):
            name, values = name.removesuffix(".transposed"), values.T
        yield name, numpy.ascontiguousarray(values)


def write_safetensors(path, tensors):
    """Name by name, so that large models are not held twice."""
    header, at = {}, 0
    for name, values in tensors:
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors:
            file.write(values.tobytes())


def main(path, folder, examples):
    """Everything above."""
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = numpy.random.default_rng(1)
    feeds = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else examples for size in value.shape]
        if value.type == "tensor(float)":
            feeds[value.name] = random.standard_normal(shape).astype(numpy.float32)
        elif value.type == "tensor(uint8)":
            feeds[value.name] = random.integers(0, 256, shape).astype(numpy.uint8)
        else:
            feeds[value.name] = random.integers(0, 10, shape).astype(numpy.int32)
    names = [value.name for value in session.get_outputs()]
    results = dict(zip(names, session.run(names, feeds)))
    for name, values in {**feeds, **results}.items():
        numpy.save(os.path.join(folder, name + ".npy"), values)
    write_safetensors(os.path.join(folder, "weights.safetensors"), list(weights_of(onnx.load(path))))
    print(json.dumps({"inputs": list(feeds), "outputs": names}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
