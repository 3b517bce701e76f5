"""Every kind of diagnostic is reached by a test that expects it."""

import re

import policy

_ENTRY = re.compile(r'^DIAGNOSTIC\(\s*(\w+)\s*,\s*"([EW]\d{4})"', re.MULTILINE)
LIST = "support/diagnostic_list.def"


def problems(root):
    """Each entry of support/diagnostic_list.def has its own code, and a test expects it by kind or by code."""
    text = policy.without_comments(policy.read(root, LIST))
    expectations = set()
    for name in policy.project_files(root):
        if name.startswith("tests/") and not name.startswith("tests/policy/"):
            expectations |= set(re.findall(r"Diagnostic::(\w+)|\b([EW]\d{4})\b", policy.read(root, name)))
    kinds, codes = {kind for kind, _ in expectations}, {code for _, code in expectations}
    found, first_use = [], {}
    for match in _ENTRY.finditer(text):
        kind, code = match.groups()
        place = f"{LIST}:{text.count(chr(10), 0, match.start()) + 1}"
        if code in first_use:
            found.append(f"{place}: {code} is taken by {first_use[code]}")
        first_use.setdefault(code, kind)
        if kind not in kinds and code not in codes:
            found.append(f"{place}: no test expects {kind} ({code})")
    return found


if __name__ == "__main__":
    policy.run(problems)
