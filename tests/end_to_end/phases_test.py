"""What a training is made of beside one loss and one optimizer: phases, weights that are loaded, gradients that are
clipped, batches in parts; and the settings as they are resolved."""

import csv
import gzip
import math
import os
import shutil
import struct

import harness

DIGITS = os.path.join(harness.MODELS, "data", "digits.csv.gz")

STACK = """
op mask(x[..]; p: real) -> y[..] { y[..] = select(random(..) < p, 0, x[..]) }
layer Stage(units: int) (x[N, C]) {
    layer enc = Linear(units)
    seen = when training { mask(x, 0.2) } else { x }
    return sigmoid(enc(x)), mse(sigmoid(enc(seen)) -> Linear(C) as dec, x)
}
model Stack(units: int = 16) {
    input image: f32[N, 64]
    code1, error1 = image -> Stage(units) as layer1
    code2, error2 = code1 -> Stage(8) as layer2
    output error1, error2
    output logits = code2 -> BatchNorm1d as norm -> Linear(10) as head
}
data digits {
    split train, val, test = csv("digits.csv", label = -1) -> divide(200, 60, 40)
    field image = column(0) -> to_real(1/16)
    field label = column(1)
}
train Stack with digits {
    epochs = 2    batch = 64    seed = 3
    checkpoint(keep = 100)
    repeat i in 1..3 {
        phase pretrain{i} {
            loss = error{i}
            optimizer layer{i} = Adam(lr = 0.01)
        }
    }
    phase classify {
        loss = cross_entropy(logits, label)
        metric accuracy = top1(logits, label)
        optimizer = SGD(lr = 0.1 -> cosine_decay, momentum = 0.9)
        epochs = 3
        checkpoint(best = val.accuracy)
    }
}
"""

NET = """
model Net(classes: int = 10) {
    input image: f32[N, 64]
    features = image -> Linear(32) as backbone.fc1 -> relu -> Linear(16) as backbone.fc2 -> relu
    output logits = features -> Linear(classes) as head
}
data digits {
    split train, test = csv("%s", label = -1) -> divide(%d, %d)
    field image = column(0) -> to_real(1/16)
    field label = column(1)
}
train Net%s with digits {
    loss = cross_entropy(logits, label)
    metric accuracy = top1(logits, label)
    %s
}
"""


def numbers(path):
    """The tensors of a weight file as lists of numbers."""
    return {
        name: struct.unpack(f"<{len(data) // 4}f", data) for name, (_, _, data) in harness.read_safetensors(path).items()
    }


class Phases(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        with gzip.open(DIGITS, "rt", encoding="utf-8") as file:
            self.digits = [row for row in csv.reader(file)]

    def rows(self, name, rows):
        harness.write_csv(self.path(name), rows)

    def train(self, program, run, *arguments, **extra):
        self.striate("train", program, "--run", self.path(run), "--threads", "1", "--progress", "plain", *arguments, **extra)
        return self.path(run, "model.safetensors")

    def log(self, run):
        return [{k: v for k, v in line.items() if k != "time"} for line in harness.metrics(self.path(run))]

    def test_a_run_resumes_in_each_phase_to_the_bit(self):
        self.rows("digits.csv", self.digits[:300])
        program = self.write("stack.nn", STACK)
        self.train(program, "whole")
        phases = [line["phase"] for line in self.log("whole")]
        self.assertEqual(list(dict.fromkeys(phases)), ["pretrain1", "pretrain2", "classify"])
        saved = sorted(name for name in os.listdir(self.path("whole")) if name.startswith("checkpoint"))
        self.assertEqual(len(saved), 7)
        for count in range(1, len(saved) + 1):
            shutil.copytree(self.path("whole"), self.path("cut"))
            for name in saved[count:] + ["model.safetensors"]:
                os.remove(self.path("cut", name))
            self.train(program, "cut", "--resume")
            self.assertEqual(harness.digest(self.path("whole", "model.safetensors")), harness.digest(self.path("cut", "model.safetensors")))
            self.assertEqual(self.log("whole"), self.log("cut"))
            shutil.rmtree(self.path("cut"))

    def test_a_phase_trains_what_its_optimizer_names(self):
        self.rows("digits.csv", self.digits[:300])
        program = self.write("stack.nn", STACK)
        self.train(program, "run")
        saved = sorted(name for name in os.listdir(self.path("run")) if name.startswith("checkpoint"))
        first, second, third = (numbers(self.path("run", saved[k])) for k in (1, 3, 6))
        changed = lambda a, b: {name for name in a if "/" not in name and a[name] != b[name]}
        self.assertEqual(changed(first, second), {f"layer2.{l}.{p}" for l in ("enc", "dec") for p in ("weight", "bias")})
        self.assertEqual({name for name in changed(second, third) if ".dec." in name}, set())
        self.assertEqual({name.split("/")[0] for name in second if "/" in name}, changed(first, second), "optimizer states")

    def test_what_was_learnt_is_loaded_into_another_net(self):
        self.rows("digits.csv", self.digits)
        source = self.write("source.nn", NET % ("digits.csv", 1400, 397, "", "optimizer = Adam(lr = 0.005); epochs = 6"))
        weights = self.train(source, "source")
        # Odd or even, from few examples; the features stay as they are.
        self.rows("parity.csv", [row[:-1] + [int(row[-1]) % 2] for row in self.digits[1400:1440] + self.digits[:357]])
        settings = "freeze backbone; optimizer = Adam(lr = 0.02); epochs = 40"
        load = f'load "{os.path.relpath(weights, self.scratch)}" into backbone except head; '
        accuracy = {}
        for name, text in (("loaded", load + settings), ("random", settings)):
            program = self.write(f"{name}.nn", NET % ("parity.csv", 40, 357, "(classes = 2)", text))
            self.train(program, name)
            accuracy[name] = [m["value"] for m in self.log(name) if (m["split"], m["name"]) == ("test", "accuracy")][-1]
        self.assertGreater(accuracy["loaded"], accuracy["random"] + 0.05, accuracy)
        before, after = numbers(weights), numbers(self.path("loaded", "model.safetensors"))
        for name in ("backbone.fc1.weight", "backbone.fc2.bias"):
            self.assertEqual(before[name], after[name])

    def test_weights_that_do_not_fit_are_refused_before_the_first_step(self):
        self.rows("digits.csv", self.digits[:300])
        weights = self.path("w.safetensors")
        harness.write_safetensors(weights, {"head.weight": ([2, 16], [0] * 32), "extra": ([1], [0])})
        text = 'load "w.safetensors" into head; optimizer = SGD(lr = 1)'
        program = self.write("net.nn", NET % ("digits.csv", 200, 100, "", text))
        told = self.striate("train", program, "--run", self.path("run"), expect=3).stderr
        self.assertRegex(told, r"net\.nn:\d+:\d+: `[^`]*w\.safetensors` does not fit: it lacks `head\.bias`; "
                               r"other types or shapes: `head\.weight` is f32\[2,16\] instead of f32\[10,16\]; "
                               r"it holds more: `extra`")
        self.assertFalse(os.path.exists(self.path("run", "model.safetensors")))

    def test_a_batch_in_parts_gives_the_same_update(self):
        self.rows("digits.csv", self.digits[:300])
        text = "optimizer = Adam(lr = 0.01); gradient = clip_norm(0.5); epochs = 3; batch = 64"
        program = self.write("net.nn", NET % ("digits.csv", 250, 50, "", text))  # the last batch of an epoch has 58
        whole = numbers(self.train(program, "whole"))
        for parts in (2, 3, 64):
            divided = numbers(self.train(program, f"parts{parts}", "--set", f"train.accumulate={parts}"))
            for name, values in whole.items():
                self.assertLess(max(abs(a - b) for a, b in zip(values, divided[name])), 1e-4, (parts, name))

    def test_gradients_are_clipped_together(self):
        self.rows("digits.csv", self.digits[:300])
        text = "optimizer = SGD(lr = 1); gradient = %s; batch = 300"
        moved = {}
        for change in ("clip_norm(0.125)", "clip_norm(1000)", "clip_value(0.001)"):
            program = self.write("net.nn", NET % ("digits.csv", 250, 50, "", text % change))
            after = numbers(self.train(program, "run", "--force"))
            before = numbers(self.train(program, "run", "--force", "--set", "train.lr=0"))
            moved[change] = [a - b for name in before for a, b in zip(before[name], after[name])]
        norm = lambda values: math.sqrt(sum(value * value for value in values))
        self.assertAlmostEqual(norm(moved["clip_norm(0.125)"]), 0.125, places=4)
        self.assertGreater(norm(moved["clip_norm(1000)"]), 0.15, "the gradient is longer than that")
        self.assertAlmostEqual(max(map(abs, moved["clip_value(0.001)"])), 0.001, places=6)

    def test_settings_are_printed_as_they_are_resolved(self):
        self.rows("digits.csv", self.digits[:300])
        program = self.write("stack.nn", STACK)
        result = self.striate("train", program, "--print-config", "--set", "train.pretrain2.layer2.lr=0.5",
                              "--set", "train.batch=32", "--param", "units=12")
        self.assertFalse(os.path.exists(self.path("runs")))
        lines = result.stdout.splitlines()
        for line in (
            "model = Stack", "model.units = 12", "data = digits", "data.train.examples = 200",
            'data.val = csv("digits.csv", label = -1) -> divide(200, 60, 40)', "train.seed = 3",
            "train.pretrain1.loss = error1", "train.pretrain1.optimizer layer1 = Adam", "train.pretrain1.layer1.lr = 0.01",
            "train.pretrain2.layer2.lr = 0.5", "train.pretrain2.layer2.betas = [0.9, 0.999]", "train.pretrain2.epochs = 2",
            "train.classify.metric accuracy = top1(logits, label)", "train.classify.lr = 0.1 -> cosine_decay",
            "train.classify.nesterov = false", "train.classify.batch = 32", "train.classify.epochs = 3",
            "train.classify.accumulate = 1", "train.classify.checkpoint.keep = 100", "train.classify.checkpoint.best = val.accuracy",
        ):
            self.assertIn(line, lines)


if __name__ == "__main__":
    harness.main()
