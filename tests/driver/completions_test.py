"""striate completions: the scripts are sound, and bash's offers what stands in --help and the files that fit."""

import os
import re
import shutil
import subprocess
import unittest

import harness

COMMAND = re.compile(r"^  ([a-z]+(?:, [a-z]+)*)  +\S", re.MULTILINE)
FLAG = re.compile(r"^  +(?:-\w,)?(--[a-z-]+)", re.MULTILINE)


class Completions(harness.EndToEnd):
    def script(self, shell):
        return self.write(f"striate.{shell}", self.striate("completions", shell).stdout)

    def checked(self, shell, *arguments):
        program = shutil.which(shell)
        if not program:
            raise unittest.SkipTest(f"there is no {shell}")
        return subprocess.run([program, *arguments], cwd=self.scratch, capture_output=True, text=True, check=False, timeout=60)

    def offered(self, *words):
        """What bash offers for the last of the words after `striate`."""
        # As bash divides them: `=` is a word of its own.
        divided = [part for word in words for part in (re.split("(=)", word) if word.startswith("-") else [word]) if part != ""]
        if words[-1] == "":
            divided.append("")
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in divided)
        code = f"source '{self.bash}'; COMP_WORDS=(striate {quoted}); COMP_CWORD={len(divided)}; _striate; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        result = self.checked("bash", "--norc", "-c", code)
        self.assertEqual(result.stderr, "")
        return {line for line in result.stdout.split("\n") if line}

    def commands(self):
        """Every command of --help, other names included."""
        text = self.striate("--help").stdout.split("Subcommands:")[1]
        return {name for found in COMMAND.findall(text) for name in found.split(", ")}

    def test_bash(self):
        self.bash = self.script("bash")
        result = self.checked("bash", "-n", self.bash)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for name in ("net.nn", "other net.nn", "notes.txt", "model.safetensors", "graph.sir"):
            self.write(name, "")
        os.mkdir(self.path("folder"))

        commands = self.commands()
        self.assertIn("train", commands)
        self.assertEqual(self.offered(""), commands | {"--help", "--version"})
        self.assertEqual(self.offered("ch"), {"check"})
        for command in sorted(commands):
            help_text = self.striate(command, "--help").stdout
            self.assertEqual({f for f in self.offered(command, "-") if f.startswith("--")}, set(FLAG.findall(help_text)), command)
        self.assertEqual(self.offered("train", "--res"), {"--resume"})
        programs = {"net.nn", "other net.nn", "folder"}
        self.assertEqual(self.offered("train", ""), programs)
        self.assertEqual(self.offered("fit", "ne"), {"net.nn"})
        self.assertEqual(self.offered("train", "--data", ""), {"folder"})
        self.assertEqual(self.offered("train", "--data", "folder", ""), programs)
        self.assertEqual(self.offered("train", "--data=folder", ""), programs)
        self.assertEqual(self.offered("train", "--force", ""), programs)
        self.assertEqual(self.offered("train", "net.nn", ""), set())
        self.assertEqual(self.offered("fmt", "net.nn", ""), programs)
        self.assertEqual(self.offered("eval", "net.nn", "-w", "mod"), {"model.safetensors"})
        self.assertEqual(self.offered("opt", ""), {"graph.sir", "folder"})
        self.assertEqual(self.offered("check", "--color", ""), {"auto", "always", "never"})
        self.assertEqual(self.offered("check", "--color=a"), {"auto", "always"})
        self.assertEqual(self.offered("check", "--color="), {"auto", "always", "never"})
        self.assertIn("regions", self.offered("build", "net.nn", "--emit="))
        self.assertEqual(self.offered("train", "--set", ""), set())
        self.assertEqual(self.offered("completions", ""), {"bash", "zsh", "fish"})
        self.assertEqual(self.offered("new", "net", "--template", ""), {"digits", "images", "csv", "text"})
        self.assertEqual(self.offered("none", ""), set())

    def test_zsh(self):
        script = self.script("zsh")
        with open(script, encoding="utf-8") as file:
            text = file.read()
        for command in self.commands():
            self.assertIn(f"'{command}:", text)
        result = self.checked("zsh", "-n", script)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_fish(self):
        script = self.script("fish")
        with open(script, encoding="utf-8") as file:
            text = file.read()
        for command in self.commands():
            self.assertIn(f"-a {command} ", text)
        result = self.checked("fish", "--no-execute", script)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.write("net.nn", "")
        offers = self.checked("fish", "--no-config", "-c", f"source '{script}'; complete -C 'striate train '; complete -C 'striate check --color='")
        self.assertIn("net.nn", offers.stdout)
        self.assertIn("--color=always", offers.stdout)

    def test_other_shells(self):
        self.striate("completions", "tcsh", expect=2)
        self.striate("completions", expect=2)


if __name__ == "__main__":
    harness.main()
