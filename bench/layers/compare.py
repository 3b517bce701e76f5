"""Striate's convolutions beside oneDNN's, layer by layer; see `bench/layers/run --help`."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# name: batch, channels in and out, image, window, stride, padding, groups. Of networks with many alike, one of each.
LAYERS = {
    "lenet.conv1": (64, 1, 20, 28, 5, 1, 0, 1), "lenet.conv2": (64, 20, 50, 12, 5, 1, 0, 1),
    "alexnet.conv1": (32, 3, 96, 227, 11, 4, 0, 1), "alexnet.conv2": (32, 96, 256, 27, 5, 1, 2, 2),
    "alexnet.conv3": (32, 256, 384, 13, 3, 1, 1, 1), "alexnet.conv4": (32, 384, 384, 13, 3, 1, 1, 2),
    "alexnet.conv5": (32, 384, 256, 13, 3, 1, 1, 2),
    "vgg.conv1_1": (4, 3, 64, 224, 3, 1, 1, 1), "vgg.conv1_2": (4, 64, 64, 224, 3, 1, 1, 1),
    "vgg.conv2_1": (4, 64, 128, 112, 3, 1, 1, 1), "vgg.conv2_2": (4, 128, 128, 112, 3, 1, 1, 1),
    "vgg.conv3_1": (4, 128, 256, 56, 3, 1, 1, 1), "vgg.conv3_2": (4, 256, 256, 56, 3, 1, 1, 1),
    "vgg.conv4_1": (4, 256, 512, 28, 3, 1, 1, 1), "vgg.conv4_2": (4, 512, 512, 28, 3, 1, 1, 1),
    "vgg.conv5": (4, 512, 512, 14, 3, 1, 1, 1),
    "resnet.stem": (8, 3, 64, 224, 7, 2, 3, 1), "resnet.3x3_64": (8, 64, 64, 56, 3, 1, 1, 1),
    "resnet.1x1_64_256": (8, 64, 256, 56, 1, 1, 0, 1), "resnet.1x1_256_64": (8, 256, 64, 56, 1, 1, 0, 1),
    "resnet.3x3_128_s2": (8, 128, 128, 56, 3, 2, 1, 1), "resnet.3x3_128": (8, 128, 128, 28, 3, 1, 1, 1),
    "resnet.1x1_256_512_s2": (8, 256, 512, 56, 1, 2, 0, 1), "resnet.3x3_256": (8, 256, 256, 14, 3, 1, 1, 1),
    "resnet.3x3_512": (8, 512, 512, 7, 3, 1, 1, 1), "resnet.1x1_512_2048": (8, 512, 2048, 7, 1, 1, 0, 1),
}
DIRECTIONS = ("forward", "data", "weight")


class Worker:
    """A process that waits for its turns."""

    def __init__(self, command):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.ready = self.process.stdout.readline().strip() == "ready"

    def turn(self, duration):
        print(duration, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.communicate()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["it ended without a word"])[-1]


def compare(options, layer, direction):
    case = [direction, *map(str, LAYERS[layer])]
    ours = Worker([options.worker, *case, *(["--winograd"] if options.winograd else [])])
    theirs = Worker([sys.executable, str(HERE / "onednn_worker.py"), options.onednn, *case])
    row = {"layer": layer, "direction": direction, "striate": [], "onednn": [], "implementation": "", "absent": ""}
    peaks, flops = [], 0
    for _ in range(options.rounds):
        turn = ours.turn(options.seconds)
        row["striate"].append(statistics.median(turn["times"]))
        peaks.append(statistics.median(turn["peaks"]))
        flops = turn["flops"]
        if theirs.ready:
            turn = theirs.turn(options.seconds)
            row["onednn"].append(statistics.median(turn["times"]))
            row["implementation"] = turn["implementation"]
    ours.end()
    reason = theirs.end()
    if not theirs.ready:
        row["absent"] = reason
    row["flops"], row["peak"] = flops, statistics.median(peaks)
    row["of_peak"] = statistics.median(flops / time / peak for time, peak in zip(row["striate"], peaks))
    row["onednn_of_peak"] = statistics.median(flops / time / peak for time, peak in zip(row["onednn"], peaks)) if row["onednn"] else None
    row["ratios"] = [their / our for their, our in zip(row["onednn"], row["striate"])]
    row["ratio"] = statistics.median(row["ratios"]) if row["ratios"] else None
    return row


def text_of(row):
    text = f"{row['layer']:<22}{row['direction']:<9}{1e3 * statistics.median(row['striate']):>9.3f} ms {100 * row['of_peak']:>6.1f} %"
    if row["ratio"] is None:
        return f"{text}   oneDNN absent: {row['absent']}"
    return (f"{text} {1e3 * statistics.median(row['onednn']):>9.3f} ms {100 * row['onednn_of_peak']:>6.1f} % {row['ratio']:>7.2f}"
            f" ({min(row['ratios']):.2f} .. {max(row['ratios']):.2f})  {row['implementation']}")


def main():
    parser = argparse.ArgumentParser(prog="bench/layers/run", description="Convolutions of Striate beside oneDNN's, layer by layer, on one thread.")
    parser.add_argument("--only", default="", help="the layers whose name begins so")
    parser.add_argument("--directions", nargs="+", choices=DIRECTIONS, default=list(DIRECTIONS))
    parser.add_argument("--rounds", type=int, default=5, help="turns of both (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn, and at least 3 runs (default: 0.3)")
    parser.add_argument("--winograd", action="store_true", help="Striate with --winograd: other rounding")
    parser.add_argument("--onednn", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--worker", default=str(ROOT / "build" / "bench" / "cpu" / "layer_worker"),
                        help="the binary (default: build/bench/cpu/layer_worker)")
    parser.add_argument("--json", metavar="FILE", help="writes every round to FILE, too")
    options = parser.parse_args()
    if not pathlib.Path(options.worker).exists():
        parser.error(f"there is no {options.worker}: configure with -DSTRIATE_BENCH=ON and build layer_worker, or name it by --worker")
    print(f"medians of {options.rounds} rounds, one thread, time of the thread alone; percentages of the FMA peak measured beside them; a ratio above\n"
          f"1: Striate{' --winograd' if options.winograd else ''} is ahead of the fastest of oneDNN's implementations (named last)\n")
    print(f"{'layer':<22}{'direction':<9}{'striate':>12}{'':>9}{'oneDNN':>13}{'':>9}{'ratio':>8}")
    rows = []
    for layer in LAYERS:
        for direction in options.directions:
            # Nobody asks for the gradient of the picture.
            if not layer.startswith(options.only) or (direction == "data" and LAYERS[layer][1] <= 3):
                continue
            rows.append(compare(options, layer, direction))
            print(text_of(rows[-1]), flush=True)
    known = [row["ratio"] for row in rows if row["ratio"]]
    if known:
        print(f"\nratio: geometric mean {statistics.geometric_mean(known):.2f}, least {min(known):.2f}")
    # A group is too narrow for a full vector's share of the loads.
    direct = [row["of_peak"] for row in rows if LAYERS[row["layer"]][-1] == 1]
    if direct:
        print(f"of the FMA peak, without groups: median {100 * statistics.median(direct):.1f} %, least {100 * min(direct):.1f} %")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"options": vars(options), "rows": rows}, indent=1))


main()
