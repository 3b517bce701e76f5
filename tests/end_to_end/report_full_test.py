"""The page of build --emit=html in a real browser: no errors, and what belongs together lights up together."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import unittest

import harness

BROWSER = shutil.which("chromium")
HOSTILE = """# </script><img src=x onerror="document.body.id='broken'">
op twice(x[..]) -> y[..] { y[..] = 2 * x[..] }
model Net { input x: f32[N, 4]
    output y = x -> twice -> Linear(3) as fc }
"""


class Document(html.parser.HTMLParser):
    """What a browser made of a page: the body's attributes, tags, and which items are lit, by view."""

    def __init__(self, text):
        super().__init__()
        self.body, self.tags, self.lit, self.view, self.items = {}, set(), {}, "source", set()
        self.data, self.in_data = "", False
        self.text = text
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.add(tag)
        self.in_data = attributes.get("id") == "data"
        if tag == "body":
            self.body = attributes
        self.view = attributes.get("data-view", self.view)
        if item := attributes.get("data-item"):
            self.items.add((self.view, item))
            if "lit" in attributes.get("class", "").split():
                self.lit.setdefault(self.view, set()).add(item)

    def handle_endtag(self, tag):
        self.in_data = False

    def handle_data(self, data):
        if self.in_data:
            self.data += data


@unittest.skipUnless(BROWSER, "there is no chromium")
class InABrowser(harness.EndToEnd):
    def browse(self, page, fragment):
        """The document after its scripts ran; there must be no word of it on the console."""
        result = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={self.path('profile')}",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1600,1000", "--virtual-time-budget=5000", "--enable-logging=stderr",
             "--dump-dom", "file://" + page.replace("%", "%25").replace(" ", "%20").replace("#", "%23") + fragment],
            cwd=self.scratch, env=harness.environment(HOME=self.scratch), capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stderr[-3000:])
        self.assertEqual(re.findall(r".*CONSOLE.*", result.stderr), [])
        document = Document(result.stdout)
        self.assertEqual(document.body.get("data-ready"), "yes")
        return document

    def report(self, program, *arguments):
        page = self.path("report.html")
        self.striate("build", program, "--emit=html", "-o", page, *arguments)
        return page

    def check_line(self, page, line, views):
        document = self.browse(page, f"#hover=source:{line}")
        data = json.loads(document.data)
        of_line = [s for s in data["statements"] if line in [(s[place] or {}).get("line") for place in ("place", "call")]]
        kernels = {f"kernel:{s['kernel']}" for s in of_line}
        statements = {f"statement:{s}" for s, entry in enumerate(data["statements"]) if entry in of_line}
        self.assertTrue(kernels)
        self.assertEqual({item for item in document.lit["source"] if item.startswith("source:")}, {f"source:0:{line}"})
        # Kernels that are alike share their assembly, which is the first one's.
        shared = {f"kernel:{part['kernels'][0]}" for part in data["assembly"] if kernels & {f"kernel:{k}" for k in part["kernels"]}}
        for view in views:
            lit = document.lit.get(view, set())
            self.assertEqual({item for item in lit if item.startswith("kernel:")}, kernels | shared if view == "code" else kernels, view)
            if view in ("graph", "code"):
                self.assertEqual({item for item in lit if item.startswith("statement:")}, statements, view)
        self.assertEqual({item for view, item in document.items if view == "graph" and item.startswith("kernel:")},
                         {f"kernel:{k}" for k in range(len(data["kernels"]))})
        return data

    def test_hovering_a_line_lights_its_kernels(self):
        page = self.report(os.path.join(harness.MODELS, "lenet.nn"))
        for line in (6, 7, 20):
            with self.subTest(line=line):
                self.check_line(page, line, ("graph", "code", "cost"))

    def test_hovering_a_kernel_lights_its_line(self):
        page = self.report(os.path.join(harness.MODELS, "lenet.nn"))
        for fragment in ("#view=code&pin=kernel:2", "#view=memory&hover=kernel:2"):
            document = self.browse(page, fragment)
            self.assertIn("source:0:7", document.lit["source"])
            self.assertNotIn("source:0:6", document.lit["source"])
            self.assertIn("kernel:2", document.lit["graph"])
            self.assertIn("kernel:2", document.lit["code"])
        self.assertIn("kernel:2", document.lit["memory"])

    def test_a_large_training_step_and_layers_of_ones_own(self):
        page = self.report(os.path.join(harness.MODELS, "alexnet.nn"))
        # A call of the program's own layer, and a line of that layer.
        for line in (26, 10):
            self.check_line(page, line, ("graph", "code", "cost"))

    def test_a_mouse_and_keys(self):
        """What a reader does, as events: a glance, a click, steps through the passes, another view, Escape."""
        page = self.report(os.path.join(harness.MODELS, "xor.nn"))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        line = next(l for l, source in enumerate(text.split('"sources":')[1].split("\\n"), 1) if "Linear" in source)
        acts = """<script>
            const seen = [];
            const of = item => document.querySelector(`[data-item="${item}"]`);
            const note = () => seen.push(document.querySelectorAll("[data-view=graph] .node.lit").length + " " + location.hash);
            const mouse = (kind, item) => of(item).dispatchEvent(new MouseEvent(kind, {bubbles: true}));
            const key = name => document.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
            mouse("mouseover", "source:0:LINE"); note();
            document.querySelector("header").dispatchEvent(new MouseEvent("mouseover", {bubbles: true})); note();
            mouse("mouseover", "source:0:LINE"); mouse("click", "source:0:LINE"); mouse("mouseover", "kernel:0"); note();
            document.querySelector("[data-tab=passes]").click(); note();
            const title = () => document.querySelector("#pass-list .chosen .no").textContent;
            const first = title(); key("ArrowRight"); seen.push(title() - first); key("ArrowLeft"); seen.push(title() - first);
            document.querySelector("[data-tab=memory]").click(); document.querySelector("[data-view=memory] button").click();
            key("Escape"); document.querySelector("header").dispatchEvent(new MouseEvent("mouseover", {bubbles: true})); note();
            document.querySelector("[data-view=cost] .head button:nth-child(3)").click();
            seen.push(document.querySelector("[data-view=cost] .scroll .tr .figure").textContent);
            document.body.dataset.seen = JSON.stringify(seen);
            </script></body>""".replace("LINE", str(line))
        with open(page, "w", encoding="utf-8") as file:
            file.write(text.replace("</body>", acts))
        document = self.browse(page, "")
        data = json.loads(document.data)
        kernels = len({s["kernel"] for s in data["statements"] if line in [(s[place] or {}).get("line") for place in ("place", "call")]})
        most = max(kernel["flop_share"] for kernel in data["kernels"])
        self.assertEqual(json.loads(document.body["data-seen"]), [
            f"{kernels} ", "0 ", f"{kernels} #view=graph&pin=source:0:{line}", f"{kernels} #view=passes&pin=source:0:{line}", 1, 0,
            "0 #view=memory", f"{100 * most:.1f} %"])

    def test_without_assembly(self):
        page = self.report(os.path.join(harness.MODELS, "xor.nn"))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        before, rest = text.split('"assembly":', 1)
        _, after = rest.split("</script>", 1)
        with open(page, "w", encoding="utf-8") as file:
            file.write(before + '"assembly":null}</script>' + after)
        document = self.browse(page, "#view=code")
        self.assertIsNone(json.loads(document.data)["assembly"])
        self.assertIn("no CPU back end", document.text)

    def test_loops_and_every_view(self):
        page = self.report(os.path.join(harness.MODELS, "lstm.nn"))
        for view in ("graph", "code", "passes", "cost", "memory", "decisions"):
            self.browse(page, f"#view={view}&hover=source:8")

    def test_what_the_address_says_may_be_wrong(self):
        page = self.report(os.path.join(harness.MODELS, "xor.nn"))
        for fragment in ("#hover=source:100000", "#hover=kernel:-1", "#pin=value:x:y", "#view=none", "#hover=decision:999", "#pin=&hover=%"):
            with self.subTest(fragment=fragment):
                self.browse(page, fragment)

    def test_hostile_texts_stay_texts(self):
        document = self.browse(self.report(self.write("a<img src=x onerror=x>'\".nn", HOSTILE)), "#hover=source:4")
        self.assertNotIn("img", document.tags)
        self.assertNotIn("id", document.body)
        self.assertTrue(document.lit["graph"])


if __name__ == "__main__":
    harness.main()
