"""Objects for other machines give the same bits, valgrind finds nothing, and a C program learns MNIST from scratch."""

import gzip
import os
import shutil
import struct
import subprocess
import sys

import artifact_test
import harness

LEARN_MNIST = r"""
#include "net.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kTrain = 60000, kTest = 10000, kPixels = 784, kBatch = 64 };
static uint8_t images[kTrain][kPixels], labels[kTrain], test_images[kTest][kPixels], test_labels[kTest];
static uint8_t batch[kBatch][kPixels];
static int32_t batch_labels[kBatch];
static int order[kTrain];

static int read_bytes(const char *folder, const char *name, size_t skip, void *to, size_t bytes) {
  char path[1000], head[16];
  FILE *file;
  size_t found;
  sprintf(path, "%.900s/%s", folder, name);
  file = fopen(path, "rb");
  if (!file) return 0;
  found = fread(head, 1, skip, file) == skip ? fread(to, 1, bytes, file) : 0;
  fclose(file);
  return found == bytes;
}

int main(int argc, char **argv) {
  char *memory = malloc(NET_WORKSPACE_BYTES + NET_WORKSPACE_ALIGNMENT);
  void *workspace = memory + (NET_WORKSPACE_ALIGNMENT - (uintptr_t)memory % NET_WORKSPACE_ALIGNMENT);
  net_settings settings = NET_SETTINGS;
  uint32_t random = 1;
  float accuracy[kBatch];
  double right = 0;
  int epoch, k, first;
  (void)argc;
  if (!read_bytes(argv[1], "train-images-idx3-ubyte", 16, images, sizeof images) ||
      !read_bytes(argv[1], "train-labels-idx1-ubyte", 8, labels, sizeof labels) ||
      !read_bytes(argv[1], "t10k-images-idx3-ubyte", 16, test_images, sizeof test_images) ||
      !read_bytes(argv[1], "t10k-labels-idx1-ubyte", 8, test_labels, sizeof test_labels))
    return 10;
  for (k = 0; k < kTrain; ++k) order[k] = k;
  net_init(workspace, settings.seed);
  settings.step = 0;
  for (epoch = 0; epoch < 3; ++epoch) {
    settings.epoch = epoch;
    for (k = kTrain - 1; k > 0; --k) {
      int other, kept = order[k];
      random = random * 1664525u + 1013904223u;
      other = (int)((random >> 8) % (uint32_t)(k + 1));
      order[k] = order[other];
      order[other] = kept;
    }
    for (first = 0; first + kBatch <= kTrain; first += kBatch) {
      for (k = 0; k < kBatch; ++k) {
        memcpy(batch[k], images[order[first + k]], kPixels);
        batch_labels[k] = labels[order[first + k]];
      }
      ++settings.step;
      if (net_train_step(workspace, &settings, kBatch, batch[0], batch_labels, NULL, NULL, NULL) != NET_OK) return 11;
    }
  }
  for (first = 0; first < kTest; first += kBatch) {
    int count = kTest - first < kBatch ? kTest - first : kBatch;
    for (k = 0; k < count; ++k) batch_labels[k] = test_labels[first + k];
    if (net_eval(workspace, count, test_images[first], batch_labels, NULL, NULL, accuracy, NULL) != NET_OK)
      return 12;
    for (k = 0; k < count; ++k) right += accuracy[k];
  }
  printf("%.2f\n", 100 * right / kTest);
  free(memory);
  return 0;
}
"""


class OtherMachines(artifact_test.WithObjects):
    def test_the_same_bits_everywhere(self):
        self.need("aarch64-linux-gnu-gcc", "qemu-aarch64", "valgrind")
        digits = os.path.join(harness.MODELS, "digits.nn")
        self.striate("train", digits, "--run", self.path("run"), "--set", "train.epochs=1")
        images = [float(k * k % 17) for k in range(70 * 64)]
        with open(self.path("images.bin"), "wb") as file:
            file.write(struct.pack(f"<{len(images)}f", *images))
        build = ["build", digits, "--weights", self.path("run", "model.safetensors"), "-o", self.path("net")]
        found = {}
        for name, options, compiler, prefix in (
            ("here", [], "cc", []),
            ("baseline", ["--mcpu", "x86-64"], "cc", []),
            ("AVX2, under valgrind", ["--mcpu", "x86-64-v3"], "cc", ["valgrind", "-q", "--error-exitcode=9"]),
            ("aarch64", ["--arch", "aarch64"], "aarch64-linux-gnu-gcc", ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]),
            ("cortex-a76", ["--arch", "aarch64", "--mcpu", "cortex-a76"], "aarch64-linux-gnu-gcc",
             ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]),
        ):  # fmt: skip
            self.striate(*build, *options)
            program = self.compile(artifact_test.CLASSIFY, compiler, "-lm")
            found[name] = self.output_of(*prefix, program, self.path("images.bin"))
        self.assertEqual(len(found["here"]), 70 * 10 * 4)
        for name, bytes_ in found.items():
            self.assertEqual(bytes_, found["here"], name)

    def test_the_version_is_the_machines(self):
        """Machines that are older than this one, by emulation: the last version that they can run is taken, with the same bits."""
        self.need("qemu-x86_64", "valgrind")
        digits, weights = self.trained_digits()
        self.striate("build", digits, "-w", weights, "--mcpu", "x86-64+x86-64-v2+x86-64-v3+x86-64-v4", "-o", self.path("net"))
        program = self.compile(artifact_test.VERSIONS, "cc", "-lm", "-static")
        dynamic = self.compile(artifact_test.VERSIONS, "cc", "-lm")
        images, size = self.images(19), 19 * 10 * 4
        for wanted, command in (
            (0, ["qemu-x86_64", "-cpu", "qemu64", program]),
            (1, ["qemu-x86_64", "-cpu", "Nehalem", program]),
            (2, ["qemu-x86_64", "-cpu", "Haswell", program]),
            (2, ["valgrind", "-q", "--error-exitcode=9", dynamic]),
        ):
            done = subprocess.run([*command, images], capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, (command, done.stderr))
            self.assertEqual(int(done.stderr.split()[-1]), wanted, (command, done.stderr))
            self.assertEqual(done.stdout, done.stdout[:size] * (wanted + 1), command)

    def test_a_c_program_learns_mnist(self):
        data = harness.shared_data("mnist")
        if not data:
            self.skipTest("the MNIST files are not here")
        for name in os.listdir(data):
            if name.endswith(".gz"):
                with gzip.open(os.path.join(data, name)) as packed, open(self.path(name[:-3]), "wb") as file:
                    shutil.copyfileobj(packed, file)
        self.striate("build", os.path.join(harness.MODELS, "lenet.nn"), "--data", data, "--train", "-o", self.path("net"))
        accuracy = float(self.output_of(self.compile(LEARN_MNIST), self.scratch))
        size = os.path.getsize(self.path("net.o"))
        with open(self.path("net.h"), encoding="utf-8") as file:
            workspace = next(line.split()[2] for line in file if line.startswith("#define NET_WORKSPACE_BYTES"))
        print(f"LeNet from C: {accuracy} % of the test images, {size} bytes of object, {workspace} of workspace", file=sys.stderr)
        self.assertGreaterEqual(accuracy, 98.5)


if __name__ == "__main__":
    harness.main()
