"""Damaged ONNX, safetensors and npz files: a message and exit code 3, within 2 s and 512 MiB, and nothing outside their folder is read.

Each kind is cut off at 200 places; the other damage is of every kind that the format allows.
"""

import io
import json
import os
import struct
import subprocess
import time
import zipfile

import onnx_files as onnx
from harness import BINARY, EndToEnd, environment, is_sanitized, main

SECONDS, BYTES = 2, 512 << 20
HUGE = 1 << 62
PROGRAM = "model Net { input x: f32[N, 8]; output y = x -> Linear(4) as fc }\n"
SECRET = "a file outside of the folder"


def safetensors(header, data):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, begin, end, kind="F32"):
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def npy(shape, data, descr="<f4"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npz(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def onnx_model(weight):
    node = onnx.node("Gemm", ["x", "w", "b"], ["y"], transB=1)
    bias = onnx.tensor("b", [4], [0.5] * 4)
    inputs, outputs = [onnx.value_info("x", ["n", 8])], [onnx.value_info("y", ["n", 4])]
    return onnx.model([node], inputs, outputs, [weight, bias])


def shaped(shape, data):
    """A tensor of f32 whose shape and data need not fit."""
    sizes = b"".join(onnx.whole(1, size) for size in shape)
    return sizes + onnx.whole(2, 1) + onnx.text(8, "w") + onnx.text(9, data)


def external(location, offset=0, length=128):
    entries = [("location", location), ("offset", str(offset)), ("length", str(length))]
    parts = b"".join(onnx.text(13, onnx.text(1, key) + onnx.text(2, value)) for key, value in entries)
    return b"".join(onnx.whole(1, size) for size in (4, 8)) + onnx.whole(2, 1) + onnx.text(8, "w") + parts + onnx.whole(14, 1)


class MalformedFiles(EndToEnd):
    """Each file is given to the command that reads its kind."""

    def setUp(self):
        super().setUp()
        self.slowest = self.largest = 0
        with open(self.path("net.nn"), "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        with open(os.path.join(os.path.dirname(self.scratch), "striate secret.bin"), "wb") as file:
            file.write(SECRET.encode() * 100)
        self.addCleanup(os.unlink, file.name)

    def arguments(self, name):
        if name.endswith(".onnx"):
            return ["import", self.path(name), "-o", self.path("made.nn")]
        return ["run", self.path("net.nn"), "-w", self.path(name), "-i", "x=1"]

    def outcome(self, name, content):
        """Exit code and messages, within the limits."""
        with open(self.path(name), "wb") as file:
            file.write(content)
        with open(self.path("messages"), "w+", encoding="utf-8", errors="replace") as messages:
            began = time.monotonic()
            process = subprocess.Popen([BINARY, *self.arguments(name)], cwd=self.scratch, env=environment(),
                                       stdout=subprocess.DEVNULL, stderr=messages)  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = usage.ru_utime + usage.ru_stime  # what a busy machine does not change
            self.assertLess(time.monotonic() - began, 60)
            messages.seek(0)
            text = messages.read()
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, usage.ru_maxrss << 10)
        if not is_sanitized():
            self.assertLess(seconds, SECONDS, name)
            self.assertLess(usage.ru_maxrss << 10, BYTES, name)
        return process.returncode, text

    def refused(self, name, content, code=3):
        got, text = self.outcome(name, content)
        self.assertEqual(got, code, text)
        self.assertIn("striate: error:", text)
        self.assertNotIn(SECRET, text)

    def check_cuts(self, name, content):
        self.assertEqual(self.outcome(name, content)[0], 0)
        for k in range(200):
            self.refused(name, content[: k * len(content) // 200])

    def tearDown(self):
        print(f"at most {self.slowest:.2f} s of the processor, {self.largest >> 20} MiB", flush=True)
        super().tearDown()

    def test_onnx(self):
        weight = shaped((4, 8), bytes(128))
        self.check_cuts("a.onnx", onnx_model(weight))
        for sizes in ((HUGE, 8), (-4, 8), (1 << 32, 1 << 32), (4, 9), (1 << 31, 8)):
            self.refused("a.onnx", onnx_model(shaped(sizes, bytes(128))))
        # A count beyond the file, of a field with a length.
        self.refused("a.onnx", onnx_model(weight)[:-40] + onnx.varint(7 << 3 | 2) + onnx.varint(HUGE))
        # The same name twice.
        node = onnx.node("Relu", ["x"], ["y"])
        value = lambda name: [onnx.value_info(name, ["n", 8])]
        self.refused("a.onnx", onnx.model([node, node], value("x"), value("y")))
        # Elsewhere.
        for location in ("../striate secret.bin", "/etc/passwd", "a/../../striate secret.bin", "", "."):
            self.refused("a.onnx", onnx_model(external(location)))
        os.symlink("../striate secret.bin", self.path("link.bin"))
        self.refused("a.onnx", onnx_model(external("link.bin")))
        with open(self.path("w.bin"), "wb") as file:
            file.write(bytes(64))
        for offset, length in ((0, 128), (HUGE, 128), (-1, 128), (0, HUGE)):
            self.refused("a.onnx", onnx_model(external("w.bin", offset, length)))

    def test_safetensors(self):
        good = {"fc.weight": entry([4, 8], 0, 128), "fc.bias": entry([4], 128, 144)}
        self.check_cuts("a.safetensors", safetensors(good, bytes(144)))
        weight = lambda *of: safetensors({**good, "fc.weight": entry(*of)}, bytes(144))
        for of in (([HUGE, 8], 0, 128), ([-4, 8], 0, 128), ([1 << 32, 1 << 32], 0, 128), ([4, 8], 0, HUGE),
                   ([4, 8], 4, 132), ([4, 8], -4, 124), ([4, 8], 128, 0), ([4, 8, 1.5], 0, 128)):  # fmt: skip
            self.refused("a.safetensors", weight(*of))
        # A hole, a rest, and a header that says to be as long as memory.
        self.refused("a.safetensors", safetensors({**good, "fc.bias": entry([4], 136, 152)}, bytes(152)))
        self.refused("a.safetensors", safetensors(good, bytes(200)))
        self.refused("a.safetensors", struct.pack("<Q", HUGE) + b"{}")
        # The same name twice.
        one = json.dumps({"fc.bias": entry([4], 128, 144)})[1:-1]
        twice = b"{" + json.dumps(good)[1:-1].encode() + b", " + one.encode() + b"}"
        self.refused("a.safetensors", safetensors(twice, bytes(144)))
        self.refused("a.safetensors", safetensors(b"[" * 100000, b""))
        many = ", ".join(f'"{k}": {json.dumps(entry([0], 0, 0))}' for k in range(100000))
        self.refused("a.safetensors", safetensors(b"{" + many.encode() + b"}", b""))

    def test_npz(self):
        weight, bias = ("fc.weight.npy", npy((4, 8), bytes(128))), ("fc.bias.npy", npy((4,), bytes(16)))
        self.check_cuts("a.npz", npz([weight, bias]))
        for shape in ((HUGE, 8), (-4, 8), (1 << 32, 1 << 32), (4, 9)):
            self.refused("a.npz", npz([("fc.weight.npy", npy(shape, bytes(128))), bias]))
        self.refused("a.npz", npz([weight, weight, bias]))
        # Names are no paths: nothing is written, and the weight is not there.
        self.refused("a.npz", npz([("../fc.weight.npy", weight[1]), bias]))
        self.refused("a.npz", npz([("/tmp/fc.weight.npy", weight[1]), bias]))
        # More numbers than it says, which a few bytes stand for.
        self.refused("a.npz", npz([("fc.weight.npy", npy((4, 8), bytes(1 << 28))), bias]))
        self.refused("a.npz", npz([("fc.weight.npy", npy((4, 8), bytes(128), "|O")), bias]))


if __name__ == "__main__":
    main()
