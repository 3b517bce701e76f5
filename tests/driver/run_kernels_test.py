"""striate run FILE.sir: kernels as text run on what is given by name, as the model itself would, and edits count."""

import random
import struct

import harness

NET = """
model Net() {
    input x: f32[N, 18]
    output y = x -> Linear(24) as fc1 -> relu -> Linear(3) as fc
}
data d {
    split train = csv("d.csv", label = -1)
    field x = column(0)
    field label = column(1)
}
train Net with d {
    loss = cross_entropy(y, label)
    optimizer = SGD(lr = 0.1, momentum = 0.9)
    batch = 4
}
"""
KERNEL = """program "p" capacity 20 arena 4096 scalars ("N", "step", "rate")
input %x : f32[N,3] layout (d0, d1) offset 0
state %count : i32[2] layout (d0) offset 1024
output %y : f32[N,3] layout (d0/16, d1, d0%16) offset 2048
output %sum : f32[] offset 1088
kernel scale {
  memory x: f32[60] at 0
  memory y: f32[96] at 2048
  memory sum: f32[1] at 1088
  memory count: i32[2] at 1024
  tile t[]
  for n: 0..N {
    for c: 0..3 {
      t[] = load x[3*n + c] * $rate + real(load count[1])
      store y[16*c + 48*(n // 16) + (n % 16)] = t
    }
  }
  store sum[0] = $N
  store count[0] = load count[1] + 1
}
"""


def write_int_npy(path, values):
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({len(values)},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}i", *values))


class RunKernels(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.kernel = self.write("k.sir", KERNEL)
        harness.write_npy(self.path("x.npy"), [17, 3], range(51))
        write_int_npy(self.path("count.npy"), [7, 100])

    def test_by_name(self):
        arguments = ["-i", "x=@x.npy", "-i", "count=@count.npy", "-i", "rate=2"]
        result = self.striate("run", self.kernel, *arguments, "-o", "y=@y.npy", "-o", "count=@after.npy")
        self.assertEqual(result.stdout, "sum 17\n")
        shape, values = harness.read_npy(self.path("y.npy"))
        self.assertEqual(shape, [17, 3])
        self.assertEqual(values, [2 * k + 100 for k in range(51)])
        with open(self.path("after.npy"), "rb") as file:
            self.assertEqual(struct.unpack("<2i", file.read()[-8:]), (101, 100))
        # An edit counts.
        edited = self.write("edited.sir", KERNEL.replace("* $rate", "- $rate"))
        self.assertEqual(self.striate("run", edited, "-i", "x=1", "-i", "count=0", "-i", "rate=2").stdout, "y -1 -1 -1\nsum 1\n")

    def test_what_is_wrong_is_said(self):
        good = {"x": "@x.npy", "count": "@count.npy", "rate": "2"}
        harness.write_npy(self.path("wide.npy"), [2, 4], range(8))
        harness.write_npy(self.path("long.npy"), [21, 3], range(63))
        for change, code, message in (
            ({"x": None}, 2, "the input `x` (f32[N,3]) is missing: add --input x=@FILE.npy"),
            ({"count": None}, 2, "the state `count` (i32[2]) is missing: add --input count=@FILE.npy, or --weights FILE"),
            ({"rate": None}, 2, "the run-time scalar `rate` is missing: add --input rate=NUMBER"),
            ({"rate": "fast"}, 2, "`fast` is no number"),
            ({"x": "@wide.npy"}, 3, "wide.npy holds f32[2,4], but `x` takes f32[N,3]"),
            ({"x": "@count.npy"}, 3, "count.npy holds i32[2], but `x` takes f32[N,3]"),
            ({"x": "@long.npy"}, 2, "`x` has 21 examples, the program runs 20 at most"),
            ({"count": "0.5"}, 2, "`count` takes i32[2], not 0.5"),
            ({"cuont": "1"}, 2, "did you mean `count`?"),
        ):
            arguments = [f"--input={name}={value}" for name, value in {**good, **change}.items() if value]
            self.assertIn(message, self.striate("run", self.kernel, *arguments, expect=code).stderr)
        bare = self.write("bare.sir", 'program "p" capacity 1 arena 0 scalars ()\nkernel k {\n}\n')
        self.assertIn("does not say where its inputs and outputs lie", self.striate("run", bare, expect=3).stderr)
        graph = self.write("graph.sir", "graph Net.eval {\n  input %x : f32[N]\n  output x = %x\n}\n")
        self.assertIn("is a graph; what runs is a program of kernels", self.striate("run", graph, expect=3).stderr)
        beyond = self.write("beyond.sir", KERNEL.replace("store sum[0]", "store sum[1]"))
        self.assertIn("beyond.sir:18: kernel scale: sum is accessed at 1 .. 1 of 1 elements", self.striate("run", beyond, expect=3).stderr)
        self.assertIn("--weights is required", self.striate("run", self.write("net.nn", NET), "-i", "x=0", expect=2).stderr)

    def test_of_a_model(self):
        numbers = random.Random(1)
        net = self.write("net.nn", NET)
        with open(self.path("d.csv"), "w", encoding="utf-8") as file:
            file.writelines(",".join(str(numbers.random()) for _ in range(18)) + f",{k % 3}\n" for k in range(16))
        self.striate("train", net, "--run", self.path("run"), "--set", "train.epochs=1")
        weights = self.path("run", "model.safetensors")
        harness.write_npy(self.path("values.npy"), [5, 18], [numbers.random() for _ in range(5 * 18)])
        given = ("-w", weights, "-i", "x=@values.npy")
        self.striate("run", net, *given, "-o", "y=@of_model.npy")
        for layout in ("batch", "channel", "plain"):
            self.striate("build", net, "--emit=kernel", "--mode=infer", "--layout", layout, "--batch", "8", "-o", "net.sir")
            self.striate("run", "net.sir", *given, "-o", "y=@of_kernels.npy", "-i", "label=0", "-o", "loss=@loss.npy")
            self.assertEqual(harness.read_npy(self.path("of_kernels.npy")), harness.read_npy(self.path("of_model.npy")), layout)

    def test_of_a_training_step(self):
        net = self.write("net.nn", NET)
        self.striate("build", net, "--emit=kernel", "-o", "step.sir")
        with open(self.path("step.sir"), encoding="utf-8") as file:
            text = file.read()
        given = ["-i", "x=0.5", "-i", "label=1"]
        for line in text.split("\n"):
            if line.startswith(("param ", "state ")):
                name = line.split()[1][1:]
                given += ["-i", f"{name}={0 if line.startswith('state') else 0.25}"]
        rate = ["-i", "optimizer.lr=0.5", "-i", "optimizer.momentum=0.9", "-i", "optimizer.weight_decay=0"]
        self.striate("run", "step.sir", *given, *rate, "-o", "fc.bias=@after.npy")
        shape, bias = harness.read_npy(self.path("after.npy"))
        self.assertEqual(shape, [3])
        # Three classes that are alike: the gradients are 1/3, -2/3, 1/3.
        for value, wanted in zip(bias, (0.25 - 0.5 / 3, 0.25 + 1 / 3, 0.25 - 0.5 / 3)):
            self.assertAlmostEqual(value, wanted, delta=1e-6)


if __name__ == "__main__":
    harness.main()
