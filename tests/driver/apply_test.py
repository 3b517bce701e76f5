"""`striate run`: inputs as the data has them, outputs printed or written."""

import os
import struct

import harness

NET = """
model Net() {
    input image: f32[N, 1, 8, 8]
    output logits = image -> flatten -> Linear(4) as fc
    output doubled = logits + logits
}
data pictures {
    split train = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
train Net with pictures {
    loss = cross_entropy(logits, label)
    optimizer = SGD(lr = 0.1)
    epochs = 20    batch = 16    seed = 1
}
"""


def read_npy(path):
    """The shape and the values of an npy file of float32."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<H", content[8:10])
    header = content[10 : 10 + length].decode()
    shape = tuple(int(size) for size in header.split("'shape': (")[1].split(")")[0].split(",") if size.strip())
    return shape, struct.unpack(f"<{(len(content) - 10 - length) // 4}f", content[10 + length :])


class Apply(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.pictures(self.path("data"))
        self.net = self.write("net.nn", NET)
        self.striate("train", self.net, "--data", self.path("data"), "--run", self.path("run"))

    def apply(self, *arguments, expect=0):
        command = ["run", self.net, "--data", self.path("data"), "--weights", self.path("run", "model.safetensors")]
        return self.striate(*command, *arguments, expect=expect)

    def array(self, name, shape, values):
        harness.write_npy(self.path(name), shape, values)
        return f"image=@{self.path(name)}"

    def bright_row(self, row):
        return [255.0 if at // 8 == row else 10.0 for at in range(64)]

    def test_whole_numbers_stand_for_bytes(self):
        for shape in ([64], [8, 8], [1, 8, 8], [1, 1, 8, 8]):
            with self.subTest(shape=shape):
                self.assertIn("logits class 2 ", self.apply("--input", self.array("x.npy", shape, self.bright_row(4))).stdout)

    def test_several_examples(self):
        values = self.bright_row(0) + self.bright_row(6) + self.bright_row(2)
        for shape in ([3, 64], [3, 8, 8], [3, 1, 8, 8]):
            with self.subTest(shape=shape):
                lines = self.apply("--input", self.array("x.npy", shape, values)).stdout.split("\n")
                classes = [line.split()[2] for line in lines if line.startswith("logits")]
                self.assertEqual(classes, ["0", "3", "1"])

    def test_transformed_values_are_refused_with_the_transformation(self):
        error = self.apply("--input", self.array("x.npy", [8, 8], [0.5] * 64), expect=3).stderr
        self.assertIn("`image` takes whole numbers from 0 to 255", error)
        self.assertIn("x.npy holds 0.5", error)
        self.assertIn("to_real(1/255)", error)
        self.assertIn("net.nn:9:5", error)
        self.apply("--input", self.array("x.npy", [8, 8], [256.0] * 64), expect=3)
        self.apply("--input", "image=-1", expect=3)
        self.apply("--input", "image=7")

    def test_shapes_that_do_not_fit(self):
        for shape in ([8, 9], [3, 7, 8], [2, 4, 8], [0, 8, 8]):
            with self.subTest(shape=shape):
                size = 1
                for extent in shape:
                    size *= extent
                error = self.apply("--input", self.array("x.npy", shape, [0.0] * size), expect=3).stderr
                self.assertIn("`image` takes", error)

    def test_outputs_go_to_files(self):
        count = 150  # more than one run's batch
        values = [value for k in range(count) for value in self.bright_row(2 * (k % 4))]
        image = self.array("x.npy", [count, 8, 8], values)
        printed = self.apply("--input", image, "--output", f"doubled=@{self.path('d.npy')}").stdout
        self.assertIn("logits", printed)
        self.assertNotIn("doubled", printed)
        self.assertEqual("", self.apply("--input", image, "-o", f"doubled=@{self.path('d.npy')}", "-o", f"logits=@{self.path('l.npy')}").stdout)
        (shape, doubled), (_, logits) = read_npy(self.path("d.npy")), read_npy(self.path("l.npy"))
        self.assertEqual(shape, (count, 4))
        self.assertEqual(doubled, tuple(2 * value for value in logits))
        for k in range(count):
            row = logits[4 * k : 4 * k + 4]
            self.assertEqual(row.index(max(row)), k % 4)

    def test_wrong_names(self):
        self.assertIn("did you mean `image`?", self.apply("--input", "imag=1", expect=2).stderr)
        self.assertIn("did you mean `logits`?", self.apply("--input", "image=1", "--output", "logit=@x", expect=2).stderr)
        self.assertIn("--output takes", self.apply("--input", "image=1", "--output", "logits=x.npy", expect=2).stderr)
        self.assertIn("`nothing`", self.apply("--input", "image=nothing", expect=2).stderr)

    def test_the_data_is_not_needed(self):
        os.rename(self.path("data"), self.path("gone"))
        image = self.array("x.npy", [8, 8], self.bright_row(6))
        weights = self.path("run", "model.safetensors")
        self.assertIn("class 3", self.striate("run", self.net, "--weights", weights, "--input", image).stdout)


if __name__ == "__main__":
    harness.main()
