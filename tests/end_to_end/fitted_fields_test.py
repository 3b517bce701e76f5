"""standardize and whiten: fitted on the training split, kept with the weights."""

import math
import random
import struct

import harness

PROGRAM = """
model Net {
    input x: f32[N, 3]
    output y = x -> Linear(1) as fc
}
data table {
    split train = csv("train.csv")
    split test  = csv("test.csv")
    field x = columns("a", "b", "c") -> STAGE
    field target = columns("d")
}
train Net with table {
    loss = mse(y, target)
    optimizer = SGD(lr = 0.1)
    epochs = 2    batch = 16    seed = 1
}
"""


def floats(tensor):
    return struct.unpack(f"<{len(tensor[2]) // 4}f", tensor[2])


class FittedFields(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.rows = self.table("train.csv", 1, 90, 50)
        self.table("test.csv", 2, 40, 50)

    def table(self, name, seed, count, middle):
        numbers = random.Random(seed)
        rows = [[round(middle + 3 * numbers.random(), 3), round(1000 * numbers.random(), 1), 7] for _ in range(count)]
        for row in rows:
            row.append(round(row[0] - middle + row[1] / 1000, 3))
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write("a,b,c,d\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
        return rows

    def train(self, stage, run, *arguments):
        program = self.write("net.nn", PROGRAM.replace("STAGE", stage))
        self.striate("train", program, "--run", self.path(run), *arguments)
        return program, self.path(run, "model.safetensors")

    def test_means_and_deviations_are_those_of_the_training_split(self):
        _, weights = self.train("standardize(over = train)", "run")
        tensors = harness.read_safetensors(weights)
        for k, (mean, scale) in enumerate(zip(floats(tensors["data.x.mean"]), floats(tensors["data.x.scale"]))):
            column = [row[k] for row in self.rows]
            middle = sum(column) / len(column)
            deviation = math.sqrt(sum((v - middle) ** 2 for v in column) / len(column))
            self.assertAlmostEqual(mean / middle, 1, 5)
            self.assertAlmostEqual(scale * (deviation or 1), 1, 5)

    def test_evaluation_takes_them_from_the_weights(self):
        for stage in ("standardize", "whiten"):
            program, weights = self.train(stage, "run", "--force")
            before = self.striate("eval", program, "--weights", weights).stdout
            self.table("train.csv", 3, 90, -400)
            self.assertEqual(before, self.striate("eval", program, "--weights", weights).stdout)

    def test_a_resumed_run_does_not_fit_again(self):
        program, whole = self.train("standardize", "whole", "--set", "train.epochs=3")
        self.train("standardize", "parts", "--set", "train.epochs=1")
        self.striate("train", program, "--run", self.path("parts"), "--resume", "--set", "train.epochs=3")
        self.assertEqual(harness.digest(whole), harness.digest(self.path("parts", "model.safetensors")))

    def test_whitened_numbers_can_be_told_apart(self):
        for method in ("pca", "zca"):
            program, weights = self.train(f'whiten(method = "{method}", eps = 1e-3)', method)
            tensors = harness.read_safetensors(weights)
            basis = floats(tensors["data.x.basis"])
            mean = floats(tensors["data.x.mean"])
            self.assertEqual(len(basis), 9)
            moved = [[sum(basis[3 * k + f] * (row[f] - mean[f]) for f in range(3)) for k in range(3)] for row in self.rows]
            for a in range(3):
                for b in range(3):
                    found = sum(row[a] * row[b] for row in moved) / len(moved)
                    # The third number never changes.
                    flat = a == b == 2
                    self.assertAlmostEqual(found, 1 if a == b and not flat else 0, 2)
            self.striate("eval", program, "--weights", weights)


if __name__ == "__main__":
    harness.main()
