"""What a technique is worth where examples are few: test errors after training on part of MNIST, as a Markdown table.

One net, one optimizer and one number of epochs for all rows; a row changes one thing. Example:
    python3 bench/accuracy/small_mnist.py --striate build/striate --data FOLDER_OF_MNIST --seeds 3
"""

import argparse
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile

PROGRAM = """
model Net(classes: int = 10) {{
    input image: f32[N, 1, 28, 28]
    features = image -> Conv2d(20, 5) as conv1 -> {act} -> max_pool2d(2) -> Conv2d(50, 5) as conv2 -> {act} -> max_pool2d(2)
    output logits = features -> flatten -> {hidden} as fc1 -> {act}{after} -> Linear(classes) as fc2
}}
data mnist {{
    split train = idx("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz") -> divide({examples})
    split test  = idx("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
    field image = column(0){change} -> to_real(1/255)
    field label = column(1)
}}
train Net with mnist {{
    loss = cross_entropy(logits, label)
    metric accuracy = top1(logits, label)
    optimizer = Adam(lr = 1e-3 -> cosine_decay)
    epochs = {epochs}    batch = 50    seed = {seed}
    checkpoint(every = {epochs})
}}
"""

ROWS = {
    "ReLU, nothing else": {},
    "sigmoid in place of ReLU": {"act": "sigmoid"},
    "Dropout(0.5) before the last layer": {"after": " -> Dropout(0.5)"},
    "DropConnect(0.5) as the hidden layer": {"hidden": "DropConnect(500)"},
    "pictures turned by up to 15 degrees": {"change": "random_rotation(15)"},
    "moved and distorted (`elastic_distortion`)": {"change": "random_crop(28, padding = 2) -> elastic_distortion"},
    "moved and distorted, and Dropout(0.5)": {
        "change": "random_crop(28, padding = 2) -> elastic_distortion",
        "after": " -> Dropout(0.5)",
    },
}


def test_error(arguments, seed, settings):
    """The error on the test split after the last epoch, in per cent."""
    settings = {"act": "relu", "hidden": "Linear(500)", "after": "", "change": "", **settings}
    if settings["change"]:
        settings["change"] = f" -> when training {{ {settings['change']} }}"
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "net.nn")
        with open(program, "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(examples=arguments.examples, epochs=arguments.epochs, seed=seed, **settings))
        run = os.path.join(folder, "run")
        command = [arguments.striate, "train", program, "--data", arguments.data, "--run", run, "--progress", "none"]
        subprocess.run(command + ["--threads", "1"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
            values = [json.loads(line) for line in file]
    return 100 * (1 - [v["value"] for v in values if (v["split"], v["name"]) == ("test", "accuracy")][-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--striate", default="build/striate", help="the binary")
    parser.add_argument("--data", required=True, help="the folder of MNIST's four files")
    parser.add_argument("--examples", type=int, default=1000, help="how many of the training pictures, from the first")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3, help="trainings for each row")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time, each on one thread")
    arguments = parser.parse_args()
    print(f"| {arguments.examples} training pictures, {arguments.epochs} epochs | test error, % | of each seed |")
    print("|---|---|---|")
    pool = concurrent.futures.ThreadPoolExecutor(arguments.jobs)
    seeds = range(1, arguments.seeds + 1)
    running = {name: [pool.submit(test_error, arguments, seed, row) for seed in seeds] for name, row in ROWS.items()}
    for name, trainings in running.items():
        errors = [training.result() for training in trainings]
        print(f"| {name} | {statistics.mean(errors):.2f} | {', '.join(f'{error:.2f}' for error in errors)} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
