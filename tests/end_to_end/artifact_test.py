"""striate build: objects that C programs link, equal to the driver to the bit."""

import math
import os
import platform
import shutil
import struct
import subprocess

import harness

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1"]

CLASSIFY = r"""
#include "net.h"
#include <stdio.h>
#include <stdlib.h>

/* Threads that are none: the range in uneven pieces, the last one first. */
static void backwards(void *pool, int64_t extent, net_task task, void *context) {
  int64_t end = extent;
  ++*(int *)pool;
  while (end > 0) {
    int64_t begin = end > 3 ? end - 3 : 0;
    task(context, begin, end);
    end = begin;
  }
}

int main(int argc, char **argv) {
  char *memory = malloc(NET_WORKSPACE_BYTES + NET_WORKSPACE_ALIGNMENT);
  void *workspace = memory + (NET_WORKSPACE_ALIGNMENT - (uintptr_t)memory % NET_WORKSPACE_ALIGNMENT);
  static float image[NET_MAX_EXAMPLES][1][8][8], logits[NET_MAX_EXAMPLES][10], again[NET_MAX_EXAMPLES][10];
  FILE *in = fopen(argv[1], "rb");
  int calls = 0;
  net_threads threads = {backwards, &calls};
  size_t examples, e;
  (void)argc;
  net_load_trained(workspace);
  if (net_run(workspace, 0, NULL, NULL, NULL) != NET_BAD_EXAMPLES) return 10;
  if (net_run(workspace, NET_MAX_EXAMPLES + 1, NULL, NULL, NULL) != NET_BAD_EXAMPLES) return 11;
  while ((examples = fread(image, sizeof image[0], NET_MAX_EXAMPLES, in)) > 0) {
    if (net_run(workspace, (int64_t)examples, &image[0][0][0][0], &logits[0][0], NULL) != NET_OK) return 12;
    if (net_run(workspace, (int64_t)examples, &image[0][0][0][0], &again[0][0], &threads) != NET_OK) return 13;
    fwrite(logits, sizeof logits[0], examples, stdout);
    for (e = 0; e < 10 * examples; ++e)
      if (again[e / 10][e % 10] != logits[e / 10][e % 10]) return 14;
  }
  fclose(in);
  free(memory);
  return calls > 0 ? 0 : 15;
}
"""

LEARN = r"""
#include "net.h"
#include <stdio.h>
#include <stdlib.h>

static char file[NET_FILE_BYTES];

int main(int argc, char **argv) {
  char *memory = malloc(NET_WORKSPACE_BYTES + NET_WORKSPACE_ALIGNMENT);
  void *workspace = memory + (NET_WORKSPACE_ALIGNMENT - (uintptr_t)memory % NET_WORKSPACE_ALIGNMENT);
  net_settings settings = NET_SETTINGS;
  float x[4] = {0.5f, -1.0f, 2.0f, 0.25f}, loss, before;
  int32_t label = 2;
  int step;
  (void)argc;
  net_init(workspace, settings.seed);
  for (step = 1; step <= 7; ++step) {
    settings.step = step;
    settings.epoch = step - 1;
    if (net_train_step(workspace, &settings, 1, x, &label, &loss, NULL) != NET_OK) return 10;
  }
  net_save(workspace, file);
  FILE *out = fopen(argv[1], "wb");
  fwrite(file, 1, sizeof file, out);
  fclose(out);
  if (net_eval(workspace, 1, x, &label, NULL, &before, NULL) != NET_OK) return 11;
  net_init(workspace, 99);
  if (net_eval(workspace, 1, x, &label, NULL, &loss, NULL) != NET_OK || loss == before) return 12;
  if (net_load(workspace, file, sizeof file) != NET_OK) return 13;
  if (net_eval(workspace, 1, x, &label, NULL, &loss, NULL) != NET_OK || loss != before) return 14;
  if (net_load(workspace, file, sizeof file - 1) != NET_BAD_FILE) return 15;
  file[20] ^= 1;
  if (net_load(workspace, file, sizeof file) != NET_BAD_FILE) return 16;
  free(memory);
  return 0;
}
"""

# Every version that this machine can run, one after the other, on the same images; the number of each on stderr.
VERSIONS = r"""
#include "net.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  char *memory = malloc(NET_WORKSPACE_BYTES + NET_WORKSPACE_ALIGNMENT);
  void *workspace = memory + (NET_WORKSPACE_ALIGNMENT - (uintptr_t)memory % NET_WORKSPACE_ALIGNMENT);
  static float image[NET_MAX_EXAMPLES][1][8][8], logits[NET_MAX_EXAMPLES][10];
  FILE *in = fopen(argv[1], "rb");
  size_t examples = fread(image, sizeof image[0], NET_MAX_EXAMPLES, in);
  int best = net_version(), version;
  (void)argc;
  fclose(in);
  if (net_use_version(best + 1) != NET_BAD_VERSION) return 10;
  if (net_version() != best) return 11;
  for (version = 0; version <= best; ++version) {
    if (net_use_version(version) != NET_OK || net_version() != version) return 12;
    net_load_trained(workspace);
    if (net_run(workspace, (int64_t)examples, &image[0][0][0][0], &logits[0][0], NULL) != NET_OK) return 13;
    fwrite(logits, sizeof logits[0], examples, stdout);
  }
  if (net_use_version(-1) != NET_OK || net_version() != best) return 14;
  fprintf(stderr, "%d", best);
  free(memory);
  return 0;
}
"""

SEQUENCES = """
model Net {
    input x: f32[N, 9, 5]
    output y = x -> GRU(12) as gru -> last_step -> Linear(3) as fc
}
"""

SEQUENCE_MAIN = r"""
#include "net.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  char *memory = malloc(NET_WORKSPACE_BYTES + NET_WORKSPACE_ALIGNMENT);
  void *workspace = memory + (NET_WORKSPACE_ALIGNMENT - (uintptr_t)memory % NET_WORKSPACE_ALIGNMENT);
  static float x[3 * 9 * 5], y[3 * 3];
  static char file[NET_FILE_BYTES];
  FILE *in = fopen(argv[1], "rb");
  (void)argc;
  if (fread(file, 1, sizeof file, in) != sizeof file) return 10;
  fclose(in);
  if (net_load(workspace, file, sizeof file) != NET_OK) return 11;
  for (int k = 0; k < 3 * 9 * 5; ++k) x[k] = (float)(k % 7) * 0.25f - 0.5f;
  if (net_run(workspace, 3, x, y, NULL) != NET_OK) return 12;
  fwrite(y, sizeof y, 1, stdout);
  free(memory);
  return 0;
}
"""


class WithObjects(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.need("cc")

    def need(self, *tools):
        for tool in tools:
            if not shutil.which(tool):
                self.skipTest(f"there is no `{tool}`")

    def compile(self, source, compiler="cc", *libraries, net="net.o"):
        """The program of this source and what was built."""
        self.write("main.c", source)
        program = self.path("main")
        command = [compiler, *FLAGS, self.path("main.c"), self.path(net), "-I", self.scratch, "-o", program, *libraries]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def output_of(self, *command):
        done = subprocess.run(command, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


    def images(self, count):
        """Their file."""
        images = [float(k * k % 17) for k in range(count * 64)]
        with open(self.path("images.bin"), "wb") as file:
            file.write(struct.pack(f"<{len(images)}f", *images))
        return self.path("images.bin")

    def trained_digits(self):
        """The program and its weights."""
        digits = os.path.join(harness.MODELS, "digits.nn")
        self.striate("train", digits, "--run", self.path("run"), "--set", "train.epochs=1")
        return digits, self.path("run", "model.safetensors")


class Artifacts(WithObjects):
    def test_a_c_program_classifies_as_the_driver_does(self):
        digits = os.path.join(harness.MODELS, "digits.nn")
        weights = self.path("run", "model.safetensors")
        self.striate("train", digits, "--run", self.path("run"), "--set", "train.epochs=1")
        self.striate("build", digits, "--weights", weights, "-o", self.path("net"))
        images = [float(k * k % 17) for k in range(70 * 64)]
        harness.write_npy(self.path("images.npy"), (70, 1, 8, 8), images)
        with open(self.path("images.bin"), "wb") as file:
            file.write(struct.pack(f"<{len(images)}f", *images))
        out = self.path("logits.npy")
        self.striate("run", digits, "-w", weights, "--input", f"image=@{self.path('images.npy')}", "-o", f"logits=@{out}")
        _, expected = harness.read_npy(out)
        found = self.output_of(self.compile(CLASSIFY), self.path("images.bin"))
        self.assertEqual(found, struct.pack(f"<{len(expected)}f", *expected))
        # What it asks of others is the C library's copying.
        symbols = subprocess.run(["nm", "--undefined-only", self.path("net.o")], capture_output=True, text=True, check=False)
        if symbols.returncode == 0:
            self.assertLessEqual({line.split()[-1] for line in symbols.stdout.splitlines()}, {"memcpy", "memset"})
        # C++ takes the header too.
        self.write("main.cpp", '#include "net.h"\nint main() { return net_run(nullptr, 0, nullptr, nullptr, nullptr) - NET_BAD_EXAMPLES; }\n')
        command = ["c++", "-Wall", "-Werror", self.path("main.cpp"), self.path("net.o"), "-I", self.scratch, "-o", self.path("pp")]
        subprocess.run(command, check=True)
        self.output_of(self.path("pp"))

    def test_a_c_program_learns_as_the_driver_does(self):
        harness.write_csv(self.path("one.csv"), [[0.5, -1.0, 2.0, 0.25, 2]])
        program = self.write("one.nn", harness.ONE_EXAMPLE)
        self.striate("train", program, "--run", self.path("run"))
        self.striate("build", program, "--train", "-o", self.path("net"))
        self.output_of(self.compile(LEARN), self.path("own.safetensors"))
        own = harness.read_safetensors(self.path("own.safetensors"))
        for name, tensor in harness.read_safetensors(self.path("run", "model.safetensors")).items():
            self.assertEqual(own[name][2], tensor[2], name)
        # The driver takes the file, and an object can be built with it.
        self.striate("eval", program, "--split", "train", "-w", self.path("own.safetensors"))
        self.striate("build", program, "--train", "-w", self.path("own.safetensors"), "-o", self.path("net"))

    def test_loops_and_weights_from_a_file(self):
        program = self.write("net.nn", SEQUENCES)
        sizes = {"gru.weight_ih_l0": (36, 5), "gru.weight_hh_l0": (36, 12), "gru.bias_ih_l0": (36,)}
        sizes.update({"gru.bias_hh_l0": (36,), "fc.weight": (3, 12), "fc.bias": (3,)})
        values = {}
        for name, shape in sizes.items():
            values[name] = (shape, [((7 * k + len(name)) % 19 - 9) / 20 for k in range(math.prod(shape))])
        harness.write_safetensors(self.path("w.safetensors"), values)
        x = [(k % 7) * 0.25 - 0.5 for k in range(3 * 9 * 5)]
        harness.write_npy(self.path("x.npy"), (3, 9, 5), x)
        self.striate("run", program, "-w", self.path("w.safetensors"), "-i", f"x=@{self.path('x.npy')}", "-o", f"y=@{self.path('y.npy')}")
        _, expected = harness.read_npy(self.path("y.npy"))
        self.striate("build", program, "-w", self.path("w.safetensors"), "--external-weights", "-o", self.path("net.o"))
        self.assertEqual(harness.read_safetensors(self.path("net.safetensors")), harness.read_safetensors(self.path("w.safetensors")))
        found = self.output_of(self.compile(SEQUENCE_MAIN), self.path("net.safetensors"))
        self.assertEqual(found, struct.pack(f"<{len(expected)}f", *expected))

    def test_libraries_are_the_object(self):
        digits, weights = self.trained_digits()
        images, found = self.images(70), {}
        for name in ("net.o", "libnet.a", "libnet.so"):
            self.striate("build", digits, "-w", weights, "-o", self.path(name))
            self.assertTrue(os.path.exists(self.path("net.h")))
            found[name] = self.output_of(self.compile(CLASSIFY, "cc", f"-Wl,-rpath,{self.scratch}", net=name), images)
            os.remove(self.path("net.h"))
        self.assertEqual(len(found["net.o"]), 70 * 10 * 4)
        self.assertEqual(found["libnet.a"], found["net.o"])
        self.assertEqual(found["libnet.so"], found["net.o"])
        self.need("nm", "ar")
        self.assertEqual(self.output_of("ar", "t", self.path("libnet.a")), b"net.o\n")
        symbols = self.output_of("nm", "-D", "--defined-only", self.path("libnet.so")).decode()
        self.assertEqual(
            sorted(line.split()[-1] for line in symbols.splitlines()), ["net_load", "net_load_trained", "net_run", "net_save"]
        )
        # No linker, no shared library; what there was stays.
        message = self.striate("build", digits, "-w", weights, "-o", self.path("libnet.so"), expect=1, CC="no-such-cc").stderr
        self.assertIn("`no-such-cc`, which is not there", message)
        self.assertTrue(os.path.exists(self.path("libnet.so")))
        message = self.striate("build", digits, "-w", weights, "-o", self.path("libnet.so"), expect=1, CC="false").stderr
        self.assertIn("could not be linked by `false`", message)
        self.assertEqual([name for name in os.listdir(self.scratch) if ".tmp" in name], [])

    def test_versions_for_several_cpus_give_the_same_bits(self):
        if platform.machine() != "x86_64":
            self.skipTest("levels of CPUs are those of x86-64")
        digits, weights = self.trained_digits()
        self.striate("build", digits, "-w", weights, "--mcpu", "x86-64+x86-64-v2+x86-64-v3+x86-64-v4", "-o", self.path("net"))
        program = self.compile(VERSIONS, "cc", "-lm")
        done = subprocess.run([program, self.images(19)], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0)
        best, size = int(done.stderr), 19 * 10 * 4
        self.assertEqual(len(done.stdout), (best + 1) * size)
        for version in range(1, best + 1):
            self.assertEqual(done.stdout[version * size :][:size], done.stdout[:size], version)
        # As an object for one CPU has it.
        self.striate("build", digits, "-w", weights, "-o", self.path("net"))
        self.assertEqual(self.output_of(self.compile(CLASSIFY), self.images(19)), done.stdout[:size])
        for wrong in ("x86-64+haswell", "x86-64-v3+x86-64", "x86-64+", "x86-64+nothing"):
            self.striate("build", digits, "-w", weights, "--mcpu", wrong, "-o", self.path("net"), expect=2)
        self.striate("build", digits, "--emit=asm", "--mcpu", "x86-64+x86-64-v3", expect=2)

    def test_an_object_for_several_cpus_learns(self):
        if platform.machine() != "x86_64":
            self.skipTest("levels of CPUs are those of x86-64")
        harness.write_csv(self.path("one.csv"), [[0.5, -1.0, 2.0, 0.25, 2]])
        program, own = self.write("one.nn", harness.ONE_EXAMPLE), []
        for cpus in ("native", "x86-64+x86-64-v3"):
            self.striate("build", program, "--train", "--mcpu", cpus, "-o", self.path("net"))
            self.output_of(self.compile(LEARN, "cc", "-lm"), self.path("own.safetensors"))
            own.append(harness.digest(self.path("own.safetensors")))
        self.assertEqual(own[0], own[1])

    def test_what_cannot_be_built(self):
        program = self.write("net.nn", SEQUENCES)
        self.assertIn("`train` block", self.striate("build", program, "--train", "-o", self.path("net"), expect=1).stderr)
        self.striate("build", program, "--emit=asm", "--train", expect=2)
        self.striate("build", program, "--emit=object", "--external-weights", expect=2)
        self.striate("build", program, "--train", "--external-weights", "-w", self.path("w"), expect=2)
        self.striate("build", program, "-w", self.path("missing"), "-o", self.path("net"), expect=3)
        self.striate("build", program, "--emit=object", "-o", self.path("no folder", "net"), expect=3)
        clash = self.write("clash.nn", "model Net {\n    input a: f32[N, 2]\n    output y.a = a -> relu\n    output y_a = a -> tanh\n}\n")
        self.striate("build", clash, "--emit=object", "-o", self.path("net"), expect=1)
        taken = self.write("taken.nn", "model Net {\n    input examples: f32[N, 2]\n    output y = examples -> relu\n}\n")
        self.assertIn("`examples`", self.striate("build", taken, "--emit=object", "-o", self.path("net"), expect=1).stderr)

    def test_names_that_are_words_of_c(self):
        program = self.write("net.nn", "model Net {\n    input double: f32[N, 2]\n    output short = double -> relu\n}\n")
        self.striate("build", program, "--emit=object", "-o", self.path("net"))
        self.output_of(self.compile('#include "net.h"\nint main(void) { return net_run(0, 0, 0, 0, 0) != NET_BAD_EXAMPLES; }\n'))


if __name__ == "__main__":
    harness.main()
