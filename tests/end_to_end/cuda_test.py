"""--target cuda, on the emulated device: the CPU's bits, whatever is run; and what is said where there is no GPU.

Also in builds without the CPU's back end, where nothing is compared with the CPU.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import unittest

import harness

DIGITS = os.path.join(harness.MODELS, "digits.nn")
LENET = os.path.join(harness.MODELS, "lenet.nn")
EMULATED = ["--target", "cuda", "--device", "emulated"]
# A real one, where bench/gpu/run says so.
DEVICE = ["--target", "cuda", "--device", os.environ.get("STRIATE_TEST_DEVICE", "emulated")]
IS_EMULATED = DEVICE == EMULATED
HAS_CPU = os.environ["STRIATE_LLVM"] == "1"

needs_cpu = unittest.skipUnless(HAS_CPU, "this build has no CPU back end to compare with")

# One epoch of 5 steps and a smaller one, dropout, momentum, a schedule, and a state.
SMALL = """
model Net {
    input image: f32[N, 1, 8, 8]
    output y = image -> Conv2d(6, 3, bias = false) as conv -> BatchNorm2d as bn -> relu -> max_pool2d(2) -> flatten -> Dropout(0.25)
                     -> Linear(4) as fc
}
data rows {
    split train = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    split test  = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    field image = column(0) -> to_real(1/255) -> when training { random_crop(8, padding = 1) }
    field label = column(1)
}
train Net with rows {
    loss = cross_entropy(y, label)
    metric accuracy = top1(y, label)
    optimizer = SGD(lr = 0.1 -> cosine_decay, momentum = 0.9)
    epochs = 1    batch = 13    seed = 1
}
"""


def mnist_like(folder, train=74, test=20):
    """Files of MNIST's names and shapes, with fewer pictures, which mean nothing."""
    os.makedirs(folder)
    numbers = random.Random(1)
    for prefix, count in (("train", train), ("t10k", test)):
        pixels = bytes(numbers.randrange(256) for _ in range(784 * count))
        harness.write_idx(os.path.join(folder, f"{prefix}-images-idx3-ubyte.gz"), [count, 28, 28], pixels)
        labels = bytes(k % 10 for k in range(count))
        harness.write_idx(os.path.join(folder, f"{prefix}-labels-idx1-ubyte.gz"), [count], labels)
    return folder


@unittest.skipIf(IS_EMULATED and not shutil.which("c++"), "the emulated device needs a C++ compiler")
class OnTheDevice(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        # A cache of the test's own: what one command compiled, the next has.
        os.mkdir(self.path("cache"))

    def cuda(self, *arguments, **extra):
        return self.striate(*arguments, *DEVICE, STRIATE_CACHE=self.path("cache"), **extra)

    def program(self):
        self.pictures(self.scratch, examples=57)
        return self.write("net.nn", SMALL)

    def same_weights(self, one, other):
        digests = [harness.digest(self.path(run, "model.safetensors")) for run in (one, other)]
        self.assertEqual(*digests)

    def test_trains(self):
        program = self.program()
        talk = self.cuda("train", program, "--run", self.path("cuda"), "--set", "train.epochs=2")
        self.assertRegex(talk.stderr, "for the emulated device" if IS_EMULATED else "compiled in .* for ")
        self.assertIn("bn.running_mean", harness.read_safetensors(self.path("cuda", "model.safetensors")))
        if not HAS_CPU:
            return
        self.striate("train", program, "--run", self.path("cpu"), "--set", "train.epochs=2")
        self.same_weights("cpu", "cuda")
        logs = [
            [(m["step"], m["split"], m["name"], m["value"]) for m in harness.metrics(self.path(run))] for run in ("cpu", "cuda")
        ]
        self.assertEqual(*logs)

    @unittest.skipUnless(IS_EMULATED, "its messages are the emulated device's")
    def test_the_cache_has_what_was_compiled(self):
        program = self.program()
        self.cuda("train", program, "--run", self.path("one"))
        # Without a compiler that works.
        broken = self.write("broken", "#!/bin/sh\nexit 1\n")
        os.chmod(broken, 0o755)
        talk = self.striate("train", program, *EMULATED, "--run", self.path("no"), CXX=broken, STRIATE_CACHE="off", expect=3)
        self.assertIn("cannot compile", talk.stderr)
        compiler = shutil.which("c++")
        for name in os.listdir(self.path("cache", "emulated")):
            self.assertEqual(os.stat(self.path("cache", "emulated")).st_mode & 0o777, 0o700, name)
        self.cuda("train", program, "--run", self.path("two"), CXX=compiler)
        self.same_weights("one", "two")

    @needs_cpu
    def test_a_run_goes_on_where_another_device_stopped(self):
        program = self.program()
        settings = ["--set", "train.epochs=3"]
        self.striate("train", program, "--run", self.path("whole"), *settings)
        self.cuda("train", program, "--run", self.path("cuda"), *settings)
        first = min(name for name in os.listdir(self.path("cuda")) if name.startswith("checkpoint"))
        shutil.copytree(self.path("cuda"), self.path("rest"))
        self.striate("train", program, "--run", self.path("rest"), *settings, "--resume", self.path("cuda", first))
        self.same_weights("whole", "rest")

    def test_evaluates_and_runs(self):
        program = self.program()
        self.cuda("train", program, "--run", self.path("run"))
        weights = self.path("run", "model.safetensors")
        commands = [
            ["eval", program, "-w", weights],
            ["run", program, "-w", weights, "-i", "image=100"],
        ]
        for command in commands:
            cuda = self.cuda(*command).stdout
            self.assertTrue(cuda)
            if HAS_CPU:
                self.assertEqual(cuda, self.striate(*command).stdout)

    def test_runs_kernels_as_text(self):
        program = self.program()
        self.striate("build", program, "--emit=kernel", "--mode=infer", "-o", self.path("net.sir"))
        self.cuda("train", program, "--run", self.path("run"))
        command = ["run", self.path("net.sir"), "-w", self.path("run", "model.safetensors"), "-i", "image=100", "-i", "label=1"]
        cuda = self.cuda(*command).stdout
        self.assertIn("loss", cuda)
        if HAS_CPU:
            self.assertEqual(cuda, self.striate(*command).stdout)

    def test_lenet_takes_the_cpus_steps(self):
        data = mnist_like(self.path("mnist"))
        with open(LENET, encoding="utf-8") as file:
            program = self.write("lenet.nn", file.read().replace("divide(55000, 5000)", "divide(64, 10)"))
        # Two steps of 24 examples, and one of 16.
        settings = ["--data", data, "--set", "train.epochs=1", "--set", "train.batch=24"]
        self.cuda("train", program, "--run", self.path("cuda"), *settings)
        if HAS_CPU:
            self.striate("train", program, "--run", self.path("cpu"), *settings)
            self.same_weights("cpu", "cuda")

    def test_a_loop_runs_step_by_step(self):
        self.pictures(self.scratch, examples=29)
        text = re.sub(r"output y = .*?\n.*?\n", "output y = rows(image) -> LSTM(5) as lstm -> last_step -> Linear(4) as fc\n", SMALL)
        program = self.write("net.nn", "op rows(x[N, 1, H, W]) -> y[N, H, W] { y[n, h, w] = x[n, 0, h, w] }\n" + text)
        self.cuda("train", program, "--run", self.path("cuda"), "--set", "train.epochs=2")
        if HAS_CPU:
            self.striate("train", program, "--run", self.path("cpu"), "--set", "train.epochs=2")
            self.same_weights("cpu", "cuda")

    @unittest.skipUnless(IS_EMULATED, "its messages are the emulated device's")
    def test_says_what_the_device_is(self):
        talk = self.cuda("machine").stdout
        self.assertIn("device   the emulated device, compute capability 9.0, 132 multiprocessors\nmemory   16.00 GiB", talk)

    @unittest.skipUnless(IS_EMULATED, "its messages are the emulated device's")
    def test_says_where_the_time_goes(self):
        program = self.program()
        talk = self.cuda("bench", program, "--iterations", "3", "--json", self.path("bench.json"), "--trace", self.path("trace.json")).stdout
        self.assertRegex(talk, r"Net.step, batch 13, the emulated device\n")
        self.assertIn("(by its own figures)", talk)
        with open(self.path("bench.json"), encoding="utf-8") as file:
            result = json.load(file)
        self.assertEqual(result["device"], "the emulated device")
        self.assertEqual(len(result["runs"]), 3)
        self.assertTrue(all(kernel["seconds"] > 0 for kernel in result["kernels"]))
        profile = self.cuda("train", program, "--run", self.path("run"), "--profile").stdout
        self.assertIn("between kernels", profile)

    @unittest.skipUnless(IS_EMULATED, "its messages are the emulated device's")
    def test_a_program_that_does_not_fit_is_refused_at_once(self):
        self.pictures(self.scratch)
        program = self.write("net.nn", SMALL.replace("-> Linear(4) as fc", "-> Linear(40000) as wide -> Linear(40000) as wider -> Linear(4) as fc"))
        talk = self.cuda("train", program, "--run", self.path("run"), expect=5).stderr
        self.assertRegex(talk, r"the program needs \d+\.\d\d GiB, but the emulated device has 16.00 GiB free of 16.00 GiB; a smaller batch")

    def test_a_loss_that_is_not_finite_is_found(self):
        program = self.program()
        talk = self.cuda("train", program, "--run", self.path("run"), "--set", "optimizer.lr=1e30", expect=4).stderr
        self.assertRegex(talk, r"the loss is not finite at step \d+ \(epoch 1\): first seen in `")


@unittest.skipUnless(IS_EMULATED, "there is a device")
class WithoutADevice(harness.EndToEnd):
    def train(self, *arguments, expect, **extra):
        return self.striate("train", DIGITS, "--run", self.path("run"), *arguments, expect=expect, **extra).stderr

    def test_wrong_words(self):
        talk = self.train("--target", "cuda", "--device", "first", expect=2)
        self.assertIn("--device takes the number of a device, or `emulated`, not `first`", talk)
        self.assertIn("--device is for --target cuda", self.train("--device", "0", expect=2))
        self.assertIn("--mcpu is for --target cpu", self.train("--target", "cuda", "--mcpu", "znver4", expect=2))
        self.assertIn("--target", self.train("--target", "gpu", expect=2))
        self.assertFalse(os.path.exists(self.path("run")))

    def test_a_driver_that_is_none(self):
        # Where there is no NVRTC, that is said first.
        talk = self.train("--target", "cuda", expect=3, STRIATE_CUDA_DRIVER=self.path("none.so"))
        self.assertRegex(talk, r"CUDA's driver cannot be loaded from \$STRIATE_CUDA_DRIVER: .*none.so|NVRTC was not found: looked for")
        self.assertFalse(os.path.exists(self.path("run")))

    def test_the_documentation_shows_what_is_emitted(self):
        update = os.path.join(harness.SOURCE, "tests", "update")
        page = os.path.join(harness.SOURCE, "docs", "cuda.md")
        command = [sys.executable, update, "--check", "--striate", harness.BINARY, page]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, f"{checked.stdout}{checked.stderr}tests/update {page} writes it anew")

    def test_no_nvrtc(self):
        talk = self.train("--target", "cuda", expect=3, STRIATE_NVRTC=self.path("none.so"))
        self.assertRegex(talk, r"NVRTC cannot be loaded from \$STRIATE_NVRTC: .*none.so")

    def test_no_compiler_for_the_emulated_device(self):
        talk = self.train(*EMULATED, expect=3, PATH="/nowhere", CXX="")
        self.assertIn("the emulated device needs a C++ compiler: looked for $CXX, c++, g++ and clang++", talk)

    @unittest.skipIf(HAS_CPU, "this build has the CPU's back end")
    def test_a_build_without_the_cpu_says_what_it_has(self):
        self.assertIn("`--target cuda` needs none", self.train(expect=1))


class BuiltCode(harness.EndToEnd):
    """What NVRTC makes, where it is: no GPU is needed."""

    def build(self, *arguments, **extra):
        return self.striate("build", DIGITS, "--mode=infer", *arguments, **extra)

    def setUp(self):
        super().setUp()
        self.assertIn("__global__", self.build("--emit=cuda").stdout)
        probe = self.striate_may_fail("build", DIGITS, "--emit=ptx")
        if "NVRTC was not found" in probe:
            self.skipTest(probe.strip())

    def striate_may_fail(self, *arguments):
        try:
            return self.striate(*arguments).stderr
        except AssertionError as failed:
            return str(failed)

    def test_ptx_and_machine_code(self):
        self.assertIn(".target sm_80", self.build("--emit=ptx", "--gpu-arch=compute_80").stdout)
        self.assertIn(".target sm_90a", self.build("--emit=ptx").stdout)
        self.build("--emit=cubin", "-o", self.path("digits.cubin"))
        with open(self.path("digits.cubin"), "rb") as file:
            self.assertEqual(file.read(4), b"\x7fELF")

    def test_the_cache_gives_the_same(self):
        os.mkdir(self.path("cache"))
        texts = {self.build("--emit=ptx", STRIATE_CACHE=cache).stdout for cache in ("off", self.path("cache"), self.path("cache"))}
        self.assertEqual(len(texts), 1)
        self.assertTrue(os.listdir(self.path("cache", "cuda")))

    def test_what_is_for_the_cpu_alone(self):
        talk = self.build("--emit=asm", "--target", "cuda", expect=2).stderr
        self.assertIn("--emit=asm is for --target cpu; cuda, ptx and cubin are for a GPU", talk)

    def test_wrong_architectures(self):
        talk = self.build("--emit=cubin", "--gpu-arch=compute_80", expect=2).stderr
        self.assertIn("--emit=cubin takes a real architecture (sm_..), not `compute_80`", talk)
        self.assertIn("sm_12345", self.build("--emit=cubin", "--gpu-arch=sm_12345", expect=2).stderr)


if __name__ == "__main__":
    harness.main()
