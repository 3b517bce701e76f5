"""Wrong command lines: exit code 2, one message on stderr that says what would have been right."""

import harness

NET = """
model Net() {
    input x: f32[N, 3]
    output y = x -> Linear(2) as fc -> relu
}
data points {
    split train = csv("points.csv", label = -1)
    field x = column(0)
    field label = column(1)
}
train Net with points {
    loss = cross_entropy(y, label)
    optimizer = SGD(lr = 0.1)
    epochs = 3    batch = 4    seed = 1
}
"""


class Usage(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        harness.write_csv(self.path("points.csv"), [[k, k % 3, -k, k % 2] for k in range(10)])
        self.net = self.write("net.nn", NET)

    def wrong(self, *arguments):
        result = self.striate(*arguments, expect=2)
        self.assertEqual(result.stdout, "")
        return result.stderr

    def test_no_command_shows_the_help(self):
        text = self.wrong()
        self.assertIn("Subcommands:", text)
        self.assertIn("train", text)

    def test_the_nearest_name_is_suggested(self):
        self.assertIn("no command `trian`; did you mean `train`?", self.wrong("trian", self.net))
        self.assertIn("did you mean `predict`?", self.wrong("predct"))
        self.assertIn(f"did you mean `striate train {self.net}`?", self.wrong(self.net))
        self.assertIn("no option `--thread`; did you mean `--threads`?", self.wrong("train", self.net, "--thread=3"))
        self.assertIn("one argument too many", self.wrong("check", self.net, "again"))

    def test_settings_of_the_command_line(self):
        for wrong in (["--set", "train.epochs=-3"], ["--set", "train.epoch=3"], ["--set", "epochs"], ["--param", "classes=3"]):
            with self.subTest(wrong=wrong):
                self.assertIn("error", self.wrong("check", self.net, *wrong))

    def test_other_names_of_commands(self):
        self.striate("fit", self.net, "--run", self.path("run"))
        weights = ["--weights", self.path("run", "model.safetensors")]
        self.striate("test", self.net, "--split", "train", *weights)
        self.striate("predict", self.net, "--input", "x=1", *weights)
        self.striate("compile", self.net)

    def test_cpus(self):
        for command in (["train", "--run", self.path("no")], ["build"]):
            error = self.wrong(command[0], self.net, *command[1:], "--mcpu", "haswel")
            self.assertIn("`haswel` is not a CPU that LLVM knows", error)
            self.assertIn("did you mean `haswell`?", error)
        # Any CPU's code can be looked at.
        self.assertIn("zmm", self.striate("build", self.net, "--emit=asm", "--batch=16", "--mcpu=znver4").stdout)
        self.assertNotIn("ymm", self.striate("build", self.net, "--emit=asm", "--mcpu=x86-64").stdout)

    def test_the_bits_do_not_depend_on_the_cpu(self):
        digests = set()
        for cpu in ("native", "x86-64"):
            self.striate("train", self.net, "--run", self.path(cpu), "--mcpu", cpu)
            digests.add(harness.digest(self.path(cpu, "model.safetensors")))
        self.assertEqual(len(digests), 1)

    def test_resume_takes_the_latest_run(self):
        self.striate("train", self.net)
        self.striate("train", self.net, "--set", "train.epochs=1")
        self.striate("train", self.net, "--resume")
        whole, resumed = (harness.digest(self.path("runs", name, "model.safetensors")) for name in ("net", "net-2"))
        self.assertEqual(whole, resumed)
        self.write("net.nn", NET + "# changed\n")
        self.assertIn("net.nn has changed since", self.striate("train", "--resume", self.net).stderr)

    def test_colours_as_asked(self):
        broken = self.write("broken.nn", "model Net() { output y = z }\n")
        escape = "\x1b["
        self.assertNotIn(escape, self.striate("check", broken, expect=1).stderr)
        self.assertIn(escape, self.striate("check", broken, "--color", "always", expect=1).stderr)
        self.assertNotIn(escape, self.striate("check", broken, "--color", "never", expect=1).stderr)
        self.wrong("check", broken, "--color", "sometimes")

    def test_check_goes_as_far_as_training(self):
        product = self.write("product.nn", NET.replace("-> relu", "-> spread"))
        with open(product, "a", encoding="utf-8") as file:
            file.write("op spread(x[N, C]) -> y[N, C] { p[n] = prod(c) x[n, c]\n y[n, c] = x[n, c] * p[n] }\n")
        refused = self.striate("check", product, expect=1).stderr
        self.assertIn("product.nn:4:", refused)
        self.assertEqual(refused, self.striate("train", product, "--run", self.path("no"), expect=1).stderr)


if __name__ == "__main__":
    harness.main()
