"""Values that the program cannot use: labels without a class, numbers that are not finite."""

import os
import struct

import harness

NET = """
model Net(classes: int = 4) {
    input image: f32[N, 1, 8, 8]
    output logits = image -> flatten -> Linear(5) as fc1 -> relu -> Linear(classes) as fc2
}
data pictures {
    split train = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    split test = idx("images-idx3-ubyte.gz", "other-labels-idx1-ubyte.gz")
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
train Net with pictures {
    loss = cross_entropy(logits, label)
    metric accuracy = top1(logits, label)
    optimizer = SGD(lr = 0.1)
    epochs = 2    batch = 16    seed = 1
}
"""

REALS = """
model Net() {
    input x: f32[N, 3]
    output y = x -> Linear(4) as hidden -> relu -> Linear(1) as out
}
data points {
    split train = idx("points", "targets")
    field x = column(0)
    field target = column(1) -> unsqueeze
}
train Net with points {
    loss = mse(y, target)
    optimizer = SGD(lr = 0.1)
    epochs = 3    batch = 4    seed = 1
}
"""


def write_reals(path, sizes, values):
    """An IDX file of f32."""
    with open(path, "wb") as file:
        file.write(struct.pack(f">BBBB{len(sizes)}I", 0, 0, 0x0D, len(sizes), *sizes))
        file.write(struct.pack(f">{len(values)}f", *values))


class Labels(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.pictures(self.path("data"))
        self.net = self.write("net.nn", NET)

    def labels(self, values):
        harness.write_idx(self.path("data", "other-labels-idx1-ubyte.gz"), [64], values)

    def test_a_label_without_a_class_stops_before_training(self):
        self.labels([0, 1, 2, 3, 3, 2, 12] + [0] * 57)
        error = self.striate("train", self.net, "--data", self.path("data"), "--run", self.path("run"), expect=3).stderr
        self.assertIn("net.nn:10:19: label 12 of example 6", error)
        self.assertIn("`other-labels-idx1-ubyte.gz`", error)
        self.assertIn("outside 0..3, the entries of `logits`", error)
        self.assertIn("net.nn:13:12", error)
        self.assertFalse(os.path.exists(self.path("run")))

    def test_eval_looks_at_its_split(self):
        self.labels([0, 1, 2, 3] * 16)
        train = ["train", self.net, "--data", self.path("data"), "--run", self.path("run")]
        self.striate(*train)
        self.labels([0] * 63 + [4])
        evaluate = ["eval", self.net, "--data", self.path("data"), "-w", self.path("run", "model.safetensors")]
        self.assertIn("label 4 of example 63", self.striate(*evaluate, expect=3).stderr)
        self.striate(*evaluate, "--split", "train")

    def test_more_classes_take_it(self):
        self.labels([0, 12] * 32)
        self.striate("train", self.net, "--data", self.path("data"), "--run", self.path("run"), "--param", "classes=13")


class NotFinite(harness.EndToEnd):
    def points(self, values):
        os.makedirs(self.path("data"), exist_ok=True)
        write_reals(self.path("data", "points"), [12, 3], values)
        write_reals(self.path("data", "targets"), [12], [1, 2, 3] * 4)
        return self.write("points.nn", REALS)

    def train(self, net, *arguments):
        result = self.striate("train", net, "--data", self.path("data"), "--run", self.path("run"), *arguments, expect=4)
        kept = [name for name in os.listdir(self.path("run")) if name.endswith(".safetensors")]
        self.assertEqual(kept, [], "nothing is saved")
        return result.stderr

    def test_a_learning_rate_too_high_names_the_layer(self):
        error = self.train(self.points([0.5, -1, 2] * 12), "--set", "optimizer.lr=1e30")
        self.assertRegex(error, r"the loss is not finite at step \d+ \(epoch 1\): first seen in `(hidden|out)` \(.*points.nn:4:\d+\)")
        self.assertIn("nothing was saved yet", error)

    def test_an_infinite_input_is_named_with_its_example(self):
        values = [0.5, -1, 2] * 12
        values[7 * 3 + 1] = float("inf")
        error = self.train(self.points(values))
        self.assertIn("first seen in the input `x`, example 7 of the data", error)
        self.assertNotIn("learning rate", error)


if __name__ == "__main__":
    harness.main()
