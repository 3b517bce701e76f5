"""Shows that each rule can fail: small made-up projects with one fault each, and the problem each must name."""

import json
import os
import shutil
import tempfile
import unittest

import diagnostics_covered
import editor_grammar
import file_size
import formatting
import layering
import machine_paths
import operator_names
import policy


class RulesCanFail(unittest.TestCase):
    def project(self, **files):
        """A folder with these files; `__` in a name stands for `/` and the last `_` for the dot."""
        root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, root)
        for key, text in files.items():
            stem, suffix = key.replace("__", "/").rsplit("_", 1)
            path = os.path.join(root, f"{stem}.{suffix}")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return root

    def test_layering(self):
        root = self.project(
            ir__good_h='#include "support/check.h"\n// #include "driver/compile.h"\n',
            ir__bad_h='#include <vector>\n#include "passes/fuse.h"\n',
            codegen__cpu__bad_cpp='#include "codegen/cuda/emit.h"\n',
            runtime__bad_h='#include "tensor.h"\n',
        )
        self.assertEqual(
            layering.problems(root),
            [
                "codegen/cpu/bad.cpp:1: one part of codegen/ includes another: codegen/cuda/emit.h",
                "ir/bad.h:2: ir/ must not include passes/fuse.h",
                "runtime/bad.h:1: \"tensor.h\" does not start with a layer's folder",
            ],
        )

    def test_operator_names(self):
        root = self.project(
            ir__scalar_functions_def='FUNCTION(Tanh, "tanh", 1, Real)\n',
            std__all_nn="op tanh(x[..]) -> y[..] { }\n# op comment(x)\nop conv2d(x[..]) -> y[..] { }\nlayer BatchNorm2d() (x[..]) { }\nop relu(x) -> y {}\n",
            passes__good_cpp="// conv2d is a contraction\nint fuse_contraction(Kind::Tanh);\n",
            passes__bad_cpp='int emit_conv2d_tile();\nbool b = name == "relu";\nstruct BatchNorm2dFold {};\n',
        )
        problems = [line for line in operator_names.problems(root) if line.startswith("passes/")]
        self.assertEqual(
            problems,
            [
                "passes/bad.cpp:1: `emit_conv2d_tile` names the operator `conv2d`",
                "passes/bad.cpp:2: `relu` names the operator `relu`",
                "passes/bad.cpp:3: `BatchNorm2dFold` names the operator `BatchNorm2d`",
            ],
        )

    def test_words_that_are_not_needed(self):
        words = operator_names.ALSO_WORDS
        self.addCleanup(setattr, operator_names, "ALSO_WORDS", words)
        operator_names.ALSO_WORDS = {"neverused": "nothing"}
        root = self.project(std__all_nn="op relu(x) -> y {}\n")
        self.assertIn("not needed any more", operator_names.problems(root)[0])

    def test_file_size(self):
        root = self.project(ir__long_cpp="int x;\n" * 601, ir__short_cpp="int x;\n" * 600)
        self.assertEqual(file_size.problems(root), ["ir/long.cpp:601: 601 lines"])

    def test_diagnostics_covered(self):
        root = self.project(
            support__diagnostic_list_def='DIAGNOSTIC(A, "E0101", "a")\nDIAGNOSTIC(B, "E0102", "b")\n'
            '// DIAGNOSTIC(D, "E0103", "d")\nDIAGNOSTIC(C, "E0101", "c")\n',
            tests__a_cpp="expect(Diagnostic::A, Diagnostic::C);\n",
            tests__policy__b_py="E0102",
        )
        self.assertEqual(
            diagnostics_covered.problems(root),
            [
                "support/diagnostic_list.def:2: no test expects B (E0102)",
                "support/diagnostic_list.def:4: E0101 is taken by A",
            ],
        )

    def test_machine_paths(self):
        bad = "/" + "work" + "/main"
        root = self.project(docs__good_md="a framework/work/x and images/s\n", docs__bad_md=f"see\n`{bad}`\n")
        self.assertEqual(len(machine_paths.problems(root)), 1)
        self.assertTrue(machine_paths.problems(root)[0].startswith("docs/bad.md:2:"))

    def test_formatting(self):
        root = self.project(ir__bad_cpp="int   x ;\n", ir__good_cpp="int x;\n")
        try:
            problems = formatting.problems(root)
        except policy.Skip as reason:
            self.skipTest(str(reason))
        self.assertEqual(len({line.split(":")[0] for line in problems}), 1)

    def test_editor_grammar(self):
        grammar = json.dumps(
            {
                "patterns": [{"include": "#word"}],
                "repository": {"word": {"match": r"\b(if|else)\b", "name": "keyword.control.striate"}},
            }
        )
        words = 'RESERVED_WORD(If, "if")\nRESERVED_WORD(Scan, "scan")\n'
        root = self.project(editors__striate_tmLanguage_json=grammar, frontend__token_list_def=words)
        os.rename(os.path.join(root, "editors", "striate_tmLanguage.json"), os.path.join(root, editor_grammar.GRAMMAR))
        (problem,) = editor_grammar.problems(root)
        self.assertIn("`scan` of the reserved words", problem)
        for bad, told in ((grammar.replace("else)", "else"), "missing )"), (grammar.replace("#word", "#none"), "there is no #none"), (grammar[1:], ":1:")):
            with open(os.path.join(root, editor_grammar.GRAMMAR), "w", encoding="utf-8") as file:
                file.write(bad)
            self.assertIn(told, editor_grammar.problems(root)[0])

    def test_comments_inside_strings_stay(self):
        self.assertEqual(policy.without_comments('f("// no");// yes\nR"(/* no */)"'), 'f("// no");      \nR"(/* no */)"')


if __name__ == "__main__":
    unittest.main()
