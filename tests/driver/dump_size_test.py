"""A dump is for reading: AlexNet's training step stays under 200 KB at each stage, and two compilations print the same bytes."""

import os
import re
import shutil

import harness

MOST = 200_000


class DumpSize(harness.EndToEnd):
    def test_alexnet(self):
        shutil.copy(os.path.join(harness.MODELS, "alexnet.nn"), self.scratch)
        for stage in ("graph", "grad", "regions", "kernel"):
            text = self.striate("build", "alexnet.nn", "--emit", stage).stdout
            self.assertLess(len(text), MOST, stage)
            self.assertEqual(self.striate("build", "alexnet.nn", "--emit", stage).stdout, text)
            with open(self.path("dump.sir"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assertEqual(self.striate("opt", "dump.sir").stdout, text, stage)

    def test_a_change_of_one_layer_changes_what_it_concerns(self):
        """LeNet's second convolution with stride 2: of all values, parameters and states only the lines of those change that are
        computed from it or whose shapes follow from its own, up to the first linear layer's output."""
        with open(os.path.join(harness.MODELS, "lenet.nn"), encoding="utf-8") as file:
            text = file.read()
        call = "Conv2d(50, 5) as conv2"
        self.assertIn(call, text)
        for name, changed in (("a.nn", call), ("b.nn", "Conv2d(50, 5, stride = 1) as conv2"), ("c.nn", "Conv2d(50, 5, stride = 2) as conv2")):
            self.write(name, text.replace(call, changed))
        concerned = re.compile(r"conv2(\.conv2d)?(\.grad)?$|relu\.1$|max_pool2d\.1\b|flatten\b|fc1\.(weight|bias)\b")
        for stage in ("graph", "grad", "regions"):
            same, strided, other = (self.values_of(name, stage) for name in ("a.nn", "b.nn", "c.nn"))
            self.assertEqual(same, strided, stage)  # what is said otherwise is not another thing
            self.assertEqual(same.keys(), other.keys(), stage)
            changed = {name for name in same if same[name] != other[name]}
            self.assertIn("conv2.conv2d", changed)
            self.assertEqual({name for name in changed if not concerned.match(name)}, set(), stage)

    def values_of(self, program, stage):
        """The line of each value, parameter and state, by its name, but for places in the source and in memory."""
        dump = self.striate("build", program, "--emit", stage).stdout.split("\ndefine ")[0]
        dump = re.sub(r' loc\("[^"]*":[\d:+]*\)| offset \d+', "", dump)
        return dict(re.findall(r"^  (?:input |param |state )?%(\S+) : (.*)$", dump, re.MULTILINE))


if __name__ == "__main__":
    harness.main()
