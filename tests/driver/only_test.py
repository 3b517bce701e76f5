"""--only: one id leads from a profile's row to region, kernel IR, LLVM's functions and back."""

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


class Only(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.net = self.write("net.nn", NET)

    def build(self, stage, only, **options):
        return self.striate("build", self.net, f"--emit={stage}", f"--only={only}", **options)

    def test_one_id_joins_all(self):
        self.striate("bench", self.net, "--iterations", "3", "--json", self.path("b.json"))
        with open(self.path("b.json"), encoding="utf-8") as file:
            kernels = json.load(file)["kernels"]
        for kernel in (kernels[2], kernels[-1]):
            name = kernel["id"]
            self.assertRegex(name, rf"^Net\.step\.{kernel['kernel']}\.\w+$")
            short = name.split(".")[-1]
            for way in (name, name + ".body", str(kernel["kernel"]), short):
                self.assertEqual(re.findall(r"^kernel (\w+)", self.build("kernel", way).stdout, re.MULTILINE), [short])
            self.assertIn(f"{name}:", self.build("asm", name).stdout)
            self.assertIn(f'@{name}(', self.build("llvm", name).stdout.replace('"', ""))
            self.assertEqual(len(re.findall("__global__", self.build("cuda", name).stdout)), 1)
            regions = re.findall(r'^  region "(\S+)"', self.build("regions", name).stdout, re.MULTILINE)
            self.assertEqual(re.sub(r"\W", "_", regions[0]), short)
            self.assertEqual(self.build("regions", regions[0]).stdout, self.build("regions", name).stdout)
            one = self.striate("bench", self.net, "--iterations", "3", "--only", name).stdout
            self.assertEqual(re.findall(rf"^ +{kernel['kernel']}  {short}", one, re.MULTILINE), [f"{kernel['kernel']:4}  {short}"])
            self.assertIn("step kernel: ", self.striate("why", self.net, "--only", name).stdout)

    def test_what_is_printed_is_text(self):
        for stage in ("regions", "kernel"):
            text = self.build(stage, "2").stdout
            file = self.write("one.sir", text)
            self.assertEqual(self.striate("opt", file).stdout, text)
        # The region alone becomes the kernel that it was; a kernel alone is timed.
        region = self.write("region.sir", self.build("regions", "2").stdout)
        scheduled = self.striate("opt", region, "--passes=schedule", "--batch", "16").stdout
        body = re.compile(r"^kernel .*?^}", re.MULTILINE | re.DOTALL)
        self.assertEqual(body.findall(scheduled), body.findall(self.build("kernel", "2").stdout))
        self.striate("bench", self.write("kernel.sir", self.build("kernel", "2").stdout), "--iterations", "3")
        whole = self.write("whole.sir", self.striate("build", self.net, "--emit=kernel").stdout)
        self.assertEqual(self.striate("opt", whole, "--only", "2").stdout, self.build("kernel", "2").stdout)

    # A document and a page of one kernel: its part and shares are those of the whole.
    def test_reports_of_one_kernel(self):
        whole = json.loads(self.striate("build", self.net, "--emit=json").stdout)
        number = next(k for k, kernel in enumerate(whole["kernels"]) if kernel["part"] == "backward")
        alone = json.loads(self.build("json", str(number)).stdout)
        self.assertEqual(alone["only"], number)
        self.assertEqual(len(alone["kernels"]), 1)
        for field in ("name", "part", "flop_share", "bytes", "text"):
            self.assertEqual(alone["kernels"][0][field], whole["kernels"][number][field])
        for statement in alone["statements"]:
            self.assertEqual(statement["part"], "backward")
        page = self.build("html", str(number)).stdout
        self.assertIn(f'"only":{number}', page)
        self.assertEqual(len(re.findall(r'"kernels":\[\d+\],"text"', page)), 1)
        self.assertLess(len(page), len(self.striate("build", self.net, "--emit=html").stdout))

    def test_what_is_wrong_is_said(self):
        self.assertIn("did you mean `conv_weight_next`?", self.build("kernel", "conv_weigth_next", expect=2).stderr)
        self.assertIn("there are ", self.build("kernel", "weight", expect=2).stderr)
        self.assertRegex(self.build("kernel", "99", expect=2).stderr, r"has kernels 0 to \d+, and no 99")
        self.assertIn("--only is for --emit=", self.build("grad", "1", expect=2).stderr)
        self.assertIn("which is not asked for", self.striate("train", self.net, "--only", "1", expect=2).stderr)
        self.assertIn("what about?", self.striate("why", self.net, expect=2).stderr)
        graph = self.write("graph.sir", self.striate("build", self.net, "--emit=grad").stdout)
        self.assertIn("has no regions yet", self.striate("opt", graph, "--only", "1", expect=3).stderr)


if __name__ == "__main__":
    harness.main()
