"""What the machine can do is measured once and kept; predicted times come from there, measured times from bench."""

import json
import os
import re
import stat

import harness

NET = """
model Net() {
    input image: f32[N, 3, 8, 8]
    output logits = image -> Conv2d(16, 3, padding = 1) as conv -> relu -> max_pool2d(2) -> flatten -> Linear(10) as fc
}
"""
COST = r" cost flops [\d.e+]+ read \d+ written \d+ intensity [\d.e+-]+"
PREDICTED = r" predicted [\d.e-]+"
MEASURED = r" measured [\d.e-]+"


class Machine(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.cache = self.path("caches", "here")
        self.file = os.path.join(self.cache, "striate", "machine.json")
        self.net = self.write("net.nn", NET)

    def here(self, *arguments, **extra):
        return self.striate(*arguments, **{"XDG_CACHE_HOME": self.cache, **extra})

    def regions(self, *arguments, threads="1"):
        text = self.here("build", self.net, "--emit=regions", "--threads", threads, *arguments).stdout
        return text, re.findall(r"^  region .*$", text, re.MULTILINE)

    def test_kept_for_the_user(self):
        self.assertIn("kept in  " + self.file, self.here("machine", "--threads", "1").stdout)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.file)).st_mode), 0o700)
        self.assertEqual(os.listdir(os.path.dirname(self.file)), ["machine.json"])
        with open(self.file, encoding="utf-8") as file:
            machines = json.load(file)["machines"]
        self.assertEqual([machine["threads"] for machine in machines], [1])
        # Another number of threads has figures of its own; the same one replaces them.
        self.here("machine", "--threads", "2")
        self.here("machine", "--threads", "1")
        with open(self.file, encoding="utf-8") as file:
            self.assertEqual(sorted(machine["threads"] for machine in json.load(file)["machines"]), [1, 2])

    def test_predicted_times_need_it(self):
        text, regions = self.regions()
        self.assertTrue(regions)
        for region in regions:
            self.assertRegex(region, COST + "$")
        self.here("machine", "--threads", "1")
        known, regions = self.regions()
        for region in regions:
            self.assertRegex(region, COST + PREDICTED + "$")
        self.assertEqual(known, self.regions()[0])
        self.assertEqual(re.sub(PREDICTED, "", known), text)
        # They are of this CPU and number of threads.
        self.assertNotIn("predicted", self.regions(threads="3")[0])
        self.assertNotIn("predicted", self.regions("--arch=aarch64")[0])
        kernels = self.here("build", self.net, "--emit=kernel", "--threads", "1").stdout
        self.assertEqual(len(re.findall(rf"^ {COST}{PREDICTED}$", kernels, re.MULTILINE)), len(regions))
        self.assertRegex(
            self.here("why", self.net, "conv", "--threads", "1").stdout,
            r"FLOP, reads [\d.]+ k?B, writes [\d.]+ k?B: [\d.]+ FLOP a byte; [\d.]+ (us|ms) at least on this machine",
        )
        for stage, text in (("regions", known), ("kernel", kernels)):
            self.assertEqual(self.here("opt", self.write(stage + ".sir", text)).stdout, text)
        bench = self.here("bench", self.net, "--iterations", "3", "--threads", "1").stdout
        self.assertIn(" (from `striate machine`)\n", bench)

    def test_a_damaged_file_is_passed_over(self):
        self.here("machine", "--threads", "1")
        with open(self.file, encoding="utf-8") as file:
            good = file.read()
        for bad in ("", "{", "[]", "null", good[:-20], good.replace("striate machine 1", "striate machine 9"), good.replace('"flops": ', '"flops": -'),
                    good.replace('"threads": 1', '"threads": "1"'), good.replace('"machines"', '"machine"'), "[" * 100000, "\0\xff" * 99):
            with open(self.file, "w", encoding="latin-1") as file:
                file.write(bad)
            result = self.here("build", self.net, "--threads", "1")
            self.assertRegex(result.stderr, r"^striate: warning: .*machine\.json is damaged.*; it is ignored, `striate machine` writes it anew\n$")
            self.assertNotIn("predicted", result.stdout)
        self.here("machine", "--threads", "1")
        self.assertIn("predicted", self.regions()[0])

    def test_a_file_that_cannot_be_read_or_written(self):
        os.makedirs(self.file)  # a folder
        self.assertIn("warning: ", self.here("build", self.net).stderr)
        self.assertIn("warning: the figures are not kept: ", self.here("machine", "--threads", "1").stderr)
        self.assertIn("warning: the figures are not kept: ", self.striate("machine", "--threads", "1").stderr)

    def test_without_the_variable_it_is_in_the_home_folder(self):
        self.here("machine", "--threads", "1", XDG_CACHE_HOME="", HOME=self.path("home"))
        self.assertTrue(os.path.isfile(self.path("home", ".cache", "striate", "machine.json")))
        # A relative path is ignored.
        self.here("machine", "--threads", "1", XDG_CACHE_HOME="relative", HOME=self.path("other"))
        self.assertTrue(os.path.isfile(self.path("other", ".cache", "striate", "machine.json")))
        self.assertFalse(os.path.exists(self.path("relative")))

    def test_measured_beside_predicted(self):
        for stage, line in (("regions", r"^  region .*$"), ("kernel", r"^  cost .*$")):
            out = self.path(stage + ".sir")
            self.striate("bench", self.net, "--iterations", "3", "--annotate", out, "--emit", stage)
            with open(out, encoding="utf-8") as file:
                text = file.read()
            self.assertEqual(self.striate("opt", out).stdout, text)
            lines = re.findall(line, text, re.MULTILINE)
            self.assertTrue(lines)
            for cost in lines:
                self.assertRegex(cost, COST + PREDICTED + MEASURED + "$")
        # But for the times it is what `build` prints.
        built = self.striate("build", self.net, "--emit=kernel").stdout
        self.assertEqual(re.sub(PREDICTED + MEASURED, "", text), built)
        # The kernels of a text are timed, too, and what it says of their costs is counted anew.
        edited = self.write("edited.sir", re.sub(r"^  cost .*\n", "", built, flags=re.MULTILINE))
        self.striate("bench", edited, "--iterations", "3", "--annotate", self.path("timed.sir"))
        with open(self.path("timed.sir"), encoding="utf-8") as file:
            self.assertEqual(re.sub(PREDICTED + MEASURED, "", file.read()), built)


if __name__ == "__main__":
    harness.main()
