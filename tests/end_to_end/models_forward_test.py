"""Small variants of the models against PyTorch, for the same weights: golden/models.json, by make_golden_models.py."""

import json
import os
import zipfile

import golden_numbers
import harness
from models_test import header, model_alone

TOLERANCE = 1e-4  # of the largest output; f32 against f64


class Forward(harness.EndToEnd):
    def test_outputs_are_pytorchs(self):
        with open(os.path.join(os.path.dirname(__file__), "golden", "models.json"), encoding="utf-8") as file:
            golden = json.load(file)
        self.assertGreater(len(golden), 10)
        for name, expected in golden.items():
            with self.subTest(model=name):
                self.compare(name, expected)

    def compare(self, name, expected):
        _, image, output = header(name)
        weights = {key: (shape, golden_numbers.parameter(key, shape)) for key, shape in expected["parameters"].items()}
        harness.write_safetensors(self.path("weights.safetensors"), weights)
        numbers = golden_numbers.inputs(expected["input"], expected["arguments"].get("vocabulary", 0))
        harness.write_npy(self.path("input.npy"), expected["input"], numbers)
        arguments = [part for key, value in expected["arguments"].items() for part in ("--param", f"{key}={value}")]
        files = ["--input", f"{image}=@input.npy", "--output", f"{output}=@output.npy"]
        program = self.write(name, model_alone(name))
        self.striate("run", program, "--weights", "weights.safetensors", *files, *arguments)
        self.check_output(expected)
        if name == "lstm.nn":
            self.write_npz(weights)
            self.striate("run", program, "--weights", "weights.npz", *files, *arguments)
            self.check_output(expected)

    def write_npz(self, weights):
        with zipfile.ZipFile(self.path("weights.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
            for key, (shape, values) in weights.items():
                harness.write_npy(self.path("array.npy"), shape, values)
                archive.write(self.path("array.npy"), f"{key}.npy")

    def check_output(self, expected):
        shape, values = harness.read_npy(self.path("output.npy"))
        os.remove(self.path("output.npy"))
        self.assertEqual(shape, expected["shape"])
        largest = max(map(abs, expected["output"]))
        difference = max(abs(a - b) for a, b in zip(values, expected["output"]))
        self.assertLessEqual(difference, TOLERANCE * largest)


if __name__ == "__main__":
    harness.main()
