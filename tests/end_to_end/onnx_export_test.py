"""`striate export`: what `striate import` makes of the file computes the same, and wrong commands are refused."""

import os
import random
import re

import onnx_files as onnx
from harness import MODELS, EndToEnd, main, read_npy, write_npy, write_safetensors

# The arguments of a small variant of a model, and the name and shape of its input.
SMALL = {
    "xor": ((), "x", [2]),
    "digits": ((), "image", [1, 8, 8]),
    "nin": (("channels=12",), "image", [3, 32, 32]),
    "squeezenet": (("w=4", "size=35"), "image", [3, 35, 35]),
    "resnet18": (("width=4", "size=32"), "image", [3, 32, 32]),
}
EXAMPLES = 2


def weights_of(path):
    """The weights of an exported file under the program's names: name -> (shape, values)."""
    with open(path, "rb") as file:
        graph = next(value for number, value in onnx.fields(file.read()) if number == 7)
    weights = {}
    for number, tensor in onnx.fields(graph):
        if number != 5:
            continue
        parts = list(onnx.fields(tensor))
        name = next(value for field, value in parts if field == 8).decode()
        if next(value for field, value in parts if field == 2) == 1 and not re.fullmatch(r"constant(_\d+)?", name):
            shape = [value for field, value in parts if field == 1]
            weights[name] = (shape, onnx.numbers(next(value for field, value in parts if field == 9), "f"))
    return weights


class Export(EndToEnd):
    """A model, its ONNX file, and the program that becomes of that."""

    def outputs_of(self, program, weights, input_name, arguments=()):
        """The only output of a program on x.npy."""
        with open(program, encoding="utf-8") as file:
            output = re.search(r"output (\w+) =", file.read()).group(1)
        self.striate("run", program, "-w", weights, "-i", f"{input_name}=@{self.path('x.npy')}",
                     "-o", f"{output}=@{self.path('y.npy')}", *arguments)  # fmt: skip
        return read_npy(self.path("y.npy"))

    def test_an_imported_export_computes_the_same(self):
        for model, (parameters, input_name, shape) in SMALL.items():
            with self.subTest(model):
                arguments = [word for one in parameters for word in ("--param", one)]
                program, exported = os.path.join(MODELS, model + ".nn"), self.path(model + ".onnx")
                self.striate("export", program, "-o", exported, *arguments)
                write_safetensors(self.path("w.safetensors"), weights_of(exported))
                # With the weights given, the same bytes: their names are the program's.
                self.striate("export", program, "-w", self.path("w.safetensors"), "-o", self.path("given.onnx"), *arguments)
                with open(exported, "rb") as one, open(self.path("given.onnx"), "rb") as other:
                    self.assertEqual(one.read(), other.read())
                values = random.Random(model)
                count = EXAMPLES
                for size in shape:
                    count *= size
                write_npy(self.path("x.npy"), [EXAMPLES, *shape], [float(values.randrange(16)) for _ in range(count)])
                first = self.outputs_of(program, self.path("w.safetensors"), input_name, arguments)
                self.striate("import", exported, "-o", self.path("back.nn"))
                second = self.outputs_of(self.path("back.nn"), self.path("back.safetensors"), input_name)
                self.assertEqual(first[0], second[0])
                largest = max(map(abs, first[1]))
                self.assertGreater(largest, 0)
                for one, other in zip(first[1], second[1]):
                    self.assertLessEqual(abs(one - other), 1e-5 * largest)

    def test_the_default_name_and_wrong_commands(self):
        program = os.path.join(MODELS, "xor.nn")
        self.striate("export", program)
        self.assertTrue(os.path.exists(self.path("xor.onnx")))
        self.assertIn("ends with .onnx", self.striate("export", program, "-o", "xor.pb", expect=2).stderr)
        self.striate("export", program, "-w", self.path("missing.safetensors"), expect=3)
        write_safetensors(self.path("w.safetensors"), {"fc1.weight": ([4, 2], [0.0] * 8)})
        self.assertIn("lacks", self.striate("export", program, "-w", self.path("w.safetensors"), expect=3).stderr)

    def test_what_mixes_examples_is_refused_with_its_place(self):
        program = self.write(
            "mixed.nn",
            "op centred(x[N, A]) -> y[N, A] { y[n, a] = x[n, a] - (sum(m: N) x[m, a]) / N }\n"
            "model M {\n    input x: f32[N, 3]\n    output y = x -> centred\n}\n",
        )
        message = self.striate("export", program, expect=1).stderr
        self.assertIn("mixed.nn:4:21: `centred` (centred) cannot be exported: it adds up over the batch", message)
        self.assertFalse(os.path.exists(self.path("mixed.onnx")))


if __name__ == "__main__":
    main()
