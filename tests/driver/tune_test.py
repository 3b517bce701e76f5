"""striate tune: a file beside the program, which the next compilation uses and which changes no bits; files that are not
of it are ignored."""

import os
import re

import harness

NET = """
model Net() {
    input image: f32[N, 8, 12, 12]
    output logits = image -> Conv2d(32, 3) as conv1 -> relu -> Conv2d(48, 3) as conv2 -> relu -> flatten -> Linear(10) as fc
}
"""


class Tune(harness.EndToEnd):
    def test_a_file_beside_the_program(self):
        net = self.write("net.nn", NET)
        plain = self.striate("build", net, "--emit=kernel", "--mode=infer", "--batch=8").stdout
        said = self.striate("tune", net, "--mode=infer", "--batch=8", "--budget=5").stdout
        self.assertRegex(said, r"\d+ of \d+ kernels looked at in \d+ s; \d+ faster than the model's choice; .*written to .*net\.tune\n")
        with open(self.path("net.tune"), encoding="utf-8") as file:
            entries = [line for line in file.read().splitlines()[1:] if not line.startswith("#")]
        tuned = self.striate("build", net, "--emit=regions", "--mode=infer", "--batch=8").stdout
        self.assertEqual(len(re.findall("tuned: ", tuned)), len(entries))
        if not entries:
            self.assertEqual(self.striate("build", net, "--emit=kernel", "--mode=infer", "--batch=8").stdout, plain)

    def test_the_budget_is_kept(self):
        said = self.striate("tune", self.write("net.nn", NET), "--batch=8", "--budget=0").stdout
        self.assertRegex(said, r"^0 of \d+ kernels")

    def test_files_that_are_not_of_it(self):
        net = self.write("net.nn", NET)
        plain = self.striate("build", net).stdout
        for text in ("", "striate tune 2\n", "striate tune 1\na | b\n", "striate tune 1\na | b | c | d | e | fast\n", "\0\0"):
            self.write("net.tune", text)
            result = self.striate("build", net)
            self.assertIn("is damaged, or from another version; it is ignored", result.stderr)
            self.assertEqual(result.stdout, plain)
        self.write("net.tune", "striate tune 1\nother, 128 bits | 00 | conv1 | tile [o: 2] | tile [o: 4] | 1.5\n")
        result = self.striate("build", net)
        self.assertIn("was measured on another CPU (other, 128 bits)", result.stderr)
        self.assertEqual(result.stdout, plain)

    def test_what_it_does_not_take(self):
        self.assertIn("tune takes a program", self.striate("tune", self.write("p.sir", "x"), expect=2).stderr)
        self.assertFalse(os.path.exists(self.path("p.tune")))


if __name__ == "__main__":
    harness.main()
