"""Every model of models/: its parameters are as docs/models.md says, and a small variant of it learns."""

import glob
import os
import random
import re

import harness

_ROW = re.compile(r"^\| `(\w+\.nn)` \|[^|]*\| (\d+) \|", re.MULTILINE)

# The arguments of a small variant, and the shape of its input.
SMALL = {
    "lenet5.nn": ({}, (1, 28, 28)),
    "maxout_mnist.nn": ({"units": 16}, (1, 28, 28)),
    "dropconnect_mnist.nn": ({"units": 64}, (1, 28, 28)),
    "lstm.nn": ({"hidden": 8, "size": 8}, (1, 8, 8)),
    "stacked_autoencoder.nn": ({"units": [64, 32, 16]}, (1, 28, 28)),
    "alexnet.nn": ({"channels": 24, "hidden": 64, "size": 67}, (3, 67, 67)),
    "alexnet_one_tower.nn": ({"channels": 4, "hidden": 16, "size": 63}, (3, 63, 63)),
    "zfnet.nn": ({"channels": 6, "hidden": 16, "size": 64}, (3, 64, 64)),
    "vgg11.nn": ({"channels": 4, "hidden": 16, "size": 32}, (3, 32, 32)),
    "vgg16.nn": ({"channels": 4, "hidden": 16, "size": 32}, (3, 32, 32)),
    "nin.nn": ({"channels": 12}, (3, 32, 32)),
    "deepface.nn": ({"channels": 4, "hidden": 16, "size": 88}, (3, 88, 88)),
    "googlenet.nn": ({"w": 2, "size": 64}, (3, 64, 64)),
    "squeezenet.nn": ({"w": 4, "size": 35}, (3, 35, 35)),
    "resnet20.nn": ({"width": 4, "depth": 1}, (3, 32, 32)),
    "resnet18.nn": ({"width": 4, "size": 32}, (3, 32, 32)),
    "resnet50.nn": ({"width": 2, "size": 32}, (3, 32, 32)),
    "mobilenet_v1.nn": ({"width": 4, "size": 32}, (3, 32, 32)),
    "densenet121.nn": ({"growth": 2, "size": 32}, (3, 32, 32)),
    "unet.nn": ({"width": 4, "size": 188, "classes": 1}, (1, 188, 188)),
    "vit.nn": ({"width": 12, "depth": 2, "heads": 3, "patch": 8, "size": 32}, (3, 32, 32)),
}
CLASSES = 3

# The loss, where it is not the cross-entropy of the output.
LOSS = {
    "lenet5.nn": "competition({output}, label)",
    # Where in the image something is, no net without padding can tell; how bright a pixel is, it can.
    "unet.nn": "mse({output}, center_crop2d(image, [4, 4]))",
}

# In models_full_test.py: they take longer.
LONG = {"densenet121.nn", "resnet50.nn", "googlenet.nn", "alexnet.nn", "zfnet.nn", "nin.nn", "deepface.nn", "unet.nn"}

PICTURES = """
data pictures {
    split train = csv("images.csv", label = -1)
    field IMAGE = column(0)
    field label = column(1)
}
train CALL with pictures {
    loss = LOSS
    optimizer = Adam(lr = 3e-3)
    epochs = 17    batch = 16    seed = 1
}
"""

TEXT = """
data text {
    split train = idx("text/now.gz", "text/next.gz")
    field token = column(0)
    field next = column(1)
}
train CALL with text {
    loss = cross_entropy(logits, next)
    optimizer = Adam(lr = 1e-2)
    epochs = 17    batch = 16    seed = 1
}
"""


def source(name):
    """A model of the zoo, or one that is here for its stored results alone."""
    folders = [harness.MODELS, os.path.join(os.path.dirname(__file__), "golden")]
    path = next(filter(os.path.exists, (os.path.join(folder, name) for folder in folders)))
    with open(path, encoding="utf-8") as file:
        return file.read()


def model_alone(name):
    """The text of a model's file without its data and train blocks."""
    return re.sub(r"^(data|train)\b[^{]*\{.*?^\}\n", "", source(name), flags=re.MULTILINE | re.DOTALL)


def header(name):
    """The model's name and its first input and output."""
    text = model_alone(name)
    return [re.search(pattern, text).group(1) for pattern in (r"model (\w+)", r"input (\w+):", r"output (\w+) =")]


class Learning(harness.EndToEnd):
    def images(self, shape, examples=48):
        """Class k is brighter in the k-th third of the rows."""
        numbers = random.Random(1)
        rows = []
        for example in range(examples):
            label = example % CLASSES
            lit = range(label * shape[1] // CLASSES, (label + 1) * shape[1] // CLASSES)
            pixels = [
                round((1.5 if row in lit else -0.5) + numbers.uniform(-0.5, 0.5), 2)
                for _ in range(shape[0])
                for row in range(shape[1])
                for _ in range(shape[2])
            ]
            rows.append(pixels + [label])
        harness.write_csv(self.path("images.csv"), rows)

    def train(self, name, blocks, call):
        """Trains the model with these data and train blocks; returns the loss of each epoch."""
        program = self.write(name, model_alone(name) + blocks.replace("CALL", call))
        run = self.path("run")
        self.striate("train", program, "--data", self.scratch, "--run", run, "--force")
        return [m["value"] for m in harness.metrics(run) if (m["split"], m["name"]) == ("train", "loss")]

    def learn(self, name):
        """Some 50 steps of a small variant, after which the loss is clearly lower."""
        arguments, shape = SMALL[name]
        model, image, output = header(name)
        self.images(shape)
        arguments = ", ".join(f"{key} = {value}" for key, value in {"classes": CLASSES, **arguments}.items())
        loss = LOSS.get(name, "cross_entropy({output}, label)").format(output=output)
        losses = self.train(name, PICTURES.replace("IMAGE", image).replace("LOSS", loss), f"{model}({arguments})")
        self.assertEqual(len(losses), 17)
        self.assertLess(min(losses[-3:]), 0.9 * losses[0], losses)


class Models(Learning):
    def test_parameters_are_as_published(self):
        with open(os.path.join(harness.SOURCE, "docs", "models.md"), encoding="utf-8") as file:
            table = dict(_ROW.findall(file.read()))
        models = {os.path.basename(path) for path in glob.glob(os.path.join(harness.MODELS, "*.nn"))}
        self.assertLessEqual(set(table), models)
        self.assertLessEqual(set(SMALL), set(table))
        for name, count in table.items():
            with self.subTest(model=name):
                text = model_alone(name)  # without its data, which need not be here
                summary = self.striate("summary", self.write(name, text)).stdout
                self.assertIn(f"parameters {count} trainable", summary)


    def test_they_learn(self):
        for name in sorted(set(SMALL) - LONG):
            with self.subTest(model=name):
                self.learn(name)

    def test_a_character_model_learns_to_count(self):
        os.makedirs(self.path("text"))
        texts = [[(start + k) % 11 for k in range(9)] for start in range(11)] * 4
        for name, first in (("now", 0), ("next", 1)):
            values = [text[first + k] for text in texts for k in range(8)]
            harness.write_idx(self.path("text", f"{name}.gz"), [len(texts), 8], values)
        losses = self.train("char_gpt.nn", TEXT, "CharGPT(vocabulary = 11, context = 8, width = 12, depth = 2, heads = 2)")
        self.assertLess(min(losses[-3:]), 0.5 * losses[0], losses)


if __name__ == "__main__":
    harness.main()
