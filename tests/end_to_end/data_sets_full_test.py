"""Whole data sets, trained to the promised accuracy; skipped where a data set is not on this machine."""

import os

import harness

FASHION = "/usr/share/datasets/fashion-mnist"  # Debian's dataset-fashion-mnist


class DataSets(harness.EndToEnd):
    def accuracy(self, model, data, seed):
        run = self.path(f"run{seed}")
        self.striate(
            "train", os.path.join(harness.MODELS, model), "--data", data, "--run", run, "--set", f"train.seed={seed}", timeout=3000
        )
        return [m["value"] for m in harness.metrics(run) if (m["split"], m["name"]) == ("test", "accuracy")][-1]

    def test_lenet_on_mnist(self):
        data = harness.shared_data("mnist") or self.skipTest("MNIST is not here")
        for seed in (1, 2, 3):
            with self.subTest(seed=seed):
                self.assertGreaterEqual(self.accuracy("lenet.nn", data, seed), 0.99)

    def test_lenet_on_fashion_mnist(self):
        if not os.path.isdir(FASHION):
            self.skipTest("dataset-fashion-mnist is not installed")
        self.assertGreaterEqual(self.accuracy("lenet.nn", FASHION, 1), 0.89)

    def test_usps(self):
        data = harness.shared_data("usps") or self.skipTest("USPS is not here")
        self.assertGreaterEqual(self.accuracy("usps.nn", data, 1), 0.95)


if __name__ == "__main__":
    harness.main()
