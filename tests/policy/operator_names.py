"""Operators are written in the language: C++ asks what a definition is, never what it is called."""

import re

import policy

LAYERS = ("ir", "passes", "codegen", "runtime")

# Names of the standard library that are also words of the compiler itself, with what they mean there. Such a word
# may stand in C++, as may the closed set of scalar functions (ir/scalar_functions.def); nothing else may. An entry
# that is not needed any more is a problem too.
ALSO_WORDS = {
    "filled": "has its value already",
    "step": "one update of the parameters; the distance between the values of a loop",
}

_DEFINITION = re.compile(r"^\s*(?:op|layer)\s+([A-Za-z_]\w*)", re.MULTILINE)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_SCALAR_FUNCTION = re.compile(r'^FUNCTION\((\w+),\s*"(\w+)"', re.MULTILINE)


def standard_names(root):
    """The names of every op and layer in std/."""
    names = set()
    for name in policy.project_files(root):
        if re.fullmatch(r"std/[^/]+\.nn", name):
            names |= set(_DEFINITION.findall(re.sub(r"#[^\n]*", "", policy.read(root, name))))
    return names


def scalar_functions(root):
    """The scalar functions that C++ knows, by kind and by text: they may share a name with an operator (tanh)."""
    texts = [policy.read(root, name) for name in policy.project_files(root) if name == "ir/scalar_functions.def"]
    return {squeezed(name) for text in texts for entry in _SCALAR_FUNCTION.findall(text) for name in entry}


def squeezed(name):
    """conv2d, Conv2d and conv_2d are one name."""
    return name.replace("_", "").lower()


def problems(root):
    """No C++ in ir/, passes/, codegen/ or runtime/ names an operator or layer of std/."""
    words = {squeezed(word) for word in ALSO_WORDS} | scalar_functions(root)
    names = {squeezed(name): name for name in sorted(standard_names(root))}
    banned = {key: name for key, name in names.items() if key not in words}
    # A long name is looked for inside identifiers too (emit_conv2d_tile); a short one would hit by chance.
    inside = re.compile("|".join(re.escape(key) for key in sorted(banned, key=len, reverse=True) if len(key) >= 6))
    found, seen = [], set()
    for name in policy.cpp_files(root, LAYERS):
        for number, line in enumerate(policy.without_comments(policy.read(root, name)).split("\n"), 1):
            for identifier in _IDENTIFIER.findall(line):
                key = squeezed(identifier)
                seen.add(key)
                hit = banned.get(key)
                if hit is None and inside.pattern and (match := inside.search(key)):
                    hit = banned[match.group(0)]
                if hit is not None:
                    found.append(f"{name}:{number}: `{identifier}` names the operator `{hit}`")
    for word in sorted(ALSO_WORDS):
        if squeezed(word) not in names or squeezed(word) not in seen:
            found.append(f"tests/policy/operator_names.py:1: `{word}` in ALSO_WORDS is not needed any more")
    return found


if __name__ == "__main__":
    policy.run(problems)
