"""The layers of docs/architecture.md, checked against every #include."""

import re

import policy

# What each folder may include, besides itself. Mirrors the link lines of the CMakeLists.txt files and the table
# in docs/architecture.md. The parts of codegen/ are separate libraries: they do not see each other.
MAY_INCLUDE = {
    "support": [],
    "ir": ["support"],
    "runtime": ["support"],
    "frontend": ["ir", "support"],
    "exchange": ["frontend", "runtime", "ir", "support"],
    "passes": ["ir", "support"],
    "codegen": ["ir", "runtime", "support"],
    "verify": ["frontend", "passes", "codegen", "runtime", "ir", "support"],
    "driver": ["verify", "exchange", "frontend", "passes", "codegen", "runtime", "ir", "support"],
    "api": ["driver", "frontend", "passes", "codegen", "runtime", "ir", "support"],
}

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def problems(root):
    """Includes name a project file from the root, and only of the layers below (docs/architecture.md, Layers)."""
    found = []
    for name in policy.cpp_files(root, MAY_INCLUDE):
        layer = name.split("/")[0]
        text = policy.without_comments(policy.read(root, name))
        for match in _INCLUDE.finditer(text):
            included = match.group(1)
            place = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
            target = included.split("/")[0]
            if target not in MAY_INCLUDE:
                found.append(f'{place}: "{included}" does not start with a layer\'s folder')
            elif target == layer == "codegen":
                if included.split("/")[1] != name.split("/")[1]:
                    found.append(f"{place}: one part of codegen/ includes another: {included}")
            elif target != layer and target not in MAY_INCLUDE[layer]:
                found.append(f"{place}: {layer}/ must not include {included}")
    return found


if __name__ == "__main__":
    policy.run(problems)
