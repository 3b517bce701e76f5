"""striate man: all commands and options are in the page, its exit codes are those of the documentation, and no tool complains."""

import os
import re
import shutil
import subprocess
import unittest

import harness


def plain(roff):
    text = re.sub(r"\\f[BIPR]", "", roff)
    return text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


class ManualPage(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.roff = self.striate("man").stdout
        self.page = plain(self.roff)

    def test_everything_of_the_help_is_there(self):
        commands = re.findall(r"^  ([a-z]+(?:, [a-z]+)*)  +(\S.*)", self.striate("--help").stdout.split("Subcommands:")[1], re.MULTILINE)
        self.assertGreater(len(commands), 10)
        for names, _ in commands:
            name = names.split(",")[0]
            self.assertRegex(self.page, rf"(?m)^striate {name}\b")
            section = self.page.split(f".SS {name}\n")[1].split("\n.S")[0]
            common = self.page.split(".SH OPTIONS OF EVERY COMMAND\n")[1].split("\n.SH")[0]
            for flag in re.findall(r"^  +(?:-\w,)?(--[a-z-]+)", self.striate(name, "--help").stdout, re.MULTILINE):
                self.assertRegex(section + common, rf"(?m)^{flag}\b", f"{name} {flag}")
        self.assertIn("Also called fit.", self.page)

    def test_exit_codes_are_those_of_the_documentation(self):
        with open(os.path.join(harness.SOURCE, "docs", "command-line.md"), encoding="utf-8") as file:
            table = re.findall(r"^\| ([0-9, ]+) \| (.*) \|$", file.read(), re.MULTILINE)
        section = self.page.split(".SH EXIT STATUS\n")[1].split("\n.SH")[0]
        self.assertEqual(re.findall(r"\.TP\n(.*)\n(.*)", section), table)

    def test_no_tool_complains(self):
        found = False
        for command in (["groff", "-man", "-ww", "-Tutf8", "-P-c"], ["mandoc", "-T", "lint", "-W", "error"], ["man", "-l", "-"]):
            if not shutil.which(command[0]):
                continue
            found = True
            result = subprocess.run(command, input=self.roff, capture_output=True, text=True, check=False, env=harness.environment(MANWIDTH="80"))
            self.assertEqual((result.returncode, result.stderr), (0, ""), command)
            if command[0] == "groff":
                self.assertIn("striate train FILE.nn", re.sub(r".\x08", "", result.stdout))
        if not found:
            raise unittest.SkipTest("neither groff, mandoc nor man is here")


if __name__ == "__main__":
    harness.main()
