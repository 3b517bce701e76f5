"""Every model of models/, exported with its first weights: ONNX's checker accepts it, and ONNX Runtime computes what `striate run` does.

The packages are PyPI's. $STRIATE_ONNX_PYTHON is a Python that has them; without it, a virtual environment is made in the
binary's folder once, and where that cannot be done, the test says so and is skipped.
"""

import glob
import json
import os
import subprocess
import sys
import unittest

from harness import BINARY, MODELS, EndToEnd, main, read_npy

PACKAGES = ("onnx", "onnxruntime")
EXAMPLES = 2


def python_with_onnx():
    """Such a Python, or None."""
    given = os.environ.get("STRIATE_ONNX_PYTHON")
    if given:
        return given
    folder = os.path.join(os.path.dirname(BINARY), "onnx-python")
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
        for name in names["outputs"]:
            shape, wanted = read_npy(self.path(name + ".npy"))
            own_shape, own = read_npy(self.path(name + ".own.npy"))
            self.assertEqual(own_shape, shape)
            largest = max(map(abs, own))
            self.assertGreater(largest, 0)
            difference = max(abs(one - other) for one, other in zip(own, wanted)) / largest
            print(f"{os.path.basename(program)} {name} {shape}: {difference:.1e} of the largest", flush=True)
            self.assertLess(difference, 1e-5)

    def test_models(self):
        programs = sorted(glob.glob(os.path.join(MODELS, "*.nn")))
        self.assertGreater(len(programs), 20)
        for program in programs:
            with self.subTest(os.path.basename(program)):
                self.check_model(program)


if __name__ == "__main__":
    main()
