"""Files are as long as their one idea."""

import policy

LIMIT = 600
SUFFIXES = policy.CPP_SUFFIXES + (".py", ".nn", ".cmake", ".txt", ".sh")


def problems(root):
    """No source file is longer than 600 lines; about 300 is typical."""
    found = []
    for name in policy.project_files(root):
        if name.endswith(SUFFIXES):
            lines = policy.read(root, name).count("\n")
            if lines > LIMIT:
                found.append(f"{name}:{LIMIT + 1}: {lines} lines")
    return found


if __name__ == "__main__":
    policy.run(problems)
