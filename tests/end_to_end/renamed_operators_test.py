"""No stage knows an operator by its name: with every `op` and `layer` renamed, kernels and results stay the same.

The renamed library is a user's file: the definitions of std/ under new names, and a model that uses them.
"""

import glob
import os
import re

import harness

_DEFINED = re.compile(r"^(?:op|layer)\s+([A-Za-z_]\w*)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_][\w.]*")


def read(*parts):
    with open(os.path.join(harness.SOURCE, *parts), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    return re.sub(r"#[^\n]*", "", text)


def library():
    """All definitions of std/ but the optimizers."""
    paths = sorted(glob.glob(os.path.join(harness.SOURCE, "std", "*.nn")))
    return "\n".join(without_comments(read("std", os.path.basename(p))) for p in paths if "optimizers" not in p)


def new_names():
    """A number for each name of the library; scalar functions are no operators, and keep theirs."""
    scalar = set(re.findall(r'^FUNCTION\(\w+,\s*"(\w+)"', read("ir", "scalar_functions.def"), re.MULTILINE))
    names = sorted(set(_DEFINED.findall(library())) - scalar)
    return {name: f"{'L' if name[0].isupper() else 'op'}_{number}" for number, name in enumerate(names)}


def renamed(text, names):
    """The text with each name replaced, strings left alone."""
    pieces = re.split(r'("[^"\n]*")', text)
    swap = lambda match: names.get(match.group(0), match.group(0))
    return "".join(p if i % 2 else re.sub(r"(?<![\w.])[A-Za-z_]\w*", swap, p) for i, p in enumerate(pieces))


def up_to_names(kernels):
    """Kernel text without comments and places, each word replaced by the number of its first occurrence."""
    kernels = re.sub(r"loc\([^)]*\)|^ *comment .*$", "", kernels, flags=re.MULTILINE)
    numbers = {}
    return _WORD.sub(lambda match: f"w{numbers.setdefault(match.group(0), len(numbers))}", kernels)


class RenamedOperators(harness.EndToEnd):
    def both(self, model):
        """The model, and the model with the whole library renamed. Without dropout: its draws follow the names."""
        text = re.sub(r"-> Dropout\([^)]*\)", "", without_comments(read("models", model)))
        names = new_names()
        self.assertGreater(len(names), 30)
        return self.write(model, text), self.write(f"renamed_{model}", renamed(library() + text, names))

    def test_kernels_are_the_same(self):
        for model in ("digits.nn", "lenet.nn"):
            with self.subTest(model=model):
                kernels = [
                    self.striate("build", path, "--emit=kernel", "--data", harness.MODELS).stdout for path in self.both(model)
                ]
                self.assertIn("kernel", kernels[0])
                self.assertNotIn("max_pool2d", kernels[1])
                self.assertEqual(*(up_to_names(text).split("\n") for text in kernels))

    def test_results_are_the_same(self):
        weights = []
        for number, path in enumerate(self.both("digits.nn")):
            run = self.path(f"run{number}")
            self.striate("train", path, "--data", harness.MODELS, "--run", run, "--set", "train.epochs=2")
            weights.append(harness.digest(os.path.join(run, "model.safetensors")))
        self.assertEqual(*weights)


if __name__ == "__main__":
    harness.main()
