"""Every reader, from small files made here to a trained model, its evaluation and its application."""

import os
import random
import shutil
import struct
import zipfile
import zlib

import harness

TRAIN = """
train {subject} with things {{
    loss = {loss}
    optimizer = SGD(lr = {lr})
    epochs = {epochs}    batch = 8    seed = 1
}}
"""


def write_png(path, height, width, pixel):
    """An RGB picture; pixel(row, column) gives its three colours."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(
        b"\0" + bytes(colour for column in range(width) for colour in pixel(row, column)) for row in range(height)
    )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def npy(shape, kind, values):
    """The bytes of an npy file; kind is `<f8` or `<i8`."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header = header.ljust(117) + "\n"
    code = {"<f8": "d", "<i8": "q"}[kind]
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}{code}", *values)


class Readers(harness.EndToEnd):
    def fit(self, data, model, loss="cross_entropy(y, label)", subject="Net", lr=0.1, epochs=20):
        """Trains; returns what was printed, split and metric -> value, and the command's stderr."""
        self.net = self.write("net.nn", model + data + TRAIN.format(loss=loss, subject=subject, lr=lr, epochs=epochs))
        result = self.striate("train", self.net, "--run", self.path("run"), "--force")
        lines = [line.split() for line in result.stdout.splitlines() if not line.startswith("weights")]
        return {(split, name): float(value) for split, name, value, *_ in lines}, result.stderr

    def apply(self, *arguments, expect=0):
        weights = self.path("run", "model.safetensors")
        return self.striate("run", self.net, "--weights", weights, *arguments, expect=expect)

    def evaluate(self, split="test", expect=0):
        return self.striate("eval", self.net, "--weights", self.path("run", "model.safetensors"), "--split", split, expect=expect)

    def test_csv_with_words_and_blanks(self):
        numbers = random.Random(1)

        def rows(count):
            for _ in range(count):
                word, size = numbers.choice(["hill", "sea side", 'the "bay"']), numbers.random()
                yield ["" if numbers.random() < 0.1 else f"{size:.3f}", "ignored", word, "warm" if word == "sea side" else "cold"]

        head = ["size", "notes", "place", "climate"]
        harness.write_csv(self.path("train.csv"), [head, *rows(100)])
        harness.write_csv(self.path("test.csv"), [head, *rows(20)])
        reader = 'csv("{}", label = "climate", blank = "mean", words = true)'
        data = f"""
data things {{
    split train = {reader.format("train.csv")}
    split test = {reader.format("test.csv")}
    field x = columns("place", "size")
    field code = codes("place")
    field label = column(1)
}}
"""
        model = "model Net(classes: int = 9) { input x: f32[N, 4]; output y = x -> Linear(classes) as fc }"
        values, _ = self.fit(data, model, subject="Net(classes = classes)", lr=1)
        self.assertLess(values["test", "loss"], 0.2)
        # What the training file settled is kept with the weights: it need not be there any more.
        os.remove(self.path("train.csv"))
        self.assertIn("loss", self.evaluate().stdout)
        harness.write_npy(self.path("x.npy"), [4], [0, 1, 0, 0.5])
        self.assertIn("y class 1 (warm) ", self.apply("--input", f"x=@{self.path('x.npy')}").stdout)
        with open(self.path("test.csv"), "a", encoding="utf-8") as file:
            file.write("0.5,,hill,mild\n")
        self.assertIn("the label `mild`", self.evaluate(expect=3).stderr)

    def test_cifar_in_several_files(self):
        numbers = random.Random(2)
        for name in ("1.bin", "2.bin", "test.bin"):
            with open(self.path(name), "wb") as file:
                for _ in range(16):
                    label = numbers.randrange(2)
                    file.write(bytes([label]) + bytes([200 if label else 20]) * 1024 + numbers.randbytes(2048))
        data = """
data things {
    split train = cifar("1.bin", "2.bin")
    split test = cifar("test.bin")
    field x = column(0) -> to_real(1/255)
    field label = column(1)
}
"""
        model = "model Net(classes: int = 9) { input x: f32[N, 3, 32, 32]; output y = x -> flatten -> Linear(classes) as fc }"
        values, _ = self.fit(data, model, subject="Net(classes = classes)", lr=0.01)
        self.assertLess(values["test", "loss"], 0.1)
        with open(self.path("test.bin"), "ab") as file:
            file.write(b"\1")
        self.assertIn("not whole records", self.evaluate(expect=3).stderr)

    def test_arrays(self):
        xs = [[k % 7 / 7, k % 3 / 3] for k in range(48)]
        x = npy([48, 2], "<f8", [value for row in xs for value in row])
        label = npy([48], "<i8", [int(row[0] > row[1]) for row in xs])
        for name, content in (("x.npy", x), ("y.npy", label)):
            with open(self.path(name), "wb") as file:
                file.write(content)
        with zipfile.ZipFile(self.path("f.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", x)
            archive.writestr("label.npy", label)
        model = "model Net { input x: f32[N, 2]; output y = x -> Linear(2) as fc }"
        found = []
        for reader in ('npy("x.npy", "y.npy")', 'npz("f.npz", "x", "label")'):
            data = f"""
data things {{
    split train, val = {reader} -> divide(0.75, 0.25)
    field x = column(0)
    field label = column(1)
}}
"""
            found.append(self.fit(data, model, lr=1)[0])
        self.assertEqual(found[0], found[1])
        self.assertLess(found[0]["train", "loss"], 0.4)

    def pictures_of(self, folder, count, seed):
        numbers = random.Random(seed)
        for kind, strong in (("rot", 0), ("grün", 1), ("blau", 2)):
            for k in range(count):
                height, width = numbers.randrange(12, 30), numbers.randrange(12, 30)
                colour = [numbers.randrange(200, 256) if channel == strong else numbers.randrange(60) for channel in range(3)]
                write_png(self.path(folder, kind, f"Bild {k}.png"), height, width, lambda row, column, c=colour: c)

    IMAGES = """
data things {
    split train = images("train", size = 8EXTRA)
    split test = images("test", size = 8)
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
"""
    IMAGE_NET = """
model Net(classes: int = 9) { input image: f32[N, 3, 8, 8]; output y = image -> flatten -> Linear(classes) as fc }
"""

    def test_image_folders(self):
        self.pictures_of("train", 12, 1)
        self.pictures_of("test", 4, 2)
        data = self.IMAGES.replace("EXTRA", "")
        values, _ = self.fit(data, self.IMAGE_NET, subject="Net(classes = classes)", lr=0.05)
        self.assertLess(values["test", "loss"], 0.2)
        shutil.rmtree(self.path("train"))
        picture = self.path("ein grünes.png")
        write_png(picture, 40, 20, lambda row, column: (10, 240, 10))
        self.assertIn("y class 1 (grün) ", self.apply("--input", f"image=@{picture}").stdout)
        self.assertIn("y class 1 (grün) ", self.apply("--input", "image=@" + self.path("test", "grün", "Bild 1.png")).stdout)
        # The pipeline of `run` is the one of `eval`: the same picture gives the same logits.
        self.apply("--input", f"image=@{picture}", "--output", f"y=@{self.path('a.npy')}")
        write_png(picture, 8, 8, lambda row, column: (10, 240, 10))
        self.apply("--input", f"image=@{picture}", "--output", f"y=@{self.path('b.npy')}")
        with open(self.path("a.npy"), "rb") as a, open(self.path("b.npy"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        with open(picture, "wb") as file:
            file.write(b"\xff\xd8\xff")
        self.assertIn("is a damaged JPEG file", self.apply("--input", f"image=@{picture}", expect=3).stderr)

    def test_broken_pictures(self):
        self.pictures_of("train", 4, 1)
        self.pictures_of("test", 2, 2)
        broken = self.path("train", "rot", "Bild 2.png")
        with open(broken, "rb") as file:
            content = file.read()
        with open(broken, "wb") as file:
            file.write(content[:50])
        text = self.IMAGE_NET + self.IMAGES.replace("EXTRA", "") + TRAIN.format(
            loss="cross_entropy(y, label)", subject="Net(classes = classes)", lr=0.1, epochs=1
        )
        result = self.striate("train", self.write("net.nn", text), "--run", self.path("run"), expect=3)
        self.assertIn(broken, result.stderr)
        _, errors = self.fit(self.IMAGES.replace("EXTRA", ", skip_broken = true"), self.IMAGE_NET, subject="Net(classes = classes)")
        self.assertIn(f"warning: left out: `{broken}`", errors)

    def test_the_bits_do_not_depend_on_threads(self):
        self.pictures_of("train", 12, 3)
        self.pictures_of("test", 1, 2)
        text = self.IMAGE_NET + self.IMAGES.replace("EXTRA", "") + TRAIN.format(
            loss="cross_entropy(y, label)", subject="Net(classes = classes)", lr=0.1, epochs=3
        )
        net = self.write("net.nn", text)
        digests = set()
        for threads in (1, 2, 3):
            self.striate("train", net, "--run", self.path(f"run{threads}"), "-j", str(threads))
            digests.add(harness.digest(self.path(f"run{threads}", "model.safetensors")))
        self.assertEqual(len(digests), 1)

    def test_text_in_windows(self):
        self.write("book.txt", "ab€ " * 200)
        data = """
data things {
    split train, val = text("book.txt", window = 8) -> divide(0.9, 0.1)
    field x = column(0)
    field next = column(1)
}
op one_hot_windows(x: int[N, T]; vocabulary: int) -> y[N, T, vocabulary] { y[n, t, v] = select(v == x[n, t], 1, 0) }
op window_loss(x[N, T, V], label: int[N, T]) -> y[N] {
    z[n, t] = sum(v) exp(x[n, t, v])
    r[n, t] = sum(v) select(v == label[n, t], x[n, t, v], 0)
    y[n]    = (sum(t) (log(z[n, t]) - r[n, t])) / T
}
"""
        model = """
model Net(vocabulary: int = 9) {
    input x: f32[N, 8]
    output y = x -> one_hot_windows(vocabulary = vocabulary) -> Linear(vocabulary) as fc
}
""".replace("input x: f32[N, 8]", "input x: i32[N, 8]")
        values, _ = self.fit(data, model, loss="window_loss(y, next)", subject="Net(vocabulary = vocabulary)", lr=5)
        self.assertLess(values["val", "loss"], 0.1)
        self.assertEqual(harness.read_safetensors(self.path("run", "model.safetensors"))["fc.weight"][1], [4, 4])
        self.write("book.txt", "xyz" * 200)
        self.assertIn("the character `x` does not occur in the training text", self.evaluate("val", expect=3).stderr)

    def test_without_the_data_a_program_can_be_checked(self):
        for reader in ('images("train", size = 8)', 'csv("none.csv", label = 0)', 'npy("x", "y")'):
            with self.subTest(reader=reader):
                text = self.IMAGE_NET + f"data things {{ split train = {reader}; field image = column(0); field label = column(1) }}"
                text += TRAIN.format(loss="cross_entropy(y, label)", subject="Net(classes = classes)", lr=0.1, epochs=1)
                net = self.write("net.nn", text)
                self.striate("check", net)
                self.assertIn("net.nn:3:", self.striate("train", net, "--run", self.path("run"), expect=3).stderr)


if __name__ == "__main__":
    harness.main()
