"""What the policy tests share: the project's files, C++ text without comments, and the main function.

A rule is a function from a source folder to a list of problems, each "file:line: what is wrong".
"""

import os
import re
import subprocess
import sys

SKIPPED = 77  # ctest shows a test that exits so as skipped

CPP_SUFFIXES = (".h", ".cpp", ".def")


class Skip(Exception):
    """Raised by a rule that cannot be checked on this machine."""


def project_files(root):
    """Paths relative to the root, of all files that git tracks or would track; without git, of all files."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if os.path.exists(os.path.join(root, ".git")):
        listing = subprocess.run(command, capture_output=True, check=False)
        if listing.returncode == 0:
            names = listing.stdout.decode("utf-8", "surrogateescape").split("\0")
            return sorted({name for name in names if name and os.path.isfile(os.path.join(root, name))})
    found = []
    for folder, folders, names in os.walk(root):
        at_root = os.path.samefile(folder, root)
        folders[:] = [
            name
            for name in folders
            if name not in (".git", "__pycache__") and not (at_root and re.match(r"(build.*|out|runs|\.cache)$", name))
        ]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def cpp_files(root, folders=None):
    """The C++ files of the project, or of some of its top folders."""
    return [
        name
        for name in project_files(root)
        if name.endswith(CPP_SUFFIXES) and (folders is None or name.split("/")[0] in folders)
    ]


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read()


_COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"', re.DOTALL
)


def without_comments(text):
    """C++ text with comments blanked out; strings and line numbers stay."""

    def blank(match):
        token = match.group(0)
        return re.sub(r"[^\n]", " ", token) if token.startswith(("//", "/*")) else token

    return _COMMENT_OR_STRING.sub(blank, text)


def run(rule):
    """The whole of a rule's script: `python3 rule.py SOURCE_FOLDER`."""
    try:
        problems = rule(sys.argv[1])
    except Skip as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s). {rule.__doc__}")
    sys.exit(1 if problems else 0)
