"""striate fmt: in place, from stdin, and --check."""

import subprocess

import harness

CARELESS = "# A net.\nmodel Net(){input x:f32[N,3]   # three\noutput y=x->relu}\n"


class Format(harness.EndToEnd):
    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def test_in_place(self):
        net = self.write("net.nn", CARELESS)
        self.striate("fmt", net)
        wanted = "# A net.\nmodel Net() {\n    input x: f32[N, 3]  # three\n    output y = x -> relu\n}\n"
        self.assertEqual(self.read("net.nn"), wanted)
        self.striate("fmt", "--check", net)

    def test_check_changes_nothing(self):
        net = self.write("net.nn", CARELESS)
        good = self.write("good.nn", "op same(x[..]) -> y[..] { y[..] = x[..] }\n")
        result = self.striate("fmt", "--check", net, good, expect=1)
        self.assertEqual(result.stdout, net + "\n")
        self.assertEqual(self.read("net.nn"), CARELESS)

    def test_stdin(self):
        result = subprocess.run([harness.BINARY, "fmt", "-"], input=CARELESS, capture_output=True, text=True, check=True)
        self.assertIn("input x: f32[N, 3]  # three\n", result.stdout)

    def test_a_wrong_program_stays(self):
        net = self.write("net.nn", "model Net( {")
        self.assertIn("error[E0103]", self.striate("fmt", net, expect=1).stderr)
        self.assertEqual(self.read("net.nn"), "model Net( {")
        self.striate("fmt", self.path("none.nn"), expect=3)


if __name__ == "__main__":
    harness.main()
