"""The project does not know the machines it is made on."""

import re

import policy

# Written in pieces, so that this file does not hold what it looks for. Where perf looks for the names of compiled code is
# its own convention, the same on every machine.
_PATH = re.compile(r"(?<![\w.$}])/(?:" + "|".join(["wo" "rk", "tm" "p(?!/perf-)", "ro" "ot", "ho" "me"]) + r")(?:/|\b)")


def problems(root):
    """No file names a folder of one machine; tests use the folder that their runner gives them."""
    found = []
    for name in policy.project_files(root):
        text = policy.read(root, name)
        if "\0" in text or name.endswith(".gz"):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if match := _PATH.search(line):
                found.append(f"{name}:{number}: a path of one machine: {line[match.start():][:40]}")
    return found


if __name__ == "__main__":
    policy.run(problems)
