"""docs/library.md is what the binary says of its library."""

import os
import subprocess
import sys

import harness

SOURCE = os.environ["STRIATE_SOURCE"]


class LibraryPage(harness.EndToEnd):
    def test_is_up_to_date(self):
        page = os.path.join(SOURCE, "docs", "library.md")
        update = os.path.join(SOURCE, "tests", "update")
        command = [sys.executable, update, "--striate", os.environ["STRIATE"], "--check", page]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, f"write it anew: tests/update docs/library.md\n{result.stdout}{result.stderr}")

    def test_has_every_definition(self):
        page = self.striate("explain", "--library").stdout
        for expected in ("### conv2d\n", "### Linear\n", "### Adam\n", "### cosine_decay\n", "Its gradient, derived:",
                         "Example: `image -> Conv2d(16, 3, padding = 1)` with image: f32[N, 3, 32, 32] gives f32[N,16,32,32].\n",
                         "Example: `conv2d(x, k)` with x: f32[N,8,12,12], k: f32[16,8,3,3] gives f32[N,16,10,10].\n"):
            self.assertIn(expected, page)


if __name__ == "__main__":
    harness.main()
