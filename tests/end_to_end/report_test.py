"""build --emit=html, json and dot: valid, the same twice, one file that needs no other, and safe from what a program calls things."""

import html.parser
import json
import os
import re
import unittest

import harness

LENET = os.path.join(harness.MODELS, "lenet.nn")
HOSTILE = """# </script><script>broken()</script> <!-- & "
op twice(x[..]) -> y[..] { y[..] = 2 * x[..] }
model Net { input x: f32[N, 4]
    output y = x -> twice -> Linear(3) as fc }
"""


class Page(html.parser.HTMLParser):
    """The tags of a page, and the text of its data."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = dict(attrs).get("id", tag)

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data

    def data(self):
        return json.loads(self.texts["data"])


class Report(harness.EndToEnd):
    def emit(self, stage, *arguments, file=LENET):
        return self.striate("build", file, f"--emit={stage}", *arguments).stdout

    def test_all_three_work_and_are_the_same_twice(self):
        for stage in ("json", "dot", "html"):
            for mode in ("train", "infer"):
                with self.subTest(stage=stage, mode=mode):
                    text = self.emit(stage, f"--mode={mode}")
                    self.striate("build", LENET, f"--emit={stage}", f"--mode={mode}", "--threads=1", "-o", "again")
                    with open(self.path("again"), encoding="utf-8") as file:
                        self.assertEqual(file.read(), text)
                    self.assertNotIn(self.scratch, text)

    def test_json_has_what_other_stages_print(self):
        document = json.loads(self.emit("json"))
        kernels = self.emit("kernel")
        self.assertEqual(document["program"], "LeNet.step")
        for kernel in document["kernels"]:
            self.assertIn(kernel["text"], kernels)
        regions = self.emit("regions")
        self.assertEqual([kernel["region"] for kernel in document["kernels"]], re.findall(r'^  region "([^"]*)"', regions, re.MULTILINE))
        self.assertEqual(len(document["decisions"]), len(re.findall(r"^  decide ", regions, re.MULTILINE)))
        conv2 = next(statement for statement in document["statements"] if statement["path"] == "conv2")
        self.assertEqual(conv2["place"]["line"], 7)
        self.assertEqual(conv2["part"], "forward")
        weight = next(value for value in document["values"] if value["name"] == "conv2.weight")
        self.assertEqual((weight["role"], weight["type"]), ("parameter", "f32[50,20,5,5]"))
        self.assertEqual(weight["memory"]["first"], 0)
        self.assertEqual(json.loads(self.emit("json", "--batch=16"))["capacity"], 16)
        self.assertEqual(json.loads(self.emit("json", "--mode=infer"))["program"], "LeNet.eval")

    def test_every_field_is_described(self):
        with open(os.path.join(harness.SOURCE, "docs", "report.md"), encoding="utf-8") as file:
            described = set(re.findall(r"`(\w+)`", file.read().split("## The document")[1]))

        def fields(entry):
            """All keys but those that are names of the program's own."""
            if isinstance(entry, dict):
                own = {key for key, value in entry.items() if key not in ("attributes", "alternatives") for key in fields(value)}
                return set(entry) | own
            return {key for value in entry for key in fields(value)} if isinstance(entry, list) else set()

        document = Page(self.emit("html")).data()
        names = fields(document) - {name for entry in document["statements"] for name in entry["attributes"]}
        self.assertEqual(names - described, set())
        self.assertEqual(list(json.loads(self.emit("json"))), list(document)[: len(document) - 4])

    def test_dot_has_an_edge_for_each_stored_value_that_is_read(self):
        document = json.loads(self.emit("json"))
        dot = self.emit("dot")
        kept = ("parameter", "state")
        wanted = sum(len(value["readers"]) for value in document["values"] if value["role"] not in kept)
        self.assertEqual(len(re.findall(r"^  \w+ -> k\d+ \[", dot, re.MULTILINE)), wanted)
        self.assertEqual(len(re.findall(r"^  k\d+ \[", dot, re.MULTILINE)), len(document["kernels"]))
        self.assertIn(r"max_pool2d\nf32[N,20,12,12]", dot)

    def test_the_page_has_everything_and_is_not_large(self):
        text = self.emit("html")
        self.assertLess(len(text), 2 << 20)
        data = Page(text).data()
        self.assertEqual([entry["name"] for entry in data["passes"]][0::14], ["expand_calls", "plan_memory"])
        self.assertEqual(sum(len(entry["hunks"]) == 0 for entry in data["passes"]) < len(data["passes"]), True)
        with open(LENET, encoding="utf-8") as file:
            self.assertEqual(data["sources"][0]["text"], file.read())
        kernels = [kernel for part in data["assembly"] for kernel in part["kernels"]]
        self.assertEqual(sorted(kernels), list(range(len(data["kernels"]))))
        assembly = self.emit("asm")
        for part in data["assembly"]:
            self.assertIn(part["text"], assembly)
        self.assertLess(len(self.emit("html", file=os.path.join(harness.MODELS, "alexnet.nn"))), 10 << 20)

    def test_what_a_program_is_called_and_says_stays_text(self):
        name = '"a\\ <img src=x onerror=broken()> & {b}.nn'
        path = self.write(name, HOSTILE)
        page = Page(self.emit("html", file=path))
        plain = Page(self.emit("html"))
        self.assertEqual(page.tags, plain.tags)
        self.assertEqual(page.data()["sources"][0], {"file": path, "library": False, "text": HOSTILE})
        self.assertEqual(json.loads(self.emit("json", file=path))["statements"][0]["place"]["file"], path)
        self.assertTrue(self.emit("dot", file=path).endswith("}\n"))

    def test_several_files(self):
        self.write("own.nn", "op twice(x[..]) -> y[..] { y[..] = 2 * x[..] }\nlayer Own() (x[N, C]) { return x -> twice -> Linear(5) as inner }\n")
        path = self.write("main.nn", 'use "own.nn"\nmodel Net { input x: f32[N, 4]\n    output y = x -> Own() as own -> relu }\n')
        data = Page(self.emit("html", file=path)).data()
        self.assertEqual([os.path.basename(source["file"]) for source in data["sources"]], ["main.nn", "own.nn"])
        inner = next(statement for statement in data["statements"] if statement["path"] == "own.inner")
        self.assertTrue(inner["place"]["file"].endswith("own.nn"))
        self.assertEqual((os.path.basename(inner["call"]["file"]), inner["call"]["line"]), ("main.nn", 3))

    def test_what_is_wrong_is_said(self):
        self.assertIn("takes neither --weights nor --train", self.striate("build", LENET, "--emit=html", "--train", expect=2).stderr)
        self.striate("build", LENET, "--emit=html", "-o", self.path("no folder", "x.html"), expect=3)
        self.striate("build", self.path("none.nn"), "--emit=json", expect=3)


if __name__ == "__main__":
    harness.main()
