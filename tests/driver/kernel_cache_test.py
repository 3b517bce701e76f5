"""Machine code is kept between runs: found again, never wrongly, and never in the way."""

import os
import stat

import harness

NET = """
model Net() {
    input image: f32[N, 1, 8, 8]
    output logits = image -> Conv2d(16, 3, padding = 1) as conv -> relu -> max_pool2d(2) -> flatten -> Linear(10) as fc
}
data digits {
    split train = idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    field image = column(0) -> to_real(1/255)
    field label = column(1)
}
train Net with digits {
    loss = cross_entropy(logits, label)
    optimizer = SGD(lr = 0.1)
    batch = 16
    epochs = 1
}
"""


class KernelCache(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.net = self.write("net.nn", NET)
        self.pictures(self.scratch)
        self.cache = self.path("cache")
        self.folder = os.path.join(self.cache, "kernels")

    def train(self, *arguments, cache=None):
        run = self.path("run")
        self.striate("train", self.net, "--run", run, "--force", *arguments, STRIATE_CACHE=self.cache if cache is None else cache)
        return harness.digest(os.path.join(run, "model.safetensors"))

    def entries(self):
        return {name: os.stat(os.path.join(self.folder, name)).st_ino for name in os.listdir(self.folder)}

    def test_found_again(self):
        plain = self.train(cache="off")
        self.assertFalse(os.path.exists(self.cache))
        self.assertEqual(self.train(), plain)
        first = self.entries()
        self.assertGreater(len(first), 3)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o700)
        self.assertEqual(self.train("--threads", "1"), plain)
        self.assertEqual(self.entries(), first, "nothing was compiled again")
        # Another CPU, and other kernels, are compiled; the bits are the same.
        self.assertEqual(self.train("--mcpu", "x86-64"), plain)
        second = self.entries()
        self.assertGreater(len(second), len(first))
        self.assertEqual(self.train("--no-fuse"), plain)
        self.assertGreater(len(self.entries()), len(second))

    def test_damage(self):
        plain = self.train()
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), "r+b") as file:
                file.seek(-9, os.SEEK_END)
                file.write(b"\xcc" * 8)
        damaged = self.entries()
        self.assertEqual(self.train(), plain)
        self.assertTrue(all(self.entries()[name] != inode for name, inode in damaged.items()), "all were made anew")

    def test_a_folder_that_cannot_be_used_is_passed_over(self):
        plain = self.train(cache="off")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o770)
        self.assertEqual(self.train(), plain)
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(self.train(cache="/dev/null/nothing"), plain)


if __name__ == "__main__":
    harness.main()
