"""ONNX's own tests of single operators (Debian's libonnx-testdata), for the operators that the library has.

The library has an operator where any line of std/ names it (`# onnx: Conv(...)`), whatever variant it is of. Its operators compute in
f32: a test whose result is of another type is one of another operator, and counted apart. A test is passed where the model is imported
and all its outputs are those stored; masks and places, which ONNX has as truths and integers, are compared as numbers. Inputs stay
inputs; where that cannot be, because they are weights, shapes or the like, all but the first become constants, as in real models.
`python3 onnx_nodes_full_test.py --list` prints each test that is not passed, with the reason.
"""

import glob
import json
import os
import re
import subprocess
import sys
import unittest

import onnx_files as onnx
from harness import BINARY, SOURCE, EndToEnd, environment, main, read_npy, write_npy

FOLDER = "/usr/lib/python3/dist-packages/onnx/backend/test/data/node"
FLOAT = 1
WRONG = "wrong"

# Of the tests of f32 operators, that are passed.
REQUIRED = 0.95


def library_operators():
    """ONNX's names of what the library has."""
    names = set()
    for path in glob.glob(os.path.join(SOURCE, "std", "*.nn")):
        with open(path, encoding="utf-8") as file:
            for line in re.findall(r"^# onnx(?: nothing)?: (.*)$", file.read(), re.MULTILINE):
                names.add(line.split("(")[0])
    return names


def parts(message, wanted):
    """The values of a message's fields with this number."""
    return [value for number, value in onnx.fields(message) if number == wanted]


def named(values):
    """Names and the messages of ValueInfoProtos."""
    return [parts(value, 1)[0].decode() for value in values]


def with_constants(model, constants):
    """The model with more initializers."""
    out = b""
    for number, value in onnx.fields(model):
        if number == 7:
            value = value + b"".join(onnx.text(5, one) for one in constants)
        out += onnx.whole(number, value) if isinstance(value, int) else onnx.text(number, value)
    return out


def element_type(path):
    """Of a TensorProto file; 0 of what is no tensor."""
    with open(path, "rb") as file:
        kind = (parts(file.read(), 2) or [0])[0]
    return kind if isinstance(kind, int) else 0


class Nodes(EndToEnd):
    """Each folder is one test."""

    def attempt(self, folder, model, inputs, outputs, constants):
        """None where the test is passed, else why not."""
        with open(self.path("m.onnx"), "wb") as file:
            file.write(model)
        done = self.run_quietly("import", self.path("m.onnx"))
        if done.returncode != 0:
            return done.stderr.strip().split("\n")[-1].strip()
        with open(self.path("m.nn"), encoding="utf-8") as file:
            program = file.read()
        arguments = ["run", self.path("m.nn"), "-w", self.path("m.safetensors")]
        taken = re.findall(r"input (\w+):", program)
        for k, name in enumerate(inputs):
            if name in constants:
                continue
            stored = os.path.join(folder, "test_data_set_0", f"input_{k}.pb")
            if element_type(stored) not in onnx.NUMBERS:
                return f"an input of ONNX's type {element_type(stored)}"
            if not taken:
                return "an input is not used"
            shape, values = onnx.read_tensor(stored)
            write_npy(self.path(f"x{k}.npy"), shape, [float(value) for value in values])
            arguments += ["-i", f"{taken.pop(0)}=@{self.path(f'x{k}.npy')}"]
        made = re.findall(r"output (\w+)", program)
        made = outputs if set(made) == set(outputs) else made
        for k, name in enumerate(made):
            arguments += ["-o", f"{name}=@{self.path(f'y{k}.npy')}"]
        done = self.run_quietly(*arguments)
        if done.returncode != 0:
            return "run: " + done.stderr.strip()[-200:]
        for k in range(len(outputs)):
            shape, wanted = onnx.read_tensor(os.path.join(folder, "test_data_set_0", f"output_{k}.pb"))
            got_shape, got = read_npy(self.path(f"y{k}.npy"))
            if "Each example is the whole" in program and got_shape[:1] == [1]:
                got_shape = got_shape[1:]
            if got_shape != shape:
                return f"{WRONG}: the output's shape is {got_shape}, not {shape}"
            for one, other in zip(got, wanted):
                if not (abs(one - other) <= 1e-5 + 1e-3 * abs(other) or one == other):
                    return f"{WRONG}: {one} in place of {other}"
        return None

    def run_quietly(self, *arguments):
        return subprocess.run([BINARY, *arguments], cwd=self.scratch, env=environment(), capture_output=True,
                              text=True, errors="replace", timeout=120, check=False)  # fmt: skip

    def outcome(self, folder):
        """The operators of a test, and None where it is passed, else why not."""
        with open(os.path.join(folder, "model.onnx"), "rb") as file:
            model = file.read()
        graph = parts(model, 7)[0]
        operators = {parts(one, 4)[0].decode() for one in parts(graph, 1)}
        inputs, outputs = named(parts(graph, 11)), named(parts(graph, 12))
        if not operators <= self.known or not self.computes_reals(folder):
            return operators, None
        problem = self.attempt(folder, model, inputs, outputs, [])
        # Weights behind the data, or before it (as the table of a lookup).
        for names in (inputs[1:], inputs[:1]) if problem and len(inputs) > 1 else ():
            constants = []
            for name in names:
                with open(os.path.join(folder, "test_data_set_0", f"input_{inputs.index(name)}.pb"), "rb") as file:
                    constants.append(file.read() + onnx.text(8, name))
            again = self.attempt(folder, with_constants(model, constants), inputs, outputs, names)
            if again is None:
                return operators, None
            problem = again if names == inputs[1:] or again.startswith(WRONG) else problem
        return operators, problem

    @staticmethod
    def computes_reals(folder):
        first = [os.path.join(folder, "test_data_set_0", name) for name in ("input_0.pb", "output_0.pb")]
        return all(element_type(path) == FLOAT for path in first if os.path.exists(path))

    def test_nodes(self):
        if not os.path.isdir(FOLDER):
            self.skipTest("no libonnx-testdata")
        self.known = library_operators() | {"Constant"}
        passed, failed, other_types = [], {}, []
        for folder in sorted(glob.glob(os.path.join(FOLDER, "*"))):
            operators, problem = self.outcome(folder)
            if not operators <= self.known:
                continue
            name = os.path.basename(folder)[len("test_") :]
            if not self.computes_reals(folder):
                other_types.append(name)
            elif problem is None:
                passed.append(name)
            else:
                failed[name] = problem
        if "--list" in LISTED:
            print(json.dumps({"passed": passed}, indent=1))
        share = len(passed) / (len(passed) + len(failed))
        print(f"{len(self.known)} operators; {len(passed)} of {len(passed) + len(failed)} tests passed, {100 * share:.1f} %")
        for name, why in failed.items():
            print(f"refused: {name}: {why[:200]}")
        print(f"of types that the library does not compute in: {len(other_types)}: {', '.join(other_types)}")
        # Whatever cannot be imported is refused.
        self.assertEqual([name for name, why in failed.items() if why.startswith(WRONG)], [])
        self.assertGreaterEqual(share, REQUIRED)


LISTED = [argument for argument in sys.argv if argument == "--list"]
if __name__ == "__main__":
    sys.argv = [argument for argument in sys.argv if argument != "--list"]
    main()
