"""--opt-bisect-limit: passes beyond the limit are left out or decide nothing, all are named, and the numbers stay the same."""

import re

import harness

NET = """
op picture(x[N, 12]) -> y[N, 3, 2, 2] { y[n, c, i, j] = x[n, 4*c + 2*i + j] }
model Net() {
    input x: f32[N, 12]
    output y = x -> picture -> Conv2d(16, 2, padding = 1) as conv -> relu -> max_pool2d(2) -> flatten
             -> Linear(24) as fc1 -> tanh -> Linear(3) as fc2
}
data d {
    split train = csv("d.csv", label = -1)
    field x = column(0)
    field label = column(1)
}
train Net with d {
    loss = cross_entropy(y, label)
    optimizer = SGD(lr = 0.1, momentum = 0.9)
    epochs = 2    batch = 20
}
"""
PASSES = ["commute_monotone", "inline_pointwise", "pad_contractions", "assign_layouts", "form_regions"]


class Bisect(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.net = self.write("net.nn", NET)

    def build(self, limit, *more):
        return self.striate("build", self.net, "--opt-bisect-limit", str(limit), *more)

    def test_passes_are_counted_and_named(self):
        lines = re.findall(r"^pass (\d+): (\w+) on Net\.(\w+)(: beyond the limit)?$", self.build(2).stderr, re.MULTILINE)
        self.assertEqual([int(line[0]) for line in lines], list(range(1, len(lines) + 1)))
        self.assertEqual([line[1] for line in lines if line[2] == "step"], [*PASSES, "plan_memory"])
        self.assertEqual({line[2] for line in lines}, {"step", "eval", "init"})
        self.assertEqual([bool(line[3]) for line in lines], [False, False] + [True] * (len(lines) - 2))
        self.assertNotIn("beyond", self.build(-1).stderr)
        self.assertEqual(self.build(-1).stdout, self.striate("build", self.net).stdout)

    def test_what_is_beyond_decides_nothing(self):
        plain = self.build(0).stdout
        self.assertNotRegex(plain, r"region \"\S+\" \{ %\S+ %")
        self.assertNotRegex(plain, r"layout \(d0/16")
        self.assertIn('-> "plain" : "beyond the limit of passes"', plain)
        self.assertRegex(self.build(-1).stdout, r"layout \(d0/16")

    def test_the_numbers_stay(self):
        with open(self.path("d.csv"), "w", encoding="utf-8") as file:
            file.writelines(",".join(str((7 * k + 3 * j) % 11 / 11) for j in range(12)) + f",{k % 3}\n" for k in range(40))
        runs = set()
        for limit in (0, 1, 2, 3, 4, 5, 9, 14, -1):
            run = self.path(f"run{limit}")
            self.striate("train", self.net, "--run", run, "--opt-bisect-limit", str(limit))
            runs.add(harness.digest(self.path(run, "model.safetensors")))
        self.assertEqual(len(runs), 1)

    def test_of_text(self):
        self.striate("build", self.net, "--emit=grad", "--mode=infer", "-o", self.path("grad.sir"))
        result = self.striate("opt", self.path("grad.sir"), "--passes=commute_monotone,inline_pointwise", "--opt-bisect-limit=1")
        self.assertIn("pass 2: inline_pointwise on Net.eval: beyond the limit", result.stderr)


if __name__ == "__main__":
    harness.main()
