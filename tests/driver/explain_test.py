"""What messages look like for people and for programs, and the pages behind their codes."""

import json

import harness

WRONG = "model Net() {\n    input x: f32[N, 4]\n    a = x -> rleu\n    b = x -> tanj\n    output y = c\n}\n"


class Messages(harness.EndToEnd):
    def test_pages(self):
        page = self.striate("explain", "e0203").stdout
        self.assertIn("# E0203: ", page)
        self.assertIn("```nn wrong", page)
        codes = self.striate("explain", "--list").stdout.splitlines()
        self.assertGreater(len(codes), 30)
        self.assertTrue(all(line[0] in "EW" and line[5:7] == ": " for line in codes), codes)
        self.assertIn("no message has the code", self.striate("explain", "E9999", expect=2).stderr)
        self.assertIn("striate explain op relu", self.striate("explain", "relu", expect=2).stderr)
        self.assertIn("is missing", self.striate("explain", "op", expect=2).stderr)

    def test_text_points_to_the_page(self):
        net = self.write("net.nn", WRONG)
        text = self.striate("check", net, expect=1).stderr
        self.assertEqual(text.count("`striate explain"), 1)
        self.assertTrue(text.endswith("`striate explain E0201` tells more\n"))

    def test_error_limit(self):
        net = self.write("net.nn", WRONG)
        text = self.striate("check", net, "--error-limit", "1", expect=1).stderr
        self.assertEqual(text.count("error["), 1)
        self.assertIn("2 more errors not shown", text)

    def test_json(self):
        net = self.write("net.nn", WRONG)
        lines = self.striate("check", net, "--diagnostics=json", expect=1).stderr.splitlines()
        first = json.loads(lines[0])
        self.assertEqual(len(lines), 3)
        self.assertEqual((first["severity"], first["code"], first["file"]), ("error", "E0201", net))
        self.assertEqual((first["line"], first["column"], first["end_column"]), (3, 14, 18))
        self.assertEqual(first["suggestions"][0]["replacement"], "relu")
        # Applying every suggestion leaves what has none.
        text = WRONG.splitlines()
        for message in map(json.loads, lines):
            for fix in message["suggestions"]:
                line = text[fix["line"] - 1]
                text[fix["line"] - 1] = line[: fix["column"] - 1] + fix["replacement"] + line[fix["end_column"] - 1 :]
        self.write("net.nn", "\n".join(text))
        left = self.striate("check", net, "--diagnostics=json", expect=1).stderr.splitlines()
        self.assertEqual([json.loads(line)["line"] for line in left], [5])


if __name__ == "__main__":
    harness.main()
