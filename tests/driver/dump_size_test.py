"""A dump is for reading: AlexNet's training step stays under 200 KB at each stage, and two compilations print the same bytes."""

import os
import shutil

import harness

MOST = 200_000


class DumpSize(harness.EndToEnd):
    def test_alexnet(self):
        shutil.copy(os.path.join(harness.MODELS, "alexnet.nn"), self.scratch)
        for stage in ("graph", "grad", "regions", "kernel"):
            text = self.striate("build", "alexnet.nn", "--emit", stage).stdout
            self.assertLess(len(text), MOST, stage)
            self.assertEqual(self.striate("build", "alexnet.nn", "--emit", stage).stdout, text)
            with open(self.path("dump.sir"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assertEqual(self.striate("opt", "dump.sir").stdout, text, stage)


if __name__ == "__main__":
    harness.main()
