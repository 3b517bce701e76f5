"""The grammar for editors knows the words of the language."""

import json
import os
import re

import policy

GRAMMAR = "editors/striate.tmLanguage.json"

# The words of each kind: the file they are listed in, the list in it, one of its words; then lines in which they may
# stand, and what the grammar has to call them in one of those.
_KEYWORD = "keyword|constant.language"
_PLACES = (
    ("reserved words", "frontend/token_list.def", r"(?s).*", r'^RESERVED_WORD\(\w+, "(\w+)"\)', ["    x {} y"], _KEYWORD),
    ("words of statements", "frontend/parse_statement.cpp", r"(?s).*", r'StatementWord\{"(\w+)"', ["    {} name = 1"], "keyword"),
    ("words of items", "frontend/match_brackets.cpp", r"(?s)begins_item.*?\n\}", r'word == "(\w+)"', ["{} Name (", '{} "f"'], "keyword"),
    ("settings", "frontend/train_reader.cpp", r"kSettings = \{[^}]*\}", r'"(\w+)"', ["    a = 1  {} = 2", "    {}(a = 1)", "    {} a = 1"],
     "variable.language|keyword"),
    ("readers of data", "frontend/data_readers.cpp", r"(?s)kReaders = \{.*?\}\};", r'\{"(\w+)",\s*\d', ['    split a = {}("f")'], "support.function"),
)


def expression(text):
    """A regular expression of the grammar, as Python reads it; what is used of it is the same in both."""
    return re.compile(text)


def compiled(grammar):
    """name of the repository -> its expressions; raises ValueError with what is wrong."""
    known = {}

    def visit(pattern, path):
        if "include" in pattern:
            if pattern["include"][1:] not in grammar["repository"]:
                raise ValueError(f"{path}: there is no {pattern['include']}")
            return []
        found = []
        for key in ("match", "begin", "end"):
            if key in pattern:
                try:
                    found.append((expression(pattern[key]), pattern))
                except re.error as error:
                    raise ValueError(f"{path}: {pattern[key]}: {error}") from error
        for inner in pattern.get("patterns", []):
            rules = visit(inner, path)
            if "begin" not in pattern:
                found += rules
        return found

    for pattern in grammar["patterns"]:
        visit(pattern, "patterns")
    for name, pattern in grammar["repository"].items():
        known[name] = [entry for entry in visit(pattern, name) if "end" not in entry[1] or entry[0].pattern == entry[1]["begin"]]
    return known


def scopes_of(grammar, rules, line):
    """What the grammar calls each part of a line: (text, scope). Of what matches first, the rule that stands first."""
    order = [entry for pattern in grammar["patterns"] for entry in rules[pattern["include"][1:]]]
    at, found = 0, []
    while at < len(line):
        best = None
        for regex, pattern in order:
            match = regex.search(line, at)
            if match and match.end() > match.start() and (best is None or match.start() < best[0].start()):
                best = (match, pattern)
        if best is None:
            break
        match, pattern = best
        if "begin" in pattern:
            end = expression(pattern["end"]).search(line, match.end())
            found.append((line[match.start() : end.end()], pattern["name"]))
            at = max(end.end(), match.end())
            continue
        if "name" in pattern:
            found.append((match.group(), pattern["name"]))
        for number, capture in pattern.get("captures", {}).items():
            if match.group(int(number)):
                found.append((match.group(int(number)), capture["name"]))
        at = match.end()
    return found


def problems(root):
    """editors/ is sound JSON, its expressions compile, and every word of the language is matched as what it is."""
    path = os.path.join(root, GRAMMAR)
    if not os.path.exists(path):
        return [f"{GRAMMAR}:1: the grammar is not there"]
    found = []
    for folder, _, names in os.walk(os.path.join(root, "editors")):
        for name in names:
            if name.endswith(".json"):
                try:
                    json.loads(policy.read(folder, name))
                except ValueError as error:
                    found.append(f"{os.path.relpath(os.path.join(folder, name), root)}:1: {error}")
    if found:
        return found
    grammar = json.loads(policy.read(root, GRAMMAR))
    try:
        rules = compiled(grammar)
    except ValueError as error:
        return [f"{GRAMMAR}:1: {error}"]
    for kind, source, block, word_pattern, lines, wanted in _PLACES:
        if not os.path.exists(os.path.join(root, source)):
            continue
        listed = re.search(block, policy.read(root, source))
        words = sorted(set(re.findall(word_pattern, listed.group() if listed else "", re.MULTILINE)))
        if not words:
            found.append(f"{source}:1: no {kind} are found here")
        for word in words:
            scopes = [scope for line in lines for scope in scopes_of(grammar, rules, line.format(word))]
            if not any(text == word and re.match(wanted, scope) for text, scope in scopes):
                found.append(f"{GRAMMAR}:1: `{word}` of the {kind} is no {wanted} in `{lines[0].format(word).strip()}`")
    return found


if __name__ == "__main__":
    policy.run(problems)
