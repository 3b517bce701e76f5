"""Wrong programs and files: each must be refused with the expected message, exit code and place, and nothing more.

A case is a file of wrong/. A comment `# error CODE: TEXT` (the code may be left out) on a line says that an error is
reported for that line with that text in its message; `# help: TEXT` and `# stderr: TEXT` say what else must be printed;
`# run: train` runs training on the made-up files below instead of `striate check`; `# exit: N` is the exit code
(1 unless stated). An error that is not announced fails the case.
"""

import glob
import gzip
import os
import re
import sys

import harness

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrong")

_ERROR = re.compile(r"#\s*error(?:\s+(E\d{4}))?:\s*(.*?)\s*$")
_SETTING = re.compile(r"#\s*(help|stderr|run|exit):\s*(.*?)\s*$")
_PRINTED = re.compile(r"^error\[(?P<code>E\d{4})\]: (?P<text>[^\n]*)\n *--> [^\n]*\.nn:(?P<line>\d+):\d+$", re.MULTILINE)


def make_data(case, folder):
    """The good and bad data files that the cases name."""
    case.pictures(folder)

    def path(name):
        return os.path.join(folder, name)

    with gzip.open(path("images-idx3-ubyte.gz"), "rb") as file:
        images = file.read()
    with open(path("images-idx3-ubyte.gz"), "rb") as file:
        compressed = file.read()
    with open(path("truncated-idx3-ubyte.gz"), "wb") as file:
        file.write(compressed[: len(compressed) // 2])
    with open(path("claims-more-idx3-ubyte"), "wb") as file:
        file.write(images[:4] + b"\x7f\xff\xff\xff" + images[8:])
    with open(path("text.txt"), "w", encoding="utf-8") as file:
        file.write("these are no pictures\n")
    harness.write_idx(path("few-labels-idx1-ubyte.gz"), [3], [0, 1, 2])
    harness.write_idx(path("large-labels-idx1-ubyte.gz"), [64], [0, 1, 2, 3, 200] + [0] * 59)
    harness.write_idx(path("wide-idx3-ubyte.gz"), [64, 8, 9], [7] * (64 * 72))
    header, row = ["a", "b", "c", "kind"], [1, 2, 3, 1]
    harness.write_csv(path("text-cell.csv"), [header, row, [1, "two", 3, 0], row, row])
    harness.write_csv(path("ragged-row.csv"), [header, row, row, [1, 2], row])
    harness.write_csv(path("missing-column.csv"), [["a", "b", "c", "digit"], row, row, row, row])
    harness.write_csv(path("empty.csv"), [])


class Wrong(harness.EndToEnd):
    def refuse(self, name):
        file = os.path.join(FOLDER, name)
        with open(file, encoding="utf-8") as source:
            lines = source.read().split("\n")
        announced, settings = [], {"help": [], "stderr": [], "run": ["check"], "exit": ["1"]}
        for number, line in enumerate(lines, 1):
            if match := _ERROR.search(line):
                announced.append((number, match.group(1), match.group(2)))
            elif match := _SETTING.search(line):
                if match.group(1) in ("run", "exit"):
                    settings[match.group(1)] = []
                settings[match.group(1)].append(match.group(2))
        command = [settings["run"][0], file]
        if command[0] == "train":
            make_data(self, self.path("data"))
            command += ["--data", self.path("data"), "--run", self.path("run")]
        result = self.striate(*command, expect=int(settings["exit"][0]), timeout=60)

        printed = [(int(m["line"]), m["code"], m["text"]) for m in _PRINTED.finditer(result.stderr)]
        for line, code, text in announced:
            self.assertTrue(
                any(line == at and code in (None, seen) and text in message for at, seen, message in printed),
                f"expected line {line}: {code or 'error'}: {text}\n{result.stderr}",
            )
        self.assertEqual(len(printed), len(announced), f"errors that are not announced\n{result.stderr}")
        for text in settings["help"]:
            self.assertRegex(result.stderr, rf"help: [^\n]*{re.escape(text)}")
        for text in settings["stderr"]:
            self.assertIn(text, result.stderr)
        self.assertTrue(announced or settings["stderr"], f"{name} expects nothing")
        self.assertEqual(result.stdout, "")
        self.assertNotIn("internal error", result.stderr)


def add_case(path):
    name = os.path.basename(path)
    setattr(Wrong, f"test_{name.removesuffix('.nn')}", lambda self: self.refuse(name))


CASES = sorted(glob.glob(os.path.join(FOLDER, "*.nn")))
for case_path in CASES:
    add_case(case_path)

if __name__ == "__main__":
    if len(CASES) < 40:
        sys.exit(f"only {len(CASES)} wrong programs were found in {FOLDER}")
    harness.main()
