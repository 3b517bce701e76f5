"""Random changes of training pictures belong to the epoch and the picture, not to the batch or the process."""

import harness

PROGRAM = """
op mark(x[N, 1, H, W]) -> y[N] { y[n] = sum(i: H, j: W) x[n, 0, i, j] * (i * W + j) }
op weight(x[N, a..]) -> y[N] { y[n] = sum(a..) x[n, a..] }
model Net {
    input image: f32[N, 1, 8, 8]
    output logits = image -> flatten -> Linear(4) as fc
}
data pictures {
    split train, val = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz") -> divide(100, 28)
    field image = column(0) -> when training { CHANGE } -> to_real
    field label = column(1)
}
train Net with pictures {
    loss = cross_entropy(logits, label)
    metric mark = mark(image)
    metric weight = weight(image)
    optimizer = SGD(lr = 1e-6)
    epochs = 2    batch = 16    seed = 1
}
"""


class Augmentation(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.pictures(self.path("data"), examples=128)
        # Sums of whole numbers: exact in any order.
        self.program = self.write("net.nn", PROGRAM.replace("CHANGE", "random_crop(8, padding = 2) -> random_flip"))

    def train(self, run, *settings, program=None):
        arguments = [argument for setting in settings for argument in ("--set", setting)]
        self.striate("train", program or self.program, "--data", self.path("data"), "--run", self.path(run), *arguments)
        return self.marks(run)

    def marks(self, run):
        """Per split, what the pictures of each epoch weigh."""
        marks = {}
        for line in harness.metrics(self.path(run)):
            if line["name"] in ("mark", "weight") and line["split"] in ("train", "val"):
                marks.setdefault((line["split"], line["name"]), []).append(line["value"])
        return marks

    def test_pictures_do_not_depend_on_the_batch(self):
        small = self.train("small")
        self.assertEqual(small, self.train("large", "train.batch=64"))
        self.assertEqual(small, self.train("odd", "train.batch=7"))

    def test_each_epoch_has_pictures_of_its_own(self):
        marks = self.train("run", "train.epochs=3")
        for name in ("mark", "weight"):
            self.assertEqual(len(set(marks["train", name])), 3, marks)
            self.assertEqual(len(set(marks["val", name])), 1, "evaluation sees changed pictures")

    def test_another_seed_has_other_pictures(self):
        other = self.train("other", "train.seed=2")
        self.assertNotEqual(self.train("one")["train", "mark"], other["train", "mark"])

    def test_a_resumed_run_goes_on_with_the_same_pictures(self):
        whole = self.train("whole", "train.epochs=3")
        self.train("parts", "train.epochs=1")
        self.striate("train", self.program, "--data", self.path("data"), "--run", self.path("parts"), "--resume",
                     "--set", "train.epochs=3")
        self.assertEqual(whole, self.marks("parts"))
        self.assertEqual(harness.digest(self.path("whole", "model.safetensors")),
                         harness.digest(self.path("parts", "model.safetensors")))

    def test_two_draws_differ(self):
        twice = self.write("twice.nn", PROGRAM.replace("CHANGE", "random_flip -> random_flip"))
        once = self.write("once.nn", PROGRAM.replace("CHANGE", "random_flip"))
        plain = self.write("plain.nn", PROGRAM.replace("-> when training { CHANGE } ", ""))
        marks = [self.train(name, "train.epochs=1", program=file)["train", "mark"][0]
                 for name, file in (("twice", twice), ("once", once), ("plain", plain))]
        self.assertEqual(len(set(marks)), 3, marks)


if __name__ == "__main__":
    harness.main()
