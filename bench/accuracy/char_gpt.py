"""Is a small character GPT better than counting pairs of characters? Cross-entropies in nats on the last tenth of a text.

Trains models/char_gpt.nn at a reduced size, prints the validation loss beside that of a table of pairs (one added to each count),
and a sample. Example, with Debian's package `fortunes`:
    cat /usr/share/games/fortunes/*.u8 > text.txt
    python3 bench/accuracy/char_gpt.py --striate build/striate --text text.txt
"""

import argparse
import collections
import json
import math
import os
import re
import shutil
import subprocess
import tempfile

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "char_gpt.nn")


def pairs_loss(text):
    """The cross-entropy of the last tenth by a table of pairs from the rest."""
    characters = len(set(text))
    cut = len(text) * 9 // 10
    pairs = collections.Counter(zip(text[: cut - 1], text[1:cut]))
    firsts = collections.Counter(text[: cut - 1])
    rest = list(zip(text[cut:], text[cut + 1 :]))
    return -sum(math.log((pairs[pair] + 1) / (firsts[pair[0]] + characters)) for pair in rest) / len(rest)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--striate", default="build/striate", help="the binary")
    parser.add_argument("--text", required=True, help="a file of UTF-8 text")
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    with open(arguments.text, encoding="utf-8", newline="") as file:
        text = file.read()
    print(f"{len(text)} characters, {len(set(text))} of them different")
    print(f"pairs of characters: {pairs_loss(text):.3f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        with open(MODEL, encoding="utf-8") as file:
            program = file.read()
        sizes = {name: getattr(arguments, name) for name in ("context", "width", "depth", "heads")}
        for name, size in sizes.items():
            program = re.sub(rf"\b{name}: int = \d+", f"{name}: int = {size}", program)
        program = program.replace("window = 256, stride = 64", f"window = {arguments.context}")
        net, run = os.path.join(folder, "net.nn"), os.path.join(folder, "run")
        with open(net, "w", encoding="utf-8") as file:
            file.write(program)
        shutil.copy(arguments.text, os.path.join(folder, "input.txt"))
        train = [arguments.striate, "train", net, "--run", run, "--set", f"train.epochs={arguments.epochs}"]
        subprocess.run(train, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
            values = [json.loads(line) for line in file]
        for value in values:
            if (value["split"], value["name"]) == ("val", "loss"):
                print(f"after epoch {value['epoch']}: {value['value']:.3f}")
        weights = os.path.join(run, "model.safetensors")
        generate = [arguments.striate, "run", net, "--weights", weights, "--generate", "300", "--temperature", "0.8"]
        first, again = (subprocess.run(generate, check=True, capture_output=True).stdout for _ in range(2))
        print("the same text again" if first == again else "ANOTHER TEXT FROM THE SAME SEED")
        print(first.decode())


if __name__ == "__main__":
    main()
