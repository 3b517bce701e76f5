"""`striate import`: real ONNX models give programs that check, and results that are those stored with the models."""

import os
import random
import resource
import subprocess
import time
import unittest

import onnx_files as onnx
from harness import BINARY, EndToEnd, environment, main, read_npy, shared_data, write_npy


def models(folder):
    """The folder of a model, or a visible skip."""
    path = shared_data("models")
    path = path and os.path.join(path, folder)
    return path if path and os.path.isdir(path) else None


class Import(EndToEnd):
    """What every imported model is asked."""

    def imported(self, path, name="net"):
        """Imports, and checks what came out. Returns the program's text."""
        program = self.path(name + ".nn")
        self.striate("import", path, "-o", program)
        self.striate("check", program)
        self.assertEqual(self.striate("fmt", "--check", program).stdout, "")
        with open(program, encoding="utf-8") as file:
            return file.read()

    def run_on(self, values, shape, input_name, output_name, name="net"):
        """The output of the imported model."""
        write_npy(self.path("x.npy"), shape, values)
        self.striate(
            "run", self.path(name + ".nn"), "-w", self.path(name + ".safetensors"),
            "-i", f"{input_name}=@{self.path('x.npy')}", "-o", f"{output_name}=@{self.path('y.npy')}",
        )  # fmt: skip
        return read_npy(self.path("y.npy"))

    def assert_near(self, got, wanted, relative=1e-4, absolute=1e-5):
        """Element by element."""
        self.assertEqual(len(got), len(wanted))
        for one, other in zip(got, wanted):
            self.assertLessEqual(abs(one - other), absolute + relative * abs(other))

    def stored(self, folder, model, pairs, input_name, output_name):
        """Imports a model and compares each pair of input and output. Returns the program and the last output."""
        program = self.imported(os.path.join(folder, model))
        values = []
        for pair in pairs:
            shape, data = onnx.read_tensor(os.path.join(folder, pair, "input_0.pb"))
            wanted_shape, wanted = onnx.read_tensor(os.path.join(folder, pair, "output_0.pb"))
            got_shape, values = self.run_on(data, shape, input_name, output_name)
            self.assertEqual(got_shape, wanted_shape)
            self.assert_near(values, wanted)
        return program, values


class RealModels(Import):
    """Models of others, with their outputs."""

    def test_squeezenet(self):
        folder = models("squeezenet_v1.0")
        if not folder:
            self.skipTest("no shared data")
        program = self.imported(os.path.join(folder, "squeezenet_v1.0.onnx"))
        self.assertIn("Conv2d(96, 7, stride = 2) as conv1 -> relu", program)
        self.assertIn("as fire2.conv1x1_1", program)
        with open(os.path.join(folder, "expected_top5.txt"), encoding="utf-8") as file:
            listed = file.read()
        for pair in ("test_data_set_0", "test_data_set_1"):
            shape, data = onnx.read_tensor(os.path.join(folder, pair, "input_0.pb"))
            _, wanted = onnx.read_tensor(os.path.join(folder, pair, "output_0.pb"))
            _, got = self.run_on(data, shape, "data", "prob")
            self.assert_near(got, wanted)
            best = sorted(range(len(got)), key=lambda k: -got[k])[:5]
            for k in best:
                self.assertIn(str(k), listed)

    def test_resnet20(self):
        folder = models("resnet20_cifar10")
        if not folder:
            self.skipTest("no shared data")
        program, _ = self.stored(folder, "resnet20.onnx", ["resnet20_test_data_set_0"], "input", "logits")
        self.assertIn("Conv2d(16, 3, padding = 1, bias = false) as conv1 -> BatchNorm2d as bn1 -> relu", program)

    def test_mnist(self):
        folder = models("mnist_cnn")
        if not folder:
            self.skipTest("no shared data")
        pairs = [f"test_data_set_{i}" for i in range(3)]
        program, _ = self.stored(folder, "mnist-8.onnx", pairs, "Input3", "Plus214_Output_0")
        self.assertIn("Conv2d(8, 5, padding = 2) as Convolution28 -> relu -> max_pool2d(2)", program)


if __name__ == "__main__":
    main()
