"""The Python module: on libstriate, with NumPy, where there is a python3 that has it."""

import os
import shutil
import subprocess
import sys

import harness

SCRIPT = """
import sys
import numpy
import striate

model = striate.load("one.nn", training=True)
assert [t.name for t in model.step_inputs] == ["x", "label"], model.step_inputs
x, label = numpy.array([[0.5, -1, 2, 0.25]], "f4"), numpy.array([2])
for epoch in range(7):
    model.settings["epoch"] = epoch
    losses = model.train_step(x=x, label=label)
assert losses["loss"].shape == (1,) and model.settings["step"] == 7
model.save("own.safetensors")

trained = striate.load("one.nn", weights="own.safetensors", threads=1)
assert trained.inputs == [striate.Tensor("x", numpy.dtype("f4"), (None, 4))], trained.inputs
many = numpy.random.default_rng(1).normal(size=(37, 4))
y = trained.predict(many)
assert y.shape == (37, 3) and y.dtype == numpy.float32
assert (trained.predict(x=many[5:6]) == y[5:6]).all()
assert (trained.predict(x=many[::2]) == y[::2]).all()
assert (model.predict(x=many)["y"] == y).all()

bias = trained.weights["fc2.bias"]
trained.weights["fc2.bias"] = bias + 1
assert numpy.allclose(trained.predict(many), y + 1, atol=1e-5)
trained.load("own.safetensors")
assert (trained.predict(many) == y).all()
assert len(trained.weights) == 8 and "bn.running_mean" in trained.weights, list(trained.weights)


class Lent:
    # What other libraries' tensors are: an array that is lent by DLPack.
    def __init__(self, array):
        self.array = array
    def __dlpack__(self, **arguments):
        return self.array.__dlpack__(**arguments)
    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


assert (trained.predict(Lent(many.astype("f4"))) == y).all()

for code, wrong in (
    (2, lambda: trained.predict(z=x)),
    (2, lambda: trained.predict(numpy.zeros((2, 5), "f4"))),
    (2, lambda: trained.train_step(x=x, label=label)),
    (2, lambda: model.train_step(x=x)),
    (3, lambda: striate.load("missing.nn")),
    (3, lambda: trained.load("missing.safetensors")),
    (2, lambda: model.settings.__setitem__("optimizer.rate", 1)),
):
    try:
        wrong()
    except striate.Error as error:
        assert error.code == code and str(error), (error.code, error)
    else:
        raise AssertionError("no error")
"""


def python_with_numpy():
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and subprocess.run([python, "-c", "import numpy"], capture_output=True, check=False).returncode == 0:
            return python
    return None


class PythonModule(harness.EndToEnd):
    def test_it_learns_and_predicts_as_the_driver_does(self):
        python = python_with_numpy()
        if not python:
            self.skipTest("there is no python3 with numpy")
        if harness.is_sanitized():
            self.skipTest("a Python that is not sanitized cannot load a library that is")
        harness.write_csv(self.path("one.csv"), [[0.5, -1.0, 2.0, 0.25, 2]])
        program = self.write("one.nn", harness.ONE_EXAMPLE)
        self.write("script.py", SCRIPT)
        environment = harness.environment(PYTHONPATH=os.path.join(harness.SOURCE, "python"), STRIATE_LIBRARY=os.environ["STRIATE_LIBRARY"])
        done = subprocess.run([python, "-B", "script.py"], cwd=self.scratch, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.striate("train", program, "--run", self.path("run"))
        own, expected = (harness.read_safetensors(self.path(name)) for name in ("own.safetensors", "run/model.safetensors"))
        for name in expected:
            self.assertEqual(own[name][2], expected[name][2], name)

    def import_error(self, python, library):
        environment = harness.environment(PYTHONPATH=os.path.join(harness.SOURCE, "python"), STRIATE_LIBRARY=library)
        done = subprocess.run([python, "-B", "-c", "import striate"], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr.splitlines()[-1]

    def test_the_error_names_what_is_missing(self):
        python = python_with_numpy()
        if not python or not shutil.which("cc"):
            self.skipTest("there is no python3 with numpy, or no `cc`")
        needed, library = self.path("libneeded.so.7"), self.path("libstriate.so.1")
        self.write("empty.c", "int unused;\n")
        options = ("cc", "-shared", "-Wl,--no-as-needed", self.path("empty.c"))
        subprocess.run([*options, "-Wl,-soname,libneeded.so.7", "-o", needed], check=True)
        subprocess.run([*options, needed, "-o", library], check=True)
        os.remove(needed)
        message = self.import_error(python, library)
        self.assertIn("ImportError: libstriate cannot be loaded (libneeded.so.7: cannot open", message)
        self.assertIn(f"{library} needs libneeded.so.7, which is not part of the wheel: install the package", message)
        for missing in (self.path("none.so"), "libnone.so.1"):
            message = self.import_error(python, missing)
            self.assertIn("STRIATE_LIBRARY names its file", message)
            self.assertNotIn("wheel", message)


if __name__ == "__main__":
    harness.main()
