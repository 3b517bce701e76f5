"""Small variants of the larger models learn."""

import harness
import models_test


class LargerModels(models_test.Learning):
    def test_they_learn(self):
        for name in sorted(models_test.LONG):
            with self.subTest(model=name):
                self.learn(name)


if __name__ == "__main__":
    harness.main()
