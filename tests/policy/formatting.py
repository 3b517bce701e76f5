"""C++ is formatted by clang-format, with .clang-format of the root."""

import re
import shutil
import subprocess

import policy

MAJOR = "14"  # Debian 12's; other versions format a little differently


def problems(root):
    """Run `clang-format -i` on the files named above."""
    tool = shutil.which(f"clang-format-{MAJOR}") or shutil.which("clang-format")
    if tool is None:
        raise policy.Skip("clang-format is not installed")
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    if not re.search(rf"version {MAJOR}\.", version):
        raise policy.Skip(f"needs clang-format {MAJOR}, found: {version.strip()}")
    names = [name for name in policy.cpp_files(root) if not name.endswith(".def")]
    if not names:
        return []
    result = subprocess.run(
        [tool, "--dry-run", "--ferror-limit=1", *names], cwd=root, capture_output=True, text=True, check=False
    )
    return [line for line in result.stderr.split("\n") if "[-Wclang-format-violations]" in line]


if __name__ == "__main__":
    policy.run(problems)
