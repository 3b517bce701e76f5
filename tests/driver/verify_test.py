"""striate verify: sound programs pass, reproducers are checked again, wrong calls are refused."""

import os
import shutil
import unittest

import harness

PROGRAM = os.path.join(harness.SOURCE, "tests/verify/net.nn")

# What a kernel would have to leave; the graph is sound.
REPRODUCER = """# striate reproducer: check=kernels pass=- examples=3 steps=1 seed=1 capacity=16 layout=batch fuse=1 bits=256
graph M.step {
  input %x : f32[N,6]
  %y : f32[N] = total(%x) @total
  output y = %y
}

define @total op total(x: f32[N,6]) -> (y) {
  let y: f32[N]
  y[n] = sum(c: 6) x[n, c] order (c)
}
"""


class Verify(harness.EndToEnd):
    def test_a_sound_program(self):
        result = self.striate("verify", PROGRAM, "--examples", "3", "--steps", "2", "-o", self.path("found"))
        self.assertRegex(result.stdout, r"Net\.step: 2 steps of 3 examples\n  gradients +\d\d operators")
        self.assertRegex(result.stdout, r"kernels +\d+ and, unfused, \d+ have the interpreter's bits")
        self.assertIn("Net.eval: 1 step of 3 examples", result.stdout)
        self.assertIn("Net.init", result.stdout)
        self.assertEqual(result.stderr, "")
        self.assertFalse(os.path.exists(self.path("found")))

    def test_the_same_twice(self):
        runs = [self.striate("verify", PROGRAM, "--examples", "2", "--steps", "1", "--seed", seed).stdout for seed in "445"]
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])  # how far f32 is from f64

    def test_reproducers(self):
        sound = self.write("r.sir", REPRODUCER)
        self.assertEqual(self.striate("verify", "--reproducer", sound).stdout, "no mistake\n")
        # In f32, 1 + 2^-30 is 1: as a check of rounding, a difference that it explains.
        self.striate("verify", "--reproducer", self.write("s.sir", REPRODUCER.replace("check=kernels", "check=rounding")))
        hidden = REPRODUCER.replace("check=kernels", "check=gradients").replace(
            "sum(c: 6) x[n, c] order (c)", "floor(1000000000 * x[n, 0]) / 1000000000")
        wrong = self.striate("verify", "--reproducer", self.write("w.sir", hidden), expect=1)
        self.assertRegex(wrong.stdout, r"a derived gradient is not that of differences: by `x`: along a direction it is 0")

    def test_a_reproducer_of_a_crash(self):
        sound = self.write("c.sir", REPRODUCER.replace("check=kernels", "check=crash"))
        self.assertEqual(self.striate("verify", "--reproducer", sound).stdout, "no mistake\n")

    @unittest.skipUnless(shutil.which("c++"), "the emulated device needs a C++ compiler")
    def test_cuda_kernels(self):
        cuda = ("--target", "cuda", "--device", "emulated")
        result = self.striate("verify", PROGRAM, "--examples", "3", "--steps", "1", *cuda)
        self.assertRegex(result.stdout, r"kernels +\d+ and, unfused, \d+ have the interpreter's bits, on the emulated device")
        # A reproducer says which device it is about; another can be named.
        text = REPRODUCER.replace("bits=256", "device=emulated")
        self.assertEqual(self.striate("verify", "--reproducer", self.write("r.sir", text)).stdout, "no mistake\n")
        other = self.write("o.sir", text.replace("device=emulated", "device=77"))
        self.assertEqual(self.striate("verify", "--reproducer", other, "--device", "emulated").stdout, "no mistake\n")
        of_cpu = self.write("c.sir", REPRODUCER)
        self.assertIn("is about the CPU", self.striate("verify", "--reproducer", of_cpu, "--device", "emulated", expect=2).stderr)
        self.assertIn("--device takes the number of a device",
                      self.striate("verify", PROGRAM, "--target", "cuda", "--device", "first", expect=2).stderr)

    def test_a_program_without_a_gradient_is_no_bug(self):
        program = self.write("product.nn", """
op product(x[N, C]) -> y[N] { y[n] = prod(c) x[n, c] }
model Product() {
    input x: f32[N, 3]
    output y = x -> Linear(4) as fc -> product
}
data d {
    split train = csv("none.csv", label = -1)
    field x = column(0)
}
train Product with d {
    loss = y
    optimizer = SGD(lr = 0.1)
    epochs = 1    batch = 4
}
""")
        self.assertIn("has no derivative", self.striate("verify", program, expect=1).stderr)

    def test_wrong_calls(self):
        missing = self.striate("verify", "--reproducer", self.path("none.sir"), expect=3)
        self.assertIn("none.sir", missing.stderr)
        broken = self.write("b.sir", REPRODUCER.replace("check=kernels", "check=all"))
        self.assertIn("b.sir:1: `check=all` is no setting of a check",
                      self.striate("verify", "--reproducer", broken, expect=3).stderr)
        self.assertIn("is more than the batch of 20", self.striate("verify", PROGRAM, "--examples", "21", expect=2).stderr)
        self.assertIn("a program is missing", self.striate("verify", expect=2).stderr)
        self.assertIn("by itself", self.striate("verify", PROGRAM, "--reproducer", broken, expect=2).stderr)


if __name__ == "__main__":
    harness.main()
