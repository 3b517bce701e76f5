"""--kernel-text: the kernels' text is written, perf and gdb find its lines."""

import os
import re
import shutil
import subprocess
import unittest

import harness

XOR = os.path.join(harness.MODELS, "xor.nn")


class KernelText(harness.EndToEnd):
    def bench(self, *command):
        return [harness.BINARY, "bench", XOR, "--iterations", "3", "--threads", "1", "--kernel-text", self.path("text"), *command]

    def test_the_text_is_that_of_the_kernels(self):
        self.striate(*self.bench()[1:])
        with open(self.path("text", "Xor.kernels")) as file:
            text = file.read()
        # The whole program: the step, evaluation, what fills the weights.
        self.assertEqual(re.findall(r'^program "(.*?)"', text, re.MULTILINE), ["Xor.step", "Xor.eval", "Xor.init"])
        step = self.striate("build", XOR, "--emit=kernel").stdout
        self.assertTrue(text.startswith(step))

    def test_perf_gets_a_map(self):
        process = subprocess.Popen(self.bench(), env=harness.environment(), stdout=subprocess.DEVNULL, cwd=self.scratch)
        self.assertEqual(process.wait(timeout=120), 0)
        path = f"/tmp/perf-{process.pid}.map"
        with open(path) as file:
            lines = file.read().splitlines()
        os.remove(path)
        for line in lines:
            self.assertRegex(line, r"^[0-9a-f]+ [1-9a-f][0-9a-f]* Xor\.(init|eval|step)\.\d+\.\w+$")
        self.assertTrue(any(line.endswith("tanh") for line in lines), lines)

    @unittest.skipUnless(shutil.which("gdb"), "there is no gdb")
    def test_gdb_stops_at_a_line(self):
        commands = ["set breakpoint pending on", "break Xor.step.0.tanh", "run", "next", "info symbol $pc", "kill"]
        talk = subprocess.run(
            ["gdb", "-q", "-batch", *(word for command in commands for word in ("-ex", command)), "--args", *self.bench()],
            capture_output=True, text=True, timeout=300, check=False, env=harness.environment(), cwd=self.scratch)
        if "Operation not permitted" in talk.stderr:
            self.skipTest("gdb may not run a process here")
        self.assertRegex(talk.stdout, r"Breakpoint 1, Xor\.step\.0\.tanh \(\) at Xor\.kernels:\d+\n\d+\tkernel tanh")
        self.assertRegex(talk.stdout, r"\n\d+\t +(parallel|for|tile|\w+\S*\[)")

    def test_a_folder_that_cannot_be(self):
        self.write("file", "x")
        result = self.striate("bench", XOR, "--kernel-text", self.path("file", "below"), expect=3)
        self.assertIn("below", result.stderr)


if __name__ == "__main__":
    harness.main()
