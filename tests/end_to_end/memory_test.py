"""--mem: what a training needs is known before it begins, and kept to: the same bits with less memory, or a refusal that
says what would do. And what is predicted is what the process takes."""

import json
import os
import re

import harness

NET = """
model Net {
    input image: f32[N, 1, 32, 32]
    a = image -> Conv2d(32, 3, padding = 1) as conv1 -> %srelu
    b = a -> Conv2d(32, 3, padding = 1) as conv2 -> relu -> Dropout(0.5)
    c = b + a -> Conv2d(32, 3, padding = 1) as conv3 -> relu -> max_pool2d(2)
    output logits = c -> flatten -> Linear(4) as fc
}
data pictures {
    split train = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
train Net with pictures {
    loss = cross_entropy(logits, label)
    metric accuracy = top1(logits, label)
    optimizer = SGD(lr = 0.05, momentum = 0.9)
    epochs = 2    batch = 32    seed = 3
}
"""


class Memory(harness.EndToEnd):
    def net(self, norm=""):
        self.pictures(self.path(), size=32)
        return self.write("net.nn", NET % norm)

    def arena(self, net, *arguments):
        text = self.striate("build", net, "--emit=regions", *arguments).stdout
        return int(re.search(r"^  arena (\d+)$", text, re.MULTILINE).group(1))

    def train(self, net, run, *arguments):
        self.striate("train", net, "--progress=none", "--run", self.path(run), *arguments)
        return harness.digest(self.path(run, "model.safetensors"))

    def test_less_memory_and_the_same_bits(self):
        net = self.net("BatchNorm2d as norm -> ")
        whole = self.arena(net)
        limit = f"--mem={whole * 7 // 10}"
        self.assertLessEqual(self.arena(net, limit), whole * 7 // 10)
        self.assertEqual(self.train(net, "less", limit), self.train(net, "whole"))
        why = self.striate("why", net, "recompute", limit).stdout
        self.assertIn("computed again", why)
        self.assertNotIn("recompute", self.striate("build", net).stdout)
        page = self.path("page.html")
        self.striate("build", net, limit, "--emit=html", "-o", page)
        with open(page, encoding="utf-8") as file:
            self.assertIn("computed again", file.read())

    def test_trained_models_too(self):
        net = self.net()
        self.train(net, "run")
        weights = self.path("run", "model.safetensors")
        self.striate("eval", net, "-w", weights, "--split=train", "--mem=100MB")
        refused = self.striate("eval", net, "-w", weights, "--split=train", "--mem=1MB", expect=5).stderr
        self.assertIn("error[E0504]: `eval` of 32 examples needs ", refused)

    def test_refused_before_anything_runs(self):
        net = self.net()
        refused = self.striate("train", net, "--mem=4MB", "--run", self.path("run"), expect=5).stderr
        self.assertFalse(os.path.exists(self.path("run")))
        self.assertRegex(refused, r"error\[E0504\]: `step` of 32 examples needs [\d.]+ MB of memory, and 4\.0 MB are allowed")
        self.assertRegex(refused, r"\n *=? *[\d.]+ MB  .*net\.nn:\d+: ")  # the table
        # What it says would do does, and no less.
        least = int(re.search(r"`--mem=(\d+)`", refused).group(1))
        self.assertLessEqual(self.arena(net, f"--mem={least}"), least)
        self.striate("build", net, f"--mem={least - 1}", expect=5)
        fits = int(re.search(r"(\d+) examples at a time would fit", refused).group(1))
        self.striate("build", net, "--mem=4MB", f"--set=train.batch={fits}")
        self.striate("build", net, "--mem=4MB", f"--set=train.batch={fits + 1}", expect=5)
        parts = int(re.search(r"`--set train.accumulate=(\d+)`", refused).group(1))
        self.train(net, "parts", "--mem=4MB", f"--set=train.accumulate={parts}")

    def test_a_batch_that_cannot_be_divided(self):
        refused = self.striate("build", self.net("BatchNorm2d as norm -> "), "--mem=4MB", expect=5).stderr
        self.assertIn("dividing the batch by `accumulate` would change what", refused)
        self.assertNotIn("--set train.accumulate", refused)

    def test_not_even_the_weights(self):
        refused = self.striate("summary", self.net(), "--mem=1kB", expect=5).stderr
        self.assertIn("no smaller batch was found that fits", refused)

    def test_what_is_no_amount(self):
        refused = self.striate("build", self.net(), "--mem=much", expect=2).stderr
        self.assertIn("`much` is no amount of memory", refused)
        grad = self.write("grad.sir", self.striate("build", self.net(), "--emit=grad").stdout)
        passes = "--passes=inline_pointwise,expand_elementary,assign_orders,assign_layouts,recompute"
        self.assertIn("recompute needs a limit of memory", self.striate("opt", grad, passes, expect=3).stderr)
        again = self.striate("opt", grad, passes, "--batch=32", "--mem=5MB").stdout
        self.assertRegex(again, r"@[^ ]+ again ")

    def test_the_prediction_is_what_the_process_takes(self):
        if harness.is_sanitized():
            self.skipTest("the sanitizer takes memory of its own")
        report = self.path("report.json")
        self.striate("bench", self.net(), "--batch=512", "--iterations=1", f"--json={report}")
        with open(report, encoding="utf-8") as file:
            content = json.load(file)
        process = content["process"]
        self.assertGreater(content["arena_bytes"], 2e8)
        self.assertLess(abs(process["peak_bytes"] / process["predicted_bytes"] - 1), 0.02, process)


if __name__ == "__main__":
    harness.main()
