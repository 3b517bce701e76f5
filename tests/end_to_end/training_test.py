"""Training as promised: the quickstart's accuracy, the same bits again, exact resume, interruption."""

import os
import re
import signal
import subprocess
import time

import harness

DIGITS = os.path.join(harness.MODELS, "digits.nn")


class Training(harness.EndToEnd):
    def train(self, run, *arguments, **extra):
        """Trains the bundled digits into the folder; returns the digest of the final weights."""
        self.striate("train", DIGITS, "--run", self.path(run), *arguments, **extra)
        return harness.digest(self.path(run, "model.safetensors"))

    def test_digits_reach_97_percent(self):
        self.train("run")
        accuracy = [m["value"] for m in harness.metrics(self.path("run")) if (m["split"], m["name"]) == ("test", "accuracy")]
        self.assertTrue(accuracy, "the run says no accuracy on held-out digits")
        self.assertGreaterEqual(accuracy[-1], 0.97)

    def test_same_seed_same_bits(self):
        first = self.train("first", "--set", "train.epochs=2", "--threads", "1")
        self.assertEqual(first, self.train("again", "--set", "train.epochs=2", "--threads", "1"))
        self.assertEqual(first, self.train("two", "--set", "train.epochs=2", "--threads", "2"))
        self.assertNotEqual(first, self.train("other", "--set", "train.epochs=2", "--set", "train.seed=77"))

    def test_resume_equals_the_uninterrupted_run(self):
        whole = self.train("whole", "--set", "train.epochs=4")
        self.train("parts", "--set", "train.epochs=2")
        self.assertEqual(whole, self.train("parts", "--set", "train.epochs=4", "--resume"))

    def test_interrupt_saves_and_resumes(self):
        settings = ["--set", "train.epochs=40"]
        whole = self.train("whole", *settings)
        process = subprocess.Popen(
            [harness.BINARY, "train", DIGITS, "--run", self.path("cut"), *settings],
            env=harness.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        log = self.path("cut", "metrics.jsonl")
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if os.path.exists(log) and os.path.getsize(log):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        talk = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, talk)
        self.assertEqual(whole, self.train("cut", *settings, "--resume"))

    def test_a_profile_accounts_for_the_whole_update(self):
        plain = self.train("plain", "--set", "train.epochs=3")
        for threads in ("1", "2"):
            run = self.path("profiled" + threads)
            result = self.striate("train", DIGITS, "--run", run, "--set", "train.epochs=3", "--threads", threads, "--profile", "--rows", "0")
            self.assertEqual(plain, harness.digest(os.path.join(run, "model.safetensors")))  # and changes nothing
            head = re.search(r"^(\d+) updates of [\d.]+ examples, ([\d.]+) ms each", result.stdout)
            self.assertTrue(head, result.stdout)
            table = [row.strip() for row in result.stdout.split("\n\n")[1].splitlines()[1:]]
            unit = {"us": 1e-3, "ms": 1, "s": 1e3}
            rows = [re.search(r" ([\d.]+) (us|ms|s) +(-?[\d.]+)%", row) for row in table]
            self.assertTrue(all(rows), table)
            total = sum(float(row[1]) * unit[row[2]] for row in rows)
            self.assertAlmostEqual(total / float(head[2]), 1, delta=0.02)
            for name in ("inputs: ", "results: ", "host: ", "waiting for other threads", "between kernels"):
                self.assertEqual(sum(row.startswith(name) for row in table), 1, name)
            self.assertGreater(len(rows), 15)
        one = self.striate("train", DIGITS, "--run", self.path("one"), "--set", "train.epochs=1", "--profile", "--only", "0").stdout
        self.assertRegex(one, r"\n +0  .*\n +\d+ others ")

    def test_a_comma_locale_changes_nothing(self):
        self.assertEqual(
            self.train("plain", "--set", "train.epochs=1"),
            self.train("comma", "--set", "train.epochs=1", LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8"),
        )


if __name__ == "__main__":
    harness.main()
