"""What every command promises: exit codes, results on stdout and talk on stderr, nothing overwritten unasked."""

import os

import harness

NET = """
model Net() {
    input image: f32[N, 1, 8, 8]
    output logits = image -> flatten -> Linear(4) as fc
}
data pictures {
    split train = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    split test  = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
train Net with pictures {
    loss = cross_entropy(logits, label)
    metric accuracy = top1(logits, label)
    optimizer = SGD(lr = 0.1)
    epochs = 2    batch = 16    seed = 1
}
"""


class CommandLine(harness.EndToEnd):
    def net(self):
        self.pictures(self.path("data"))
        return self.write("net.nn", NET)

    def test_help_and_version(self):
        self.assertRegex(self.striate("--version").stdout, r"^striate \d+\.\d+\.\d+")
        text = self.striate("--help").stdout
        for command in ("check", "train", "eval", "run", "build", "explain", "summary"):
            self.assertIn(command, text)
            self.assertIn("--help", self.striate(command, "--help").stdout)

    def test_wrong_usage_exits_2(self):
        for arguments in ([], ["trian"], ["check"], ["check", "--no-such-option", "x.nn"], ["build", "x.nn", "--emit=nothing"]):
            with self.subTest(arguments=arguments):
                result = self.striate(*arguments, expect=2)
                self.assertEqual(result.stdout, "")
                self.assertTrue(result.stderr)

    def test_missing_program_exits_3(self):
        self.assertIn("nowhere.nn", self.striate("check", "nowhere.nn", expect=3).stderr)

    def test_a_good_program_passes_quietly(self):
        self.assertEqual(self.striate("check", self.net()).stdout, "")

    def test_a_run_folder_is_not_overwritten_unasked(self):
        net = self.net()
        train = ["train", net, "--data", self.path("data"), "--run", self.path("run")]
        self.striate(*train)
        self.assertIn("--force", self.striate(*train, expect=3).stderr)
        self.striate(*train, "--force")

    def test_logs_hold_no_control_characters(self):
        result = self.striate("train", self.net(), "--data", self.path("data"), "--run", self.path("run"))
        self.assertNotRegex(result.stdout + result.stderr, r"[\r\x1b]")

    def test_eval_and_run_use_the_trained_weights(self):
        net = self.net()
        self.striate("train", net, "--data", self.path("data"), "--run", self.path("run"), "--set", "train.epochs=30")
        weights = ["--weights", self.path("run", "model.safetensors")]
        self.assertRegex(self.striate("eval", net, "--data", self.path("data"), *weights).stdout, r"accuracy\D+(1|0\.9\d+)")
        pixels = [230.0 if row == 4 else 30.0 for row in range(8) for _ in range(8)]
        harness.write_npy(self.path("x.npy"), [1, 1, 8, 8], pixels)
        self.assertRegex(self.striate("run", net, *weights, "--input", f"image=@{self.path('x.npy')}").stdout, r"\b2\b")

    def test_damaged_weights_exit_3(self):
        net = self.net()
        with open(self.path("bad.safetensors"), "wb") as file:
            file.write(b"\xff" * 64)
        result = self.striate("eval", net, "--data", self.path("data"), "--weights", self.path("bad.safetensors"), expect=3)
        self.assertIn("bad.safetensors", result.stderr)

    def test_weights_of_another_model_exit_3(self):
        net = self.net()
        self.striate("train", net, "--data", self.path("data"), "--run", self.path("run"))
        other = self.write("other.nn", NET.replace("Linear(4)", "Linear(8) as first -> Linear(4)"))
        weights = self.path("run", "model.safetensors")
        result = self.striate("eval", other, "--data", self.path("data"), "--weights", weights, expect=3)
        self.assertIn("first.weight", result.stderr)

    def test_every_stage_is_printed(self):
        net = self.net()
        for stage in ("ast", "graph", "grad", "regions", "kernel", "llvm", "asm"):
            for mode in ("train", "infer"):
                with self.subTest(stage=stage, mode=mode):
                    self.assertGreater(len(self.striate("build", net, f"--emit={stage}", f"--mode={mode}").stdout), 100)

    def test_summary(self):
        text = self.striate("summary", self.net()).stdout
        self.assertIn("fc", text)
        self.assertIn("260", text.replace(",", ""))  # 64*4 weights and 4 biases

    def test_explain_prints_a_derived_gradient(self):
        text = self.striate("explain", "op", "conv2d", "--grad").stdout
        self.assertIn("sum(", text)

    def test_an_operator_of_ones_own(self):
        """docs/contributing.md: an operator is one line, and gets its gradient and its code."""
        self.pictures(self.path("data"))
        own = "op hard_swish(x[..]) -> y[..] { y[..] = x[..] * min(max(x[..] + 3, 0), 6) / 6 }\n"
        net = self.write("own.nn", own + NET.replace("-> flatten", "-> hard_swish -> flatten"))
        self.striate("train", net, "--data", self.path("data"), "--run", self.path("run"))
        self.assertTrue(os.path.exists(self.path("run", "model.safetensors")))


if __name__ == "__main__":
    harness.main()
