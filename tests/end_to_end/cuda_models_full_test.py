"""The models on CUDA without a GPU: small variants train on the emulated device with the CPU's bits, and every kernel of the
models as they are compiles for an H200 and for older devices, with all its values in registers."""

import os
import shutil
import unittest

import harness
import models_test
from cuda_test import DEVICE, EMULATED, HAS_CPU, IS_EMULATED

EXPECTED = ["--target", "cpu"] if HAS_CPU else EMULATED

STEPS = ["--set", "train.epochs=1", "--set", "train.batch=6"]
# Of the models as published. Where one has no training of its own, the evaluation.
PUBLISHED = ["lenet.nn", "digits.nn", "resnet20.nn", "alexnet.nn", "resnet18.nn", "char_gpt.nn", "lstm.nn", "vit.nn", "unet.nn"]


@unittest.skipIf(IS_EMULATED and not shutil.which("c++"), "the emulated device needs a C++ compiler")
class OnTheDevice(models_test.Learning):
    def compare(self, name, blocks, call):
        program = self.write(name, models_test.model_alone(name) + blocks.replace("CALL", call))
        digests = []
        for run, target in (("expected", EXPECTED), ("cuda", DEVICE)):
            self.striate("train", program, "--data", self.scratch, "--run", self.path(run), "--force", *STEPS, *target, timeout=3000)
            digests.append(harness.digest(self.path(run, "model.safetensors")))
        self.assertEqual(*digests)

    def test_they_take_the_cpus_steps(self):
        for name, (arguments, shape) in sorted(models_test.SMALL.items()):
            with self.subTest(model=name):
                model, image, output = models_test.header(name)
                self.images(shape, examples=16)  # two steps of 6 examples, and one of 4
                arguments = ", ".join(f"{key} = {value}" for key, value in {"classes": models_test.CLASSES, **arguments}.items())
                loss = models_test.LOSS.get(name, "cross_entropy({output}, label)").format(output=output)
                blocks = models_test.PICTURES.replace("IMAGE", image).replace("LOSS", loss)
                self.compare(name, blocks, f"{model}({arguments})")

    def test_a_small_gpt_does(self):
        os.makedirs(self.path("text"))
        for name, first in (("now", 0), ("next", 1)):
            values = [(start + k + first) % 11 for start in range(16) for k in range(8)]
            harness.write_idx(self.path("text", f"{name}.gz"), [16, 8], values)
        self.compare("char_gpt.nn", models_test.TEXT, "CharGPT(vocabulary = 11, context = 8, width = 12, depth = 2, heads = 2)")


class Compiled(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        probe = harness.subprocess.run(
            [harness.BINARY, "build", os.path.join(harness.MODELS, "xor.nn"), "--emit=ptx"], capture_output=True, text=True, check=False
        )
        if probe.returncode:
            self.skipTest(probe.stderr.strip())

    def test_kernels_keep_their_values_in_registers(self):
        for name in PUBLISHED:
            program = os.path.join(harness.MODELS, name)
            for architecture in ("sm_90a", "sm_80"):
                with self.subTest(model=name, architecture=architecture):
                    talk = self.striate(
                        "build", program, "--emit=cubin", f"--gpu-arch={architecture}", "-o", self.path("code"), timeout=3000
                    )
                    self.assertNotIn("warning", talk.stderr)
                    self.assertGreater(os.path.getsize(self.path("code")), 1000)


if __name__ == "__main__":
    harness.main()
