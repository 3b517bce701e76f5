"""An edited decision in a dump is obeyed or refused, never decided anew without a word; what changes no meaning changes no number."""

import random
import re

import harness

NET = """
model Net {
    input image: f32[N, 3, 8, 8]
    output y = image -> Conv2d(4, 3) as conv -> relu -> flatten -> Linear(5) as fc -> softmax
}
"""
PARAMETERS = {"conv.weight": [4, 3, 3, 3], "conv.bias": [4], "fc.weight": [5, 144], "fc.bias": [5]}


class Edits(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        net = self.write("net.nn", NET)
        self.text = self.striate("build", net).stdout
        numbers = random.Random(1)
        self.given = []
        for name, shape in {"image": [5, 3, 8, 8], **PARAMETERS}.items():
            count = 1
            for size in shape:
                count *= size
            harness.write_npy(self.path(f"{name}.npy"), shape, [numbers.uniform(-0.5, 0.5) for _ in range(count)])
            self.given += ["-i", f"{name}=@{name}.npy"]
        self.kernels, self.numbers = self.outcome(self.text)

    def outcome(self, text):
        """The kernels, and what they compute."""
        self.write("edited.sir", text)
        self.striate("opt", "edited.sir", "--passes=schedule", "-o", "kernels.sir")
        self.striate("run", "kernels.sir", *self.given, "-o", "y=@y.npy")
        with open(self.path("kernels.sir"), encoding="utf-8") as file:
            return file.read(), harness.read_npy(self.path("y.npy"))

    def edited(self, pattern, replacement):
        text = re.sub(pattern, replacement, self.text, flags=re.MULTILINE)
        self.assertNotEqual(text, self.text, pattern)
        return text

    def refused(self, pattern, replacement, passes="schedule"):
        self.write("edited.sir", self.edited(pattern, replacement))
        return self.striate("opt", "edited.sir", f"--passes={passes}", expect=3).stderr

    def test_what_is_obeyed(self):
        for pattern, replacement, shows in (
            (r"tile \[o: 4, j: 6\]", "tile [o: 2, j: 3]", r"axes lane: 16 lanes, o\.tile: 2, j\.tile: 3"),
            (r"(%softmax\.e : .*layout )\(d0/16, d1, d0%16\)", r"\1(d0, d1)", r"load softmax_e"),
            (r"(%conv\.weight : .*layout )\(d0, d1, d2, d3\)", r"\1(d3, d1, d2, d0)", r"%conv\.weight : .*\(d3, d1, d2, d0\)"),
            (r"(%softmax\.z : .* offset )\d+", r"\g<1>89472", r"memory softmax\.z: f32\[64\] at 89472"),
        ):
            kernels, numbers = self.outcome(self.edited(pattern, replacement))
            self.assertNotEqual(kernels, self.kernels, pattern)
            self.assertEqual(numbers, self.numbers, pattern)
            if "load" not in shows:
                self.assertRegex(kernels, shows)
        # The order of a sum is what its numbers are.
        kernels, numbers = self.outcome(self.edited(r"order \(c, r, s\)", "order (r, c, s)"))
        self.assertRegex(kernels, r"for r: 0\.\.3 {\n +for c: 0\.\.3 {")
        self.assertEqual(numbers[0], self.numbers[0])
        for got, expected in zip(numbers[1], self.numbers[1]):
            self.assertAlmostEqual(got, expected, delta=1e-6)

    def test_what_is_refused(self):
        tile = r"tile \[o: 4, j: 6\]"
        self.assertRegex(self.refused(tile, "tile [o: 28, j: 6]"), r"the region `conv\.conv2d` \(.*net\.nn:4:\d+\): .* is no tile that it can have")
        self.assertIn("`tile [q: 4]` is no tile of free variables", self.refused(tile, "tile [q: 4]"))
        self.assertIn("`fastest` is no tile of free variables", self.refused(tile, "fastest"))
        merged = self.refused(r'  region "softmax\.m" .*\n(  region "softmax\.e" {) %softmax\.e', r"\1 %softmax.m, %softmax.e")
        self.assertIn("`softmax.e` cannot be computed in one kernel with `softmax.m`", merged)
        self.assertIn("the decision `fc.linear + fc`, not fused, and the regions say different things",
                      self.refused(r'(  decide "schedule" "fc")', r'  decide "form_regions" "fc.linear + fc" -> "not fused" : "by hand"\n\1'))
        self.assertIn("its values have places in memory already", self.refused("5 times", "often", "plan_memory"))
        self.assertIn("its regions are formed already", self.refused("5 times", "often", "form_regions"))
        self.assertIn("`softmax.e` is stored across `fc`", self.refused(r"(%softmax\.e : .* offset )\d+", r"\g<1>52608"))

    def test_before_regions(self):
        grad = self.write("grad.sir", self.striate("build", "net.nn", "--emit=grad").stdout)
        ordered = self.striate("opt", grad, "--passes=inline_pointwise,pad_contractions,settle_persistents,expand_elementary,assign_orders").stdout
        self.assertIn('decide "assign_layouts" "Net" -> "batch-blocked"', ordered)
        laid = self.striate("opt", self.write("o.sir", ordered), "--passes=assign_layouts").stdout
        self.assertIn("layout (d0/16, ", laid)
        plain = self.write("p.sir", ordered.replace('"Net" -> "batch-blocked"', '"Net" -> "plain"'))
        self.assertNotIn("layout (d0/16, ", self.striate("opt", plain, "--passes=assign_layouts").stdout)
        by_hand = self.write("h.sir", ordered.replace("order (c, r, s)", "order (r, s, c)"))
        self.assertIn("order (r, s, c)", self.striate("opt", by_hand, "--passes=assign_orders").stdout)
        self.assertIn("its values have layouts already",
                      self.striate("opt", self.write("l.sir", laid), "--passes=assign_layouts", expect=3).stderr)


if __name__ == "__main__":
    harness.main()
