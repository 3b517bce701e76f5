"""striate lsp: each feature of the language server, and what it does with broken programs, messages and clients."""

import json
import os
import pathlib

import harness
from lsp_client import Client

NET = """\
# A net.

use "blocks.nn"

# Doubles each number.
op doubled(x[..]; by: real = 2) -> y[..] { y[..] = x[..] * by }

model Net(classes: int = 10) {
    input image: f32[N, 1, 8, 8]
    wide = classes * 2
    features = image -> Conv2d(16, 3, padding = 1) as conv1 -> relu -> max_pool2d(2) -> doubled(by = 3)
    output logits = features -> flatten -> Block(wide) as block -> Linear(classes) as fc
}

data digits {
    split train, test = csv("digits.csv", label = -1) -> divide(1437, 360)
    field image = column(0) -> to_real(1/16)
    field label = column(1)
}

train Net with digits {
    loss = cross_entropy(logits, label)
    optimizer = SGD(lr = 0.05)
    epochs = 2
}
"""
BLOCKS = """\
# A layer and its activation.
layer Block(units: int) (x[N, C]) {
    return x -> Linear(units) as inner -> relu
}
"""


def place(text, word, nth=0, inside=0):
    """The line and the character of a word, in UTF-16 units, as the protocol counts."""
    at = -1
    for _ in range(nth + 1):
        at = text.index(word, at + 1)
    before = text[: at + inside]
    line = before.count("\n")
    start = before.rfind("\n") + 1
    return line, len(before[start:].encode("utf-16-le")) // 2


def applied(text, edits):
    """The text after edits that do not overlap (positions in UTF-16 units; the texts here have one a character)."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
    offset = lambda p: starts[p["line"]] + p["character"]
    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        text = text[: offset(edit["range"]["start"])] + edit["newText"] + text[offset(edit["range"]["end"]) :]
    return text


class LanguageServer(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.blocks = self.write("blocks.nn", BLOCKS)
        self.uri = pathlib.Path(self.path("net.nn")).as_uri()
        self.blocks_uri = pathlib.Path(self.blocks).as_uri()

    def client(self, **capabilities):
        client = Client(self.scratch, **capabilities)
        self.addCleanup(client.close)
        return client

    def opened(self, text=NET, **capabilities):
        client = self.client(**capabilities)
        client.initialize()
        client.open(self.uri, text)
        return client

    def hover(self, client, text, word, nth=0, inside=0):
        result = client.at("textDocument/hover", self.uri, place(text, word, nth, inside))
        return result["contents"]["value"] if result else None

    def labels(self, client, text, word, nth=0, inside=0):
        result = client.at("textDocument/completion", self.uri, place(text, word, nth, inside))
        return [item["label"] for item in result["items"]]

    # ---- life

    def test_life(self):
        client = self.client()
        early = client.request("textDocument/hover", textDocument={"uri": self.uri}, position={"line": 0, "character": 0})
        self.assertEqual(early["error"]["code"], -32002)
        capabilities = client.initialize()["capabilities"]
        self.assertEqual(capabilities["positionEncoding"], "utf-16")
        self.assertEqual(client.request("initialize", capabilities={})["error"]["code"], -32600)
        self.assertEqual(client.request("no/such")["error"]["code"], -32601)
        self.assertEqual(client.request("textDocument/hover")["error"]["code"], -32602)
        self.assertIsNone(client.result("shutdown"))
        self.assertEqual(client.request("textDocument/hover")["error"]["code"], -32600)
        client.notify("exit")
        self.assertEqual(client.wait(), 0)

    def test_exit_without_shutdown(self):
        client = self.client()
        client.initialize()
        client.notify("exit")
        self.assertEqual(client.wait(), 1)
        client = self.client()
        client.initialize()
        self.assertEqual(client.wait(), 1)  # the client just went away

    # ---- diagnostics

    def test_a_right_program_has_no_diagnostics(self):
        client = self.opened()
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])
        self.assertEqual(client.finish(), 0)

    def test_diagnostics_and_quick_fixes(self):
        wrong = NET.replace("-> relu ->", "-> rleu ->")
        client = self.opened(wrong)
        (diagnostic,) = client.wait_for_diagnostics(self.uri)
        self.assertEqual((diagnostic["severity"], diagnostic["source"]), (1, "striate"))
        line, character = place(wrong, "rleu")
        start, end = {"line": line, "character": character}, {"line": line, "character": character + 4}
        self.assertEqual(diagnostic["range"], {"start": start, "end": end})
        # The same message as that of `striate check`.
        self.write("net.nn", wrong)
        said = json.loads(self.striate("check", "net.nn", "--diagnostics=json", expect=1).stderr.splitlines()[0])
        self.assertEqual(diagnostic["code"], said["code"])
        self.assertTrue(diagnostic["message"].startswith(said["message"]), diagnostic["message"])
        actions = client.result(
            "textDocument/codeAction",
            textDocument={"uri": self.uri},
            range={"start": start, "end": start},
            context={"diagnostics": [diagnostic]},
        )
        self.assertIn("relu", [action["edit"]["changes"][self.uri][0]["newText"] for action in actions])
        fix = next(action for action in actions if "relu" in action["title"])
        self.assertEqual(fix["kind"], "quickfix")
        client.change(self.uri, {"text": applied(wrong, fix["edit"]["changes"][self.uri])})
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])
        elsewhere = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
        none = client.result("textDocument/codeAction", textDocument={"uri": self.uri}, range=elsewhere, context={"diagnostics": []})
        self.assertEqual(none, [])

    def test_notes_with_a_place_are_related_information(self):
        twice = NET.replace("    wide = classes * 2\n", "    wide = classes * 2\n    wide = 3\n")
        client = self.opened(twice)
        (diagnostic,) = client.wait_for_diagnostics(self.uri)
        related = diagnostic["relatedInformation"][0]
        self.assertEqual(related["location"]["uri"], self.uri)
        self.assertEqual(related["location"]["range"]["start"]["line"], place(twice, "wide")[0])

    def test_warnings(self):
        client = self.opened(NET.replace("Linear(classes) as fc", "Linear(classes) as fc -> softmax"))
        (diagnostic,) = client.wait_for_diagnostics(self.uri)
        self.assertEqual((diagnostic["severity"], diagnostic["code"][0]), (2, "W"))

    def test_a_used_file(self):
        client = self.opened()
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])
        # What is open wins over what is on the disk, and is no program of its own.
        client.open(self.blocks_uri, BLOCKS.replace("relu", "rleu"))
        (diagnostic,) = client.wait_for_diagnostics(self.uri)
        related = diagnostic["relatedInformation"][0]["location"]
        self.assertEqual((related["uri"], related["range"]["start"]["line"]), (self.blocks_uri, 2))
        self.assertEqual(diagnostic["range"]["start"]["line"], place(NET, '"blocks.nn"')[0])
        client.notify("textDocument/didClose", textDocument={"uri": self.blocks_uri})
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])

    def test_a_file_for_others_needs_no_model(self):
        client = self.client()
        client.initialize()
        client.open(self.blocks_uri, BLOCKS)
        self.assertEqual(client.wait_for_diagnostics(self.blocks_uri), [])

    def test_incremental_changes(self):
        client = self.opened()
        client.wait_for_diagnostics(self.uri)
        line, character = place(NET, "relu")
        span = {"start": {"line": line, "character": character}, "end": {"line": line, "character": character + 4}}
        client.change(self.uri, {"range": span, "text": "rleu"})
        self.assertEqual(len(client.wait_for_diagnostics(self.uri)), 1)
        client.change(self.uri, {"range": span, "text": "re"}, {"range": {**span, "start": span["end"], "end": span["end"]}, "text": ""}, version=3)
        back = {"start": span["start"], "end": {"line": line, "character": character + 2}}
        client.change(self.uri, {"range": back, "text": "relu"}, version=4)
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])

    def test_data_that_is_there_gives_its_shape(self):
        net = NET.replace("divide(1437, 360)", "divide(20, 4)")
        client = self.opened(net)
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])
        harness.write_csv(self.path("digits.csv"), [[0] * 60 + [1] for _ in range(24)])
        client.notify("textDocument/didSave", textDocument={"uri": self.uri})
        (diagnostic,) = client.wait_for_diagnostics(self.uri)
        self.assertIn("60", diagnostic["message"])
        os.remove(self.path("digits.csv"))
        client.notify("textDocument/didSave", textDocument={"uri": self.uri})
        self.assertEqual(client.wait_for_diagnostics(self.uri), [])

    # ---- what is shown

    def test_hover(self):
        client = self.opened()
        self.assertIn("features: f32[N, 16, 4, 4]", self.hover(client, NET, "features"))
        self.assertIn("features: f32[N, 16, 4, 4]", self.hover(client, NET, "features", 1))
        self.assertIn("image: f32[N, 1, 8, 8]", self.hover(client, NET, "image"))
        self.assertIn("wide = 20", self.hover(client, NET, "wide"))
        conv = self.hover(client, NET, "Conv2d")
        self.assertIn("-> f32[N, 16, 8, 8]", conv)
        self.assertIn("layer Conv2d(out_channels: int, kernel_size: int[2]", conv)
        self.assertIn("f32[N, 16, 8, 8]", self.hover(client, NET, "conv1"))
        self.assertIn("padding: int[2] = 0", self.hover(client, NET, "padding"))
        doubled = self.hover(client, NET, "doubled", 1)
        self.assertIn("Doubles each number.", doubled)
        self.assertIn("-> f32[N, 16, 4, 4]", doubled)
        block = self.hover(client, NET, "Block")
        self.assertIn("A layer and its activation.", block)
        self.assertIn("-> f32[N, 20]", block)
        self.assertIn("optimizer SGD(", self.hover(client, NET, "SGD"))
        self.assertIn("label: i32[N]", self.hover(client, NET, "label", 2))
        self.assertIn("minimised", self.hover(client, NET, "loss"))
        self.assertIn("csv", self.hover(client, NET, "csv"))
        self.assertIsNone(self.hover(client, NET, "# A net", inside=3))
        self.assertIsNone(client.at("textDocument/hover", self.uri, (1000, 1000)))

    def test_hover_in_a_layer_that_is_used_twice(self):
        text = "layer Half(units: int) (x[N, C]) {\n    y = x -> Linear(units) as inner\n    return y\n}\n" \
               "model Net {\n    input x: f32[N, 8]\n    output y = x -> Half(4) as a -> Half(2) as b\n}\n"
        client = self.opened(text)
        self.assertIn("f32[N, 4], then f32[N, 2]", self.hover(client, text, "y ="))

    def test_inlay_hints(self):
        client = self.opened()
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 100, "character": 0}}
        hints = client.result("textDocument/inlayHint", textDocument={"uri": self.uri}, range=whole)
        lines = NET.split("\n")
        shown = [(lines[hint["position"]["line"]][: hint["position"]["character"]].split()[-1], hint["label"]) for hint in hints]
        self.assertIn(("features", ": [N, 16, 4, 4]"), shown)
        self.assertIn(("conv1", "[N, 16, 8, 8]"), shown)
        self.assertIn(("max_pool2d(2)", "[N, 16, 4, 4]"), shown)
        self.assertIn(("flatten", "[N, 256]"), shown)
        self.assertIn(("logits", ": [N, 10]"), shown)
        self.assertNotIn("relu", [after for after, _ in shown])  # changes nothing
        self.assertNotIn("wide", [after for after, _ in shown])
        one = {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 0}}
        self.assertEqual(client.result("textDocument/inlayHint", textDocument={"uri": self.uri}, range=one), [])

    def test_types_stay_while_the_text_is_broken(self):
        client = self.opened()
        client.wait_for_diagnostics(self.uri)
        client.change(self.uri, {"text": NET.replace("epochs = 2", "epochs = ")})
        self.assertNotEqual(client.wait_for_diagnostics(self.uri), [])
        self.assertIn("features: f32[N, 16, 4, 4]", self.hover(client, NET, "features"))

    def test_types_are_known_up_to_an_error(self):
        wrong = NET.replace("Block(wide)", "Blok(wide)")
        client = self.opened(wrong)
        self.assertIn("features: f32[N, 16, 4, 4]", self.hover(client, wrong, "features"))

    # ---- what could be written

    def test_completion(self):
        client = self.opened()
        stage = self.labels(client, NET, "-> relu", inside=4)
        for name in ("relu", "Conv2d", "doubled", "Block", "repeat"):
            self.assertIn(name, stage)
        self.assertNotIn("cosine_decay", stage)
        arguments = self.labels(client, NET, "padding = 1", inside=3)
        self.assertIn("stride", arguments)
        self.assertIn("wide", arguments)
        result = client.at("textDocument/completion", self.uri, place(NET, "padding = 1", inside=3))
        stride = next(item for item in result["items"] if item["label"] == "stride")
        self.assertEqual((stride["insertText"], stride["detail"]), ("stride = ", "stride: int[2] = 1"))
        self.assertIn("input", self.labels(client, NET, "wide", inside=1))
        self.assertNotIn("epochs", self.labels(client, NET, "wide", inside=1))
        self.assertEqual(set(self.labels(client, NET, "f32", inside=1)), {"f32", "i32", "u8", "int", "real", "bool", "string"})
        self.assertIn("csv", self.labels(client, NET, "csv", inside=1))
        self.assertIn("header", self.labels(client, NET, "label = -1", inside=1))
        self.assertEqual(self.labels(client, NET, "divide", inside=1), ["divide"])
        self.assertIn("column", self.labels(client, NET, "column", inside=1))
        self.assertIn("epochs", self.labels(client, NET, "epochs", inside=1))
        self.assertIn("logits", self.labels(client, NET, "logits", 1, inside=1))
        self.assertIn("Adam", self.labels(client, NET, "SGD", inside=1))
        rate = self.labels(client, NET, "0.05", inside=0)
        self.assertIn("cosine_decay", rate)
        self.assertNotIn("lr", rate)  # given already
        self.assertIn("momentum", self.labels(client, NET.replace("0.05", "0.05, "), "lr", inside=0))
        self.assertIn("digits", self.labels(client, NET, "digits {", 1, inside=1))
        self.assertEqual(self.labels(client, NET, "# A net", inside=4), [])
        self.assertEqual(self.labels(client, NET, "blocks", inside=2), [])
        self.assertIn("model", self.labels(client, NET, "\n\ndata", inside=1))

    def test_completion_while_writing(self):
        for text, expected in [
            ("", "model"),
            ("mod", "model"),
            ("model Net {\n    inp", "input"),
            ("model Net {\n    input x: f32[N, 3]\n    y = x -> re", "relu"),
            ("model Net {\n    input x: f32[N, 3]\n    y = x -> Linear(", "out_features"),
            ("model Net {\n    input x: f32[N, 3]\n    output y = ", "x"),
            ("op f(x[N, C]) -> y[N] {\n    y[n] = s", "sum"),
            ("data d {\n    split train = ", "idx"),
            ("train Net with d {\n    optimizer = ", "AdamW"),
        ]:
            client = self.opened(text)
            line = text.count("\n")
            result = client.at("textDocument/completion", self.uri, (line, len(text) - text.rfind("\n") - 1))
            self.assertIn(expected, [item["label"] for item in result["items"]], text)
            self.assertEqual(client.finish(), 0)

    def test_nothing_is_offered_for_new_names(self):
        client = self.opened()
        for word in ("conv1", "image: f32", "image = column", "train, test"):
            self.assertEqual(self.labels(client, NET, word, inside=1), [], word)

    def test_signatures(self):
        client = self.opened()

        def signature(word, inside):
            return client.at("textDocument/signatureHelp", self.uri, place(NET, word, inside=inside))

        help = signature("Conv2d(16, 3", len("Conv2d(16, "))
        self.assertTrue(help["signatures"][0]["label"].startswith("layer Conv2d(out_channels: int"))
        self.assertEqual(help["activeParameter"], 1)
        active = signature("padding = 1", len("padding ="))
        parameters = active["signatures"][0]["parameters"]
        self.assertEqual(parameters[active["activeParameter"]]["label"], "padding: int[2] = 0")
        self.assertIn("Doubles", signature("doubled(by = 3", len("doubled(b"))["signatures"][0]["documentation"]["value"])
        self.assertIsNone(signature("features", 2))
        self.assertIsNone(signature("model Net(classes", len("model Net(cl")))
        broken = NET[: NET.index("16, 3, padding")]
        client.change(self.uri, {"text": broken})
        line = broken.count("\n")
        help = client.at("textDocument/signatureHelp", self.uri, (line, len(broken) - broken.rfind("\n") - 1))
        self.assertEqual(help["activeParameter"], 0)

    # ---- where things are

    def test_definition(self):
        client = self.opened()

        def definition(word, nth=0, inside=0):
            result = client.at("textDocument/definition", self.uri, place(NET, word, nth, inside))
            return result and (result["uri"], (result["range"]["start"]["line"], result["range"]["start"]["character"]))

        self.assertEqual(definition("doubled", 1), (self.uri, place(NET, "doubled")))
        self.assertEqual(definition("Block"), (self.blocks_uri, (1, 6)))
        self.assertEqual(definition("blocks.nn"), (self.blocks_uri, (0, 0)))
        self.assertEqual(definition("Net", 1), (self.uri, place(NET, "Net")))
        self.assertEqual(definition("digits", 2), (self.uri, place(NET, "digits")))
        self.assertEqual(definition("features", 1), (self.uri, place(NET, "features")))
        self.assertEqual(definition("wide", 1), (self.uri, place(NET, "wide")))
        self.assertEqual(definition("by = 3"), (self.uri, place(NET, "by: real")))
        self.assertEqual(definition("logits", 1), (self.uri, place(NET, "logits")))
        self.assertIsNone(definition("Conv2d"))  # of the library, which is no file
        self.assertIsNone(definition("="))

    def test_symbols(self):
        client = self.opened()
        symbols = client.result("textDocument/documentSymbol", textDocument={"uri": self.uri})
        self.assertEqual(
            [(s["detail"], s["name"]) for s in symbols],
            [("op", "doubled"), ("model", "Net"), ("data", "digits"), ("train", "Net")],
        )

    def test_formatting(self):
        careless = NET.replace("    wide = classes * 2", "  wide=classes*2").replace("epochs = 2", "epochs=2")
        client = self.opened(careless)
        edits = client.result("textDocument/formatting", textDocument={"uri": self.uri}, options={"tabSize": 4, "insertSpaces": True})
        self.assertEqual(applied(careless, edits), NET)
        self.assertGreater(edits[0]["range"]["start"]["line"], 5)  # what is right is not touched
        client.change(self.uri, {"text": NET})
        self.assertEqual(client.result("textDocument/formatting", textDocument={"uri": self.uri}, options={}), [])
        client.change(self.uri, {"text": "model {"})
        self.assertEqual(client.result("textDocument/formatting", textDocument={"uri": self.uri}, options={}), [])

    def test_positions_beyond_ascii(self):
        text = "model Net {\n    input x: f32[N, 3]\n    output y = x -> Linear(2)  # \U0001f600 \u00e4\n}\n# \U0001f600\nlayer \u00e4 rleu\n"
        wrong = text.replace("# \U0001f600 \u00e4", "# \u00e4") + "op f(x[..]) -> y[..] { y[..] = 'a\U0001f600b' + x[..] }\n"
        for encodings, unit in ((["utf-16"], 2), (["utf-16", "utf-8"], 1)):
            client = self.opened(wrong, general={"positionEncodings": encodings})
            for diagnostic in client.wait_for_diagnostics(self.uri):
                for end in ("start", "end"):
                    position = diagnostic["range"][end]
                    line = wrong.split("\n")[position["line"]]
                    size = len(line.encode("utf-16-le")) // 2 if unit == 2 else len(line.encode())
                    self.assertLessEqual(position["character"], size)
            # Behind the emoji, an edit lands where it should.
            line = wrong.split("\n").index("# \U0001f600")
            at = {"line": line, "character": 4 if unit == 2 else 6}
            client.change(self.uri, {"range": {"start": at, "end": at}, "text": "\nop same(x[..]) -> y[..] { y[..] = x[..] }"})
            symbols = client.result("textDocument/documentSymbol", textDocument={"uri": self.uri})
            self.assertIn("same", [symbol["name"] for symbol in symbols])
            self.assertEqual(client.finish(), 0)

    # ---- what is broken

    def test_messages_that_are_none(self):
        client = self.client()
        client.initialize()

        def answered(content):
            client.send_bytes(b"Content-Length: %d\r\n\r\n" % len(content) + content)
            return client.receive()["error"]["code"]

        self.assertEqual(answered(b"{"), -32700)
        self.assertEqual(answered(b'"\xff"'), -32700)
        self.assertEqual(answered(b"[" * 100000), -32700)
        self.assertEqual(answered(b"[]"), -32600)
        self.assertEqual(answered(b'{"id": [], "method": "x"}'), -32600)
        self.assertEqual(answered(b'{"id": 5}'), -32600)
        self.assertEqual(answered(b'{"id": 6, "method": 7}'), -32600)
        self.assertEqual(answered(b'{"id": "a", "method": "textDocument/hover", "params": [1]}'), -32602)
        nothing = b'{"method": "textDocument/didChange", "params": {"textDocument": 3}}'
        client.send_bytes(b"Content-Length: %d\r\n\r\n" % len(nothing) + nothing)
        self.assertEqual(client.finish(), 0)

    def test_frames_that_are_none(self):
        for content in (b"hello\r\n\r\n", b"Content-Length: ten\r\n\r\n", b"Content-Length: -1\r\n\r\n", b"A: 1\r\n\r\n{}",
                        b"Content-Length: 99999999999999999999\r\n\r\n", b"Content-Length: 9999999999\r\n\r\n", b"x" * 10000):
            client = self.client()
            client.initialize()
            client.send_bytes(content)
            self.assertEqual(client.receive()["error"]["code"], -32700, content[:40])
            self.assertIsNone(client.receive())
            self.assertEqual(client.wait(), 1)
        client = self.client()
        client.initialize()
        client.send_bytes(b"Content-Length: 100\r\n\r\n{")
        self.assertEqual(client.wait(), 1)

    def test_any_text(self):
        client = self.opened("")
        for text in ("\0\x01", "model", "{{{{", "}" * 50, "(" * 3000, 'use "../x.nn"', 'use "blocks.nn', "op f(x", "train", "#",
                     "layer A (x[N]) { return x -> A }", "model M { input x: f32[N, " + "9" * 30 + "] output y = x }"):
            client.change(self.uri, {"text": text})
            for method in ("hover", "completion", "definition"):
                for position in ((0, 0), (0, 3), (0, len(text)), (5, 5)):
                    client.at(f"textDocument/{method}", self.uri, position)
            for method in ("documentSymbol", "formatting"):
                client.result(f"textDocument/{method}", textDocument={"uri": self.uri})
        self.assertEqual(client.finish(), 0)

    def test_a_used_file_of_any_bytes(self):
        with open(self.blocks, "wb") as file:
            file.write(b"layer \xff\xfe Block \x80 (\xc3")
        client = self.opened()
        self.assertNotEqual(client.wait_for_diagnostics(self.uri), [])
        self.assertEqual(client.finish(), 0)

    def test_a_text_in_no_file(self):
        client = self.client()
        client.initialize()
        client.open("untitled:Untitled-1", NET.replace('use "blocks.nn"\n', "").replace("Block(wide)", "Linear(wide)"))
        self.assertEqual(client.wait_for_diagnostics("untitled:Untitled-1"), [])


if __name__ == "__main__":
    harness.main()
