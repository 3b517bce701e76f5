"""Every model of models/, exported with its first weights: ONNX's checker accepts it, ONNX Runtime computes what `striate run` does, and
so does the program that is imported from it.

The packages are PyPI's. $STRIATE_PEERS is a virtual environment that has them, as for bench/peers; without it, one is made in the
binary's folder once, and where that cannot be done, the test says so and is skipped. STRIATE_MODELS=lenet,vit runs
those alone.
"""

import glob
import json
import os
import re
import subprocess
import sys
import unittest

from harness import BINARY, MODELS, EndToEnd, main, read_npy

PACKAGES = ("onnx", "onnxruntime")
EXAMPLES = 2


def python_with_onnx():
    """Such a Python, or None."""
    folder = os.environ.get("STRIATE_PEERS") or os.path.join(os.path.dirname(BINARY), "onnx-python")
    python = os.path.join(folder, "bin", "python")

    def run(*command):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def has_packages():
        return os.path.exists(python) and run(python, "-c", f"import {', '.join(PACKAGES)}")

    if has_packages():
        return python
    run(sys.executable, "-m", "venv", folder) and run(python, "-m", "pip", "install", "--quiet", *PACKAGES)
    return python if has_packages() else None


PYTHON = python_with_onnx()


@unittest.skipUnless(PYTHON, f"{' and '.join(PACKAGES)} cannot be installed from PyPI here")
class ExportedModels(EndToEnd):
    """Each model with the sizes that it has by itself."""

    def check_model(self, program):
        exported = self.path("net.onnx")
        self.striate("export", program, "-o", exported)
        done = subprocess.run(
            [PYTHON, os.path.join(os.path.dirname(__file__), "onnx_runtime.py"), exported, self.scratch, str(EXAMPLES)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        names = json.loads(done.stdout.splitlines()[-1])
        arguments = [word for name in names["inputs"] for word in ("-i", f"{name}=@{self.path(name + '.npy')}")]
        arguments += [word for name in names["outputs"] for word in ("-o", f"{name}=@{self.path(name + '.own.npy')}")]
        self.striate("run", program, "-w", self.path("weights.safetensors"), *arguments)
        self.run_imported(exported, names)
        for name in names["outputs"]:
            shape, own = read_npy(self.path(name + ".own.npy"))
            largest = max(map(abs, own))
            self.assertGreater(largest, 0)
            differences = []
            for ending in (".npy", ".back.npy"):
                other_shape, others = read_npy(self.path(name + ending))
                self.assertEqual(other_shape, shape)
                differences.append(max(abs(one - other) for one, other in zip(own, others)) / largest)
            print(f"{os.path.basename(program)} {name} {shape}: differs by {differences[0]:.1e} of the largest from "
                  f"ONNX Runtime, by {differences[1]:.1e} from its import", flush=True)  # fmt: skip
            self.assertLess(max(differences), 1e-5)

    def run_imported(self, exported, names):
        """The program that is made of the exported file."""
        self.striate("import", exported, "-o", self.path("back.nn"))
        with open(self.path("back.nn"), encoding="utf-8") as file:
            program = file.read()
        taken = re.findall(r"^ *input (\w+):", program, re.MULTILINE)
        made = re.findall(r"^ *output (\w+) =", program, re.MULTILINE)
        self.assertEqual(len(taken), len(names["inputs"]), program)
        self.assertEqual(sorted(made), sorted(names["outputs"]))
        arguments = [w for own, name in zip(taken, names["inputs"]) for w in ("-i", f"{own}=@{self.path(name + '.npy')}")]
        arguments += [w for name in made for w in ("-o", f"{name}=@{self.path(name + '.back.npy')}")]
        self.striate("run", self.path("back.nn"), "-w", self.path("back.safetensors"), *arguments)

    def test_models(self):
        wanted = [name for name in os.environ.get("STRIATE_MODELS", "").split(",") if name]
        programs = sorted(glob.glob(os.path.join(MODELS, "*.nn")))
        self.assertGreater(len(programs), 20)
        if wanted:
            programs = [os.path.join(MODELS, name + ".nn") for name in wanted]
        for program in programs:
            with self.subTest(os.path.basename(program)):
                self.check_model(program)


if __name__ == "__main__":
    main()
