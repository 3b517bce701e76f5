"""Striate beside its peers; see `bench/peers/run --help`."""

import argparse
import importlib.util
import json
import math
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = {"pytorch": ["torch"], "torch.compile": ["torch"], "onnxruntime": ["torch", "onnx", "onnxruntime"]}
# net, mode, batch, the ratio to the best of the peers that is wanted
WORK = [
    ("lenet", "train", 64, 2.0), ("lenet", "train", 1, 6.0), ("lenet", "infer", 1, 2.0),
    ("wide_mlp", "train", 256, 1.1), ("small_gpt", "train", 12, 1.1), ("small_gpt", "train", 16, 1.1), ("resnet20", "train", 128, 1.3), ("alexnet", "train", 32, 1.5),
    *((net, "infer", batch, 0.9) for net in ("alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v1") for batch in (1, 16)),
]


class Peer:
    """A process that waits for its turns."""

    def __init__(self, name, net, mode, batch, threads):
        self.name = name
        self.errors = tempfile.TemporaryFile("w+")
        command = [sys.executable, str(HERE / "worker.py"), name, net, mode, str(batch), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.ready = self.process.stdout.readline().strip() == "ready"

    def seconds(self, duration):
        print(duration, file=self.process.stdin, flush=True)
        return statistics.median(json.loads(self.process.stdout.readline()))

    def end(self):
        self.process.communicate()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["it ended without a word"])[-1]


def striate_seconds(options, net, mode, batch):
    model = HERE / f"{net}.nn" if (HERE / f"{net}.nn").exists() else ROOT / "models" / f"{net}.nn"
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        subprocess.run(
            [options.striate, "bench", model, f"--mode={mode}", f"--batch={batch}", f"--threads={options.threads}",
             f"--seconds={options.seconds}", f"--json={report}", f"--precision={options.precision}",
             *(["--winograd"] if options.winograd else [])], check=True, stdout=subprocess.DEVNULL)
        content = json.loads(report.read_text())
    return statistics.median(content["runs"]), content["cpu"], content["machine"]


def compare(options, net, mode, batch):
    """Seconds of each, by round: all have their turn in each round."""
    peers, absent = [], {}
    for name in options.peers:
        if mode == "train" and name == "onnxruntime":
            continue
        missing = [module for module in PEERS[name] if importlib.util.find_spec(module) is None]
        peer = None if missing else Peer(name, net, mode, batch, options.threads)
        if peer and peer.ready:
            peers.append(peer)
        else:
            absent[name] = f"not installed: {', '.join(missing)}" if missing else peer.end()
    ours, theirs, machine = [], {peer.name: [] for peer in peers}, None
    for _ in range(options.rounds):
        seconds, cpu, limits = striate_seconds(options, net, mode, batch)
        machine = {"cpu": cpu, **limits}
        ours.append(seconds)
        for peer in peers:
            theirs[peer.name].append(peer.seconds(options.seconds))
    for peer in peers:
        peer.end()
    return ours, theirs, absent, machine


def main():
    parser = argparse.ArgumentParser(prog="bench/peers/run", description="Striate beside PyTorch, torch.compile and ONNX Runtime.")
    parser.add_argument("--only", nargs="+", default=[], choices=sorted({work[0] for work in WORK}), help="these networks alone")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--threads", type=int, default=1, help="of everyone (default: 1)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of everyone (default: 5)")
    parser.add_argument("--seconds", type=float, default=1, help="of a turn, and at least 3 runs (default: 1)")
    parser.add_argument("--striate", default=str(ROOT / "build" / "striate"), help="the binary (default: build/striate)")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="Striate's; the peers have f32")
    parser.add_argument("--winograd", action="store_true", help="Striate with --winograd: other rounding")
    parser.add_argument("--json", metavar="FILE", help="writes every round to FILE, too")
    options = parser.parse_args()
    if not pathlib.Path(options.striate).exists():
        parser.error(f"there is no {options.striate}: build Striate first, or name it by --striate")
    rows = []
    print(f"medians of {options.rounds} rounds, {options.threads} thread(s); a ratio above 1: Striate{' --winograd' if options.winograd else ''}{' --precision=bf16' if options.precision == 'bf16' else ''} is ahead\n")
    print(f"{'work':<26}{'striate':>11}  peers: time, ratio (least .. most of the rounds)")
    for net, mode, batch, target in WORK:
        if options.only and net not in options.only:
            continue
        ours, theirs, absent, machine = compare(options, net, mode, batch)
        cells = []
        for name, seconds in theirs.items():
            ratios = sorted(their / our for their, our in zip(seconds, ours))
            cells.append(f"{name} {1e3 * statistics.median(seconds):.2f} ms, {statistics.median(ratios):.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f})")
        best = statistics.median(min(turn) / our for our, turn in zip(ours, zip(*theirs.values()))) if theirs else math.nan
        cells += [f"{name} absent: {reason}" for name, reason in absent.items()]
        print(f"{f'{net} {mode} {batch}':<26}{1e3 * statistics.median(ours):>8.2f} ms  {'; '.join(cells)}; of the best: {best:.2f}, "
              f"wanted {target}", flush=True)
        rows.append({"net": net, "mode": mode, "batch": batch, "wanted": target, "of_the_best": best, "striate": ours,
                     "peers": theirs, "absent": absent, "machine": machine})
    known = [row["of_the_best"] for row in rows if row["mode"] == "infer" and not math.isnan(row["of_the_best"])]
    if known:
        print(f"\ninference, geometric mean: {statistics.geometric_mean(known):.2f}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"host": platform.processor() or platform.machine(), "rows": rows}, indent=1))


main()
