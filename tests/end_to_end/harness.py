"""What the end-to-end tests share: the binary, a scratch folder for each test, small data sets, visible skips.

Run by ctest, which sets STRIATE (the built binary) and STRIATE_SOURCE (the source folder).
"""

import ast
import csv
import gzip
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

BINARY = os.environ["STRIATE"]
SOURCE = os.environ["STRIATE_SOURCE"]
MODELS = os.path.join(SOURCE, "models")
SKIPPED = 77  # ctest shows a test that exits so as skipped

# One example, so that the order of the driver's shuffling does not matter; dropout and momentum, so that draws and
# states do.
ONE_EXAMPLE = """
model Net {
    input x: f32[N, 4]
    output y = x -> Linear(24) as fc1 -> BatchNorm1d as bn -> tanh -> Dropout(0.5) -> Linear(3) as fc2
}
data one {
    split train = csv("one.csv", label = -1)
    field x = column(0)
    field label = column(1)
}
train Net with one {
    loss = cross_entropy(y, label)
    optimizer = SGD(lr = 0.1, momentum = 0.9)
    epochs = 7    batch = 1    seed = 1
}
"""


def is_sanitized():
    """Whether the address sanitizer is in the binary: it needs far more memory, and other programs cannot load what it is in."""
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


def environment(**extra):
    """The caller's environment without what would change the output (what is known of the machine, too), plus a thread count and the like."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("STRIATE", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "XDG_CACHE_HOME": os.devnull, **extra}


def shared_data(folder):
    """A folder of larger data sets that are not bundled, or None: $STRIATE_SHARED/data, else ../shared/data."""
    roots = [os.environ.get("STRIATE_SHARED"), os.path.join(os.path.dirname(SOURCE), "shared")]
    for root in filter(None, roots):
        path = os.path.join(root, "data", folder)
        if os.path.isdir(path):
            return path
    return None


def write_idx(path, sizes, values):
    """An IDX file of bytes; compressed where the name ends in .gz."""
    content = struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + bytes(values)
    with gzip.open(path, "wb") if path.endswith(".gz") else open(path, "wb") as file:
        file.write(content)


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def write_npy(path, shape, values):
    """An npy file (version 1) of float32."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header = header.ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{len(values)}f", *values))


def write_safetensors(path, tensors):
    """name -> (shape, values), as float32."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        content = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_npy(path):
    """The shape and the values of an npy file of float32."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<H", content[8:10])
    shape = ast.literal_eval(content[10 : 10 + length].decode())["shape"]
    data = content[10 + length :]
    return list(shape), list(struct.unpack(f"<{len(data) // 4}f", data))


def read_safetensors(path):
    """The tensors of a safetensors file: name -> (dtype, shape, bytes)."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    return {
        name: (entry["dtype"], entry["shape"], data[entry["data_offsets"][0] : entry["data_offsets"][1]])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def digest(path):
    """SHA-256 of the tensors of a weight file, names and shapes included; the metadata may differ."""
    tensors = read_safetensors(path)
    return hashlib.sha256(repr(sorted(tensors.items())).encode()).hexdigest()


def metrics(run_folder):
    """The lines of a run's metrics.jsonl."""
    with open(os.path.join(run_folder, "metrics.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class EndToEnd(unittest.TestCase):
    """A test with a scratch folder (self.scratch) that is gone afterwards."""

    maxDiff = None

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="striate ")
        self.addCleanup(shutil.rmtree, self.scratch)

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def striate(self, *arguments, expect=0, timeout=600, **extra):
        """Runs the binary, without a terminal, and checks its exit code; returns the finished process."""
        result = subprocess.run(
            [BINARY, *arguments],
            cwd=self.scratch,
            env=environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        self.assertEqual(
            result.returncode, expect, f"striate {' '.join(arguments)}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        )
        return result

    def pictures(self, folder, examples=64, size=8, classes=4, seed=1):
        """A small, learnable IDX data set: class k is a bright row k. Returns the folder."""
        os.makedirs(folder, exist_ok=True)
        numbers = random.Random(seed)
        labels = [numbers.randrange(classes) for _ in range(examples)]
        pixels = [
            numbers.randrange(200, 256) if row == 2 * label else numbers.randrange(0, 60)
            for label in labels
            for row in range(size)
            for _ in range(size)
        ]
        write_idx(os.path.join(folder, "images-idx3-ubyte.gz"), [examples, size, size], pixels)
        write_idx(os.path.join(folder, "labels-idx1-ubyte.gz"), [examples], labels)
        return folder


def main():
    """Runs the tests of the calling script; exits with 77 where nothing but skips happened."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun and result.testsRun == len(result.skipped) else 0)
