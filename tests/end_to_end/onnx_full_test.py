"""Imports the deep networks of the shared data: real graphs, with weights that are all alike."""

import os
import struct

import onnx_files as onnx
from harness import main, shared_data
from onnx_test import Import

SIZE = 3 * 224 * 224


class DeepNetworks(Import):
    """The input is the ramp i/n; every output is 0.001."""

    def check_network(self, name, input_name, output_name, layers):
        folder = shared_data("onnx-light")
        if not folder:
            self.skipTest("no shared data")
        program = self.imported(os.path.join(folder, f"light_{name}.onnx"))
        self.assertEqual((program.count("Conv2d("), program.count("Linear(")), layers)
        ramp = [struct.unpack("<f", struct.pack("<f", i / SIZE))[0] for i in range(SIZE)]
        shape, values = self.run_on(ramp, [1, 3, 224, 224], input_name, output_name)
        wanted_shape, wanted = onnx.read_tensor(os.path.join(folder, f"light_{name}_output_0.pb"))
        self.assertEqual(shape, wanted_shape)
        self.assert_near(values, wanted)

    def test_alexnet(self):
        self.check_network("bvlc_alexnet", "data_0", "prob_1", (5, 3))

    def test_zfnet(self):
        self.check_network("zfnet512", "gpu_0_data_0", "gpu_0_softmax_1", (5, 3))

    def test_vgg19(self):
        self.check_network("vgg19", "data_0", "prob_1", (16, 3))


if __name__ == "__main__":
    main()
