"""striate run --generate: text from models of the next character."""

import harness

TEXT = "the cat sat on the mat.\n" * 60

PROGRAM = """
op last(x: int[N, T]) -> y: int[N] { y[n] = x[n, T - 1] }
model Net(vocabulary: int = 20) {
    input token: int[N, 16]
    MODEL
}
data book {
    split train = text("book.txt", window = 16, stride = 1)
    field token = column(0)
    field next = column(1)
}
train Net(vocabulary = vocabulary) with book {
    loss = cross_entropy(logits, TARGET)
    optimizer = Adam(lr = 0.01)
    epochs = 10    batch = 32
}
"""

CAUSAL = """layer table = Embedding(vocabulary, 32)
    x = token -> table -> PositionEmbedding as position
    seen = x + (x -> MultiheadAttention(4, is_causal = true) as attention)
    output logits = seen -> Linear(64) as wide -> relu -> Linear(vocabulary) as head -> transpose"""
AHEAD = CAUSAL.replace("true", "false")
LAST = """output logits = token -> Embedding(vocabulary, 24) as table -> GRU(48) as gru -> last_step
                          -> Linear(vocabulary) as head"""


class Generation(harness.EndToEnd):
    def train(self, model, target="next"):
        with open(self.path("book.txt"), "w", encoding="utf-8") as file:
            file.write(TEXT)
        program = self.write("net.nn", PROGRAM.replace("MODEL", model).replace("TARGET", target))
        self.striate("train", program, "--run", self.path("run"))
        return program, self.path("run", "model.safetensors")

    def generate(self, program, weights, *arguments, expect=0):
        done = self.striate("run", program, "--weights", weights, "--generate", *arguments, expect=expect)
        return done.stderr if expect else done.stdout

    def test_a_learnt_sentence_is_continued(self):
        program, weights = self.train(CAUSAL)
        text = self.generate(program, weights, "60", "--prompt", "the cat", "--temperature", "0")
        self.assertEqual(text, "the cat" + TEXT[7:67] + "\n")
        # Beyond the window too, from any place, and without a prompt from the beginning of a line.
        self.assertEqual(self.generate(program, weights, "20", "--temperature", "0"), TEXT[:20] + "\n")

        first = self.generate(program, weights, "80", "--prompt", "on", "--temperature", "2", "--seed", "5")
        for arguments in (), ("--threads", "1"):
            again = self.generate(program, weights, "80", "--prompt", "on", "--temperature", "2", "--seed", "5", *arguments)
            self.assertEqual(first, again)
        other = self.generate(program, weights, "80", "--prompt", "on", "--temperature", "2", "--seed", "6")
        self.assertNotEqual(first, other)
        self.assertEqual(len(first), 83)
        likeliest = self.generate(program, weights, "60", "--prompt", "the cat", "--top-k", "1", "--temperature", "2")
        self.assertEqual(likeliest, text)

        # The data need not be there, and what is asked for must make sense.
        message = self.generate(program, weights, "5", "--prompt", "the dog", expect=3)
        self.assertIn("--prompt:1:5: the character `d` does not occur in the training text", message)
        self.assertIn("--generate", self.striate("run", program, "-w", weights, "--prompt", "x", expect=2).stderr)
        self.generate(program, weights, "5", "--input", "token=1", expect=2)
        self.generate(program, weights, "0", expect=2)
        self.generate(program, weights, "5", "--temperature", "-1", expect=2)

    def test_a_model_that_predicts_the_last_character_alone(self):
        program, weights = self.train(LAST, "last(next)")
        text = self.generate(program, weights, "48", "--prompt", TEXT[:24], "--temperature", "0")
        self.assertEqual(text, TEXT[:72] + "\n")

    def test_a_model_that_looks_ahead_is_refused(self):
        program, weights = self.train(AHEAD)
        message = self.generate(program, weights, "5", "--prompt", "the", expect=1)
        self.assertIn("depends on the characters after it", message)

    def test_other_models_are_refused(self):
        program, weights = self.train(CAUSAL.replace(" -> transpose", " -> flatten -> Linear(20) as end"), "last(next)")
        self.assertIn("an output f32[N, 12, 16], f32[N, 16, 12] or f32[N, 12]", self.generate(program, weights, "5", expect=1))
        digits = harness.MODELS + "/digits.nn"
        self.striate("train", digits, "--run", self.path("digits"), "--set", "train.epochs=1")
        message = self.generate(digits, self.path("digits", "model.safetensors"), "5", expect=3)
        self.assertIn("knows no characters", message)


if __name__ == "__main__":
    harness.main()
