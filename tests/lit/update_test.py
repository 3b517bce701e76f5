"""tests/update rewrites what is below its marker, in a form that FileCheck takes, and nothing else."""

import os
import subprocess
import sys
import tempfile
import unittest

UPDATE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "update")
MARKER = "# --- below: written by tests/update ---"
BEFORE = f"# RUN: %striate build %s | FileCheck %s\nmodel Net {{}}\n{MARKER}\n# CHECK: old\n"
AFTER = (
    f"# RUN: %striate build %s | FileCheck %s\nmodel Net {{}}\n{MARKER}\n"
    '# CHECK: a{{\\[\\[}}1]] of "{{.*}}net.nn"\n# CHECK-EMPTY:\n# CHECK-NEXT:   {{\\{\\{}}b}}\n'
)


class Update(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="striate ")
        self.addCleanup(folder.cleanup)
        self.test = os.path.join(folder.name, "net.nn")
        self.binary = os.path.join(folder.name, "striate")
        with open(self.binary, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nprintf 'a[[1]] of \"%s\"\\n\\n  {{b}}\\n' \"$2\"\n")
        os.chmod(self.binary, 0o755)

    def write(self, text):
        with open(self.test, "w", encoding="utf-8") as file:
            file.write(text)

    def update(self, *options):
        command = [sys.executable, UPDATE, "--striate", self.binary, *options, self.test]
        code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        with open(self.test, encoding="utf-8") as file:
            return code, file.read()

    def test_rewrites_once(self):
        self.write(BEFORE)
        self.assertEqual(self.update("--check"), (1, BEFORE))
        self.assertEqual(self.update(), (0, AFTER))
        self.assertEqual(self.update("--check"), (0, AFTER))

    def test_leaves_other_tests_alone(self):
        self.write(BEFORE.replace(MARKER, "#"))
        self.assertEqual(self.update(), (0, BEFORE.replace(MARKER, "#")))


if __name__ == "__main__":
    unittest.main()
