"""How lit runs the tests of this folder: each *.nn, *.sir or *.test file with RUN lines is a test.

A RUN line may use %striate (the built binary), FileCheck, not and split-file, besides lit's own %s, %S and %t.
Files that tests read, but that are no tests, stand in a folder called `inputs`.
`REQUIRES: llvm` marks a test that needs the CPU back end.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lit"))
from quoted_shell_test import QuotedShellTest  # noqa: E402

config.name = "striate"
config.test_format = QuotedShellTest(execute_external=False)
config.suffixes = [".nn", ".sir", ".test"]
config.excludes = ["end_to_end", "inputs", "mutated"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = lit_config.params["output"]
config.environment["PATH"] = os.pathsep.join([lit_config.params["tools"], config.environment["PATH"]])
config.environment["LC_ALL"] = "C.UTF-8"
config.environment["NO_COLOR"] = "1"
config.environment["XDG_CACHE_HOME"] = os.devnull  # what is known of this machine is printed
config.substitutions.append(("%striate", '"' + lit_config.params["striate"] + '"'))
if lit_config.params["llvm"] == "1":
    config.available_features.add("llvm")
