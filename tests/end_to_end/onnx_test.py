"""`striate import`: real ONNX models give programs that check, and results that are those stored with the models."""

import json
import os
import re
import resource
import subprocess
import time

import harness
import onnx_files as onnx
from harness import BINARY, SOURCE, EndToEnd, environment, main, read_npy, shared_data, write_npy

SLACK = 3  # for machines that have other things to do


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


class SmallModels(Import):
    """tests/exchange/models, with what ONNX Runtime makes of them; and files that are wrong."""

    def test_small_models(self):
        folder = os.path.join(SOURCE, "tests", "exchange", "models")
        for name in ("layers", "branches", "shapes"):
            with self.subTest(name):
                self.imported(os.path.join(folder, name + ".onnx"))
                with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
                    pair = json.load(file)
                shape, values = self.run_on(pair["input"][1], pair["input"][0], "image", "scores")
                self.assertEqual(shape, pair["output"][0])
                self.assert_near(values, pair["output"][1])

    def test_the_name_of_the_model_is_the_name_of_the_program(self):
        self.striate("import", os.path.join(SOURCE, "tests", "exchange", "models", "shapes.onnx"))
        self.assertTrue(os.path.exists(self.path("shapes.nn")))
        self.assertTrue(os.path.exists(self.path("shapes.safetensors")))

    def test_what_has_no_counterpart_is_refused_with_its_node(self):
        path = os.path.join(SOURCE, "tests", "exchange", "models", "refused.onnx")
        message = self.striate("import", path, expect=1).stderr
        self.assertIn("node `choice` (If): control flow is not imported", message)
        self.assertIn("node `wave` (Sin): the library has no such operator", message)
        self.assertIn("node `norm` (LRN): its `size % 2` is 0, not 1", message)
        self.assertFalse(os.path.exists(self.path("refused.nn")))

    def test_wrong_commands_and_files(self):
        self.striate("import", expect=2)
        self.striate("import", self.write("a.onnx", "no model"), expect=3)
        self.striate("import", self.path("missing.onnx"), expect=3)
        path = os.path.join(SOURCE, "tests", "exchange", "models", "shapes.onnx")
        self.striate("import", path, "-o", "net.txt", expect=2)

    def test_a_model_that_gives_its_input(self):
        model = onnx.model(
            [onnx.node("Dropout", ["x"], ["y"])], [onnx.value_info("x", ["N", 3])], [onnx.value_info("y", ["N", 3])]
        )
        with open(self.path("m.onnx"), "wb") as file:
            file.write(model)
        self.imported(self.path("m.onnx"))
        self.assertEqual(self.run_on([1, 2, 3], [1, 3], "x", "y"), ([1, 3], [1, 2, 3]))

    def test_damaged_files_take_little_time_and_memory(self):
        """What asks for more than there is ends in two seconds and half a gigabyte."""
        if harness.is_sanitized():
            self.skipTest("the sanitizer's own memory is beyond any limit")
        one = onnx.value_info("x", ["N", 3])
        files = {
            "filled": ([onnx.node("ConstantOfShape", ["s"], ["w"]), onnx.node("Add", ["x", "w"], ["y"])],
                       [onnx.tensor("s", [2], [1 << 40, 1 << 40], True)]),
            "chain": ([onnx.node("Relu", ["x"], ["y"])] * 20000, []),
            "padded": ([onnx.node("Pad", ["x", "p"], ["y"])], [onnx.tensor("p", [4], [0, 0, 0, 1 << 62], True)]),
            "shape": ([onnx.node("Relu", ["x"], ["y"])], [onnx.tensor("w", [1 << 40, 1 << 40], [1.0])]),
        }  # fmt: skip
        for name, (nodes, constants) in files.items():
            with open(self.path(name + ".onnx"), "wb") as file:
                file.write(onnx.model(nodes, [one], [onnx.value_info("y", ["N", 3])], constants))
            start = time.monotonic()
            done = subprocess.run(
                [BINARY, "import", self.path(name + ".onnx")], cwd=self.scratch, env=environment(), check=False,
                capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (512 << 20, 512 << 20)),
            )  # fmt: skip
            self.assertIn(done.returncode, (1, 3), (name, done.stderr))
            self.assertLess(time.monotonic() - start, 2 * SLACK, name)


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
            listed = dict(line.split(" ", 1) for line in file)
        for pair in ("test_data_set_0", "test_data_set_1"):
            shape, data = onnx.read_tensor(os.path.join(folder, pair, "input_0.pb"))
            _, wanted = onnx.read_tensor(os.path.join(folder, pair, "output_0.pb"))
            _, got = self.run_on(data, shape, "data", "prob")
            self.assert_near(got, wanted)
            best = sorted(range(len(got)), key=lambda k: -got[k])[:5]
            numbers = re.findall(r"[:;] (\d+) [a-z]", listed[pair])
            self.assertEqual([str(k) for k in best], numbers)

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
