"""striate bench: the parts sum to the whole, files for other programs say the same, kernels in text form are timed too."""

import json
import re

import harness

NET = """
model Net() {
    input image: f32[N, 3, 16, 16]
    output logits = image -> Conv2d(16, 3, padding = 1) as conv -> relu -> max_pool2d(2) -> flatten -> Linear(10) as fc
}
data pictures {
    split train = idx("images.gz", "labels.gz")
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
train Net with pictures {
    loss = cross_entropy(logits, label)
    optimizer = SGD(lr = 0.1 -> step_decay(every = 2))
    epochs = 1    batch = 16
}
"""


KERNEL = """program "p" capacity 4 arena 64 scalars ("N", "a")
kernel k {
  memory y: f32[16] at 0
  axes lane: 16 lanes
  tile t[lane]
  parallel n: 0..1 {
    t[lane] = $a
    store y[n + lane] = t over (lane)
  }
}
"""


class Bench(harness.EndToEnd):
    def test_parts_sum_to_the_whole(self):
        net = self.write("net.nn", NET)
        result = self.striate("bench", net, "--seconds", "0.2", "--json", self.path("b.json"), "--trace", self.path("t.json"))
        self.assertRegex(result.stdout, r"^Net\.step, batch 16, ")
        self.assertIn("the machine, at most: ", result.stdout)
        with open(self.path("b.json")) as file:
            bench = json.load(file)
        self.assertGreaterEqual(len(bench["runs"]), 3)
        self.assertEqual(bench["batch"], 16)
        parts = sum(kernel["seconds"] + kernel["wait"] for kernel in bench["kernels"]) + bench["outside_kernels"]
        self.assertAlmostEqual(parts / bench["typical"], 1, delta=1e-6)
        self.assertGreaterEqual(bench["outside_kernels"], 0)
        self.assertLess(bench["outside_kernels"], 0.5 * bench["typical"])
        # 16 filters of 27 taps at 256 places, forward; once more for the weights, and never for the image.
        products = 16 * 256 * 27 * 16
        self.assertTrue(2 * 2 * products < sum(kernel["flop"] for kernel in bench["kernels"]) < 3 * 2 * products)
        convolution = next(k for k in bench["kernels"] if k["place"].startswith(net) and k["flop"] >= 16 * 2 * 16 * 16 * 16 * 27)
        self.assertGreater(convolution["seconds"], 0)
        with open(self.path("t.json")) as file:
            trace = json.load(file)["traceEvents"]
        events = [event for event in trace if event["pid"] == 1 and event["ph"] == "X" and event["args"]]
        self.check_compilation(trace, bench)
        self.assertEqual([event["args"]["kernel"] for event in events], list(range(len(bench["kernels"]))))
        self.assertEqual([event["name"] for event in events], [kernel["name"].split(" ")[0] for kernel in bench["kernels"]])
        self.assertTrue(any(re.fullmatch(r"\w+ \(conv\)", kernel["name"]) for kernel in bench["kernels"]))

    def check_compilation(self, trace, bench):
        """Parsing, every pass of every entry point, and every distinct kernel's code; parts lie within what they are parts of."""
        spans = [event for event in trace if event["pid"] == 2 and event["ph"] == "X"]
        by_kind = {}
        for span in spans:
            by_kind.setdefault(span["cat"], []).append(span)
        self.assertEqual([span["name"] for span in by_kind["front end"]], ["parse", "elaborate"])
        of_step = [span["name"] for span in by_kind["pass"] if span["args"]["of"] == "Net.step"]
        self.assertEqual(of_step[0], "expand_calls")
        self.assertEqual(of_step[-1], "schedule")
        self.assertEqual(of_step.count("inline_pointwise"), 1)
        symbols = {kernel["id"] for kernel in bench["kernels"]}
        code = [span for span in by_kind["code"] if span["name"] in symbols]
        self.assertGreater(len(code), 0.5 * len(symbols))  # kernels that are alike are compiled once
        for whole in code:
            parts = [span for span in by_kind["code"] if span["args"]["of"] == whole["name"]]
            self.assertEqual([part["name"] for part in parts], ["to LLVM's IR", "LLVM"])
            for part in parts:
                self.assertGreaterEqual(part["ts"] + 1e-3, whole["ts"])
                self.assertLessEqual(part["ts"] + part["dur"], whole["ts"] + whole["dur"] + 1e-3)

    def test_a_trace_of_a_compilation_alone(self):
        net = self.write("net.nn", NET)
        self.striate("build", net, "--emit=asm", "--trace", self.path("t.json"))
        with open(self.path("t.json")) as file:
            names = [event["name"] for event in json.load(file)["traceEvents"]]
        for name in ("parse", "inline_pointwise", "schedule", "LLVM"):
            self.assertIn(name, names)
        self.striate("build", net, "--trace", self.path("none/t.json"), expect=3)

    def test_kernels_in_text_form(self):
        net = self.write("net.nn", NET)
        self.striate("build", net, "--emit=kernel", "--mode=infer", "-o", self.path("net.sir"))
        result = self.striate("bench", self.path("net.sir"), "--iterations", "4", "--rows", "0")
        self.assertRegex(result.stdout, r"\n4 runs: p50 ")
        self.assertEqual(len(re.findall(r"net\.nn:\d+:\d+ ", result.stdout)), self.kernels(self.path("net.sir")))

    def kernels(self, file):
        with open(file) as text:
            return len(re.findall(r"^kernel .* loc\(", text.read(), re.MULTILINE))

    def test_rows(self):
        net = self.write("net.nn", NET)
        result = self.striate("bench", net, "--mode=infer", "--iterations", "3", "--rows", "1")
        self.assertRegex(result.stdout, r"\n +\d+ others ")
        self.assertRegex(result.stdout, r"^Net\.eval, ")

    def test_waits_of_threads_are_told_apart(self):
        net = self.write("net.nn", NET)
        result = self.striate("bench", net, "--iterations", "20", "--threads", "2", "--rows", "0", "--json", self.path("b.json"))
        with open(self.path("b.json")) as file:
            bench = json.load(file)
        waits = sum(kernel["wait"] for kernel in bench["kernels"])
        self.assertGreater(waits, 0)
        self.assertRegex(result.stdout, r"\n +waiting for other threads ")
        parts = sum(kernel["seconds"] for kernel in bench["kernels"]) + waits + bench["outside_kernels"]
        self.assertAlmostEqual(parts / bench["typical"], 1, delta=1e-6)

    def test_inner_loops(self):
        net = self.write("net.nn", NET)
        result = self.striate("bench", net, "--iterations", "5", "--threads", "1", "--code", "--json", self.path("b.json"))
        self.assertRegex(result.stdout, r"\n +id  inner loop of +instr +bits +fma ")
        self.assertRegex(result.stdout, r"cycles of a pass, by LLVM's model and by the time at \d\.\d\d GHz")
        with open(self.path("b.json")) as file:
            kernels = json.load(file)["kernels"]
        convolution = max(kernels, key=lambda kernel: kernel["flop"])["inner_loop"]
        self.assertIn(convolution["vector_bits"], (128, 256, 512))
        self.assertGreaterEqual(convolution["fma"], 1)
        self.assertGreater(convolution["model_cycles"], 0)
        self.assertGreater(convolution["measured_cycles"], 0)
        if "no hardware counters" not in result.stdout:
            self.assertGreater(convolution["instructions_per_cycle"], 0)
        if convolution["instructions_per_cycle"] == 0:
            self.assertRegex(result.stdout, r"no hardware counters \(instr/c\): \w+")

    def test_what_is_wrong_is_said(self):
        self.assertIn("nowhere.sir", self.striate("bench", "nowhere.sir", expect=3).stderr)
        broken = self.write("broken.sir", 'program "p" capacity 1 arena 0 scalars ()\nkernel k {\n  store y[0] = 1\n}\n')
        self.assertIn("broken.sir:3", self.striate("bench", broken, expect=3).stderr)
        for change, message in (
            (("arena 64", "arena 60"), "2: kernel k: y ends beyond the arena's 60 bytes"),
            (("capacity 4", "capacity 0"), "1: the capacity is 0"),
            (("0..1 ", "0..N "), "8: kernel k: y is accessed at 0 .. 18 of 16 elements"),
            (("$a", "$b"), "7: kernel k: $b is no scalar of the program"),
        ):
            self.striate("bench", self.write("good.sir", KERNEL), "--iterations", "3")
            wrong = self.write("wrong.sir", KERNEL.replace(*change))
            self.assertIn("wrong.sir:" + message, self.striate("bench", wrong, expect=3).stderr)
        self.striate("bench", self.write("net.nn", NET), "--iterations", "0", expect=2)
        self.striate("bench", self.write("net.nn", NET), "--json", self.path("none/b.json"), "--iterations", "3", expect=3)

    def test_machine(self):
        self.assertRegex(self.striate("machine", "--threads", "1").stdout, r"at most +[\d.]+ GFLOP/s, [\d.]+ GB/s from cache, ")


if __name__ == "__main__":
    harness.main()
