"""striate new: each program it writes is right, laid out, and trains as it is or once its data is there."""

import os
import random
import struct
import zlib

import harness

TEMPLATES = ("digits", "images", "csv", "text")


def write_png(path, color, size=40):
    row = b"\0" + bytes(color) * size
    content = zlib.compress(row * size)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", content) + chunk(b"IEND", b""))


class New(harness.EndToEnd):
    def made(self, name, template):
        self.striate("new", name, "--template", template)
        return self.path(name, f"{name}.nn")

    def trained(self, program):
        run = self.path("run")
        self.striate("train", program, "--set", "train.epochs=3", "--run", run)
        return os.path.join(run, "model.safetensors")

    def test_each_program_is_right_and_laid_out(self):
        for template in TEMPLATES:
            program = self.made(f"my-{template}", template)
            result = self.striate("check", program, "--deny", "warnings")
            self.assertEqual(result.stdout + result.stderr, "")
            self.striate("fmt", "--check", program)
            with open(program, encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(text.startswith(f"# my-{template}: "))
            self.assertIn(f"striate train my-{template}.nn", text)
            self.assertNotIn("@NAME@", text)

    def test_the_usual_one_trains_at_once(self):
        result = self.striate("new", "hello")
        self.assertEqual(result.stdout, "hello/hello.nn\nhello/digits.csv.gz\n")
        with open(self.path("hello", "digits.csv.gz"), "rb") as file, open(
            os.path.join(harness.MODELS, "data", "digits.csv.gz"), "rb"
        ) as bundled:
            self.assertEqual(file.read(), bundled.read())
        weights = self.trained(self.path("hello", "hello.nn"))
        (accuracy,) = [
            float(line.split()[1])
            for line in self.striate("eval", self.path("hello", "hello.nn"), "--weights", weights).stdout.splitlines()
            if line.startswith("accuracy")
        ]
        self.assertGreater(accuracy, 0.7)

    def test_pictures_of_ones_own(self):
        program = self.made("photos", "images")
        self.assertIn("train", self.striate("train", program, expect=3).stderr)  # says which folder is missing
        for split in ("train", "test"):
            for name, color in (("red", (200, 10, 10)), ("green", (10, 200, 10)), ("blue", (10, 10, 200))):
                folder = self.path("photos", split, name)
                os.makedirs(folder)
                for i in range(4):
                    write_png(os.path.join(folder, f"{i}.png"), color)
        weights = self.trained(program)
        photo = os.path.join(self.path("photos", "test", "red"), "0.png")
        self.assertRegex(self.striate("run", program, "--weights", weights, "--input", f"image=@{photo}").stdout, "red|green|blue")

    def test_a_table_of_ones_own(self):
        program = self.made("table", "csv")
        self.assertIn("data.csv", self.striate("train", program, expect=3).stderr)
        numbers = random.Random(1)
        rows = [["a", "b", "c", "d", "kind"]]
        for _ in range(100):
            kind = numbers.randrange(3)
            rows.append([*(round(numbers.random() + kind, 3) for _ in range(4)), ("low", "middle", "high")[kind]])
        harness.write_csv(self.path("table", "data.csv"), rows)
        self.striate("check", program)
        self.trained(program)
        # Another number of columns is told.
        harness.write_csv(self.path("table", "data.csv"), [row[1:] for row in rows])
        self.assertIn("takes 4 numbers per example, but column 0 has 3", self.striate("check", program, expect=1).stderr)

    def test_a_text_of_ones_own(self):
        program = self.made("writer", "text")
        self.assertIn("input.txt", self.striate("train", program, expect=3).stderr)
        self.write(os.path.join("writer", "input.txt"), "All the world is a stage, and all of us are on it. " * 200)
        weights = self.trained(program)
        self.assertGreaterEqual(len(self.striate("run", program, "--weights", weights, "--generate", "50").stdout), 50)

    def test_nothing_is_overwritten(self):
        os.makedirs(self.path("there"))
        self.assertIn("there already", self.striate("new", "there", expect=3).stderr)
        self.assertEqual(os.listdir(self.path("there")), [])
        self.write("file", "text")
        self.striate("new", "file", expect=3)
        self.striate("new", "deep/er/net")
        self.striate("check", self.path("deep", "er", "net", "net.nn"))
        self.striate("new", "slash/")
        self.striate("check", self.path("slash", "slash.nn"))

    def test_names_that_are_none(self):
        for name in ("", ".", "..", "a b", ".hidden", "a/..", "/", 'quo"te'):
            self.striate("new", name, expect=2)
        self.striate("new", expect=2)
        self.striate("new", "net", "--template", "no", expect=2)
        self.assertEqual(os.listdir(self.scratch), [])


if __name__ == "__main__":
    harness.main()
