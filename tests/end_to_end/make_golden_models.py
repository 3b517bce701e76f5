#!/usr/bin/env python3
"""Writes golden/models.json: what PyTorch computes, in f64, for small variants of the models in models/.

    python3 tests/end_to_end/make_golden_models.py

Needs PyTorch; the test needs only the file. Weights and inputs are numbers made from their names (golden_numbers.py), so that shapes
and results are all that is stored.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

import golden_numbers

FILE = pathlib.Path(__file__).parent / "golden" / "models.json"


class Net:
    """The parameters that a forward pass asks for, made on the way."""

    def __init__(self):
        self.shapes = {}

    def param(self, name, *shape):
        self.shapes[name] = shape
        return torch.tensor(golden_numbers.parameter(name, shape), dtype=torch.float64).reshape(shape)

    def conv(self, x, name, channels, kernel, bias=True, groups=1, **window):
        weight = self.param(f"{name}.weight", channels, x.shape[1] // groups, kernel, kernel)
        return F.conv2d(x, weight, self.param(f"{name}.bias", channels) if bias else None, groups=groups, **window)

    def linear(self, x, name, units, bias=True):
        weight = self.param(f"{name}.weight", units, x.shape[-1])
        return F.linear(x, weight, self.param(f"{name}.bias", units) if bias else None)

    def norm(self, x, name):
        statistics = [self.param(f"{name}.{k}", x.shape[1]) for k in ("running_mean", "running_var")]
        return F.batch_norm(x, *statistics, *(self.param(f"{name}.{k}", x.shape[1]) for k in ("weight", "bias")))

    def layer_norm(self, x, name, bias=True, eps=1e-5):
        size = x.shape[-1]
        return F.layer_norm(x, (size,), self.param(f"{name}.weight", size), self.param(f"{name}.bias", size) if bias else None, eps)

    def attention(self, x, name, heads, bias, causal):
        n, t, c = x.shape
        weight = self.param(f"{name}.in_proj_weight", 3 * c, c)
        qkv = F.linear(x, weight, self.param(f"{name}.in_proj_bias", 3 * c) if bias else None)
        q, k, v = (part.reshape(n, t, heads, c // heads).transpose(1, 2) for part in qkv.split(c, 2))
        score = q @ k.transpose(2, 3) / math.sqrt(c // heads)
        if causal:
            score = score.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        return self.linear((score.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c), f"{name}.out_proj", c, bias)


def lrn(x, alpha, k):
    return F.local_response_norm(x, 5, alpha, 0.75, k)


def alexnet(net, x):
    x = F.max_pool2d(lrn(net.conv(x, "conv1", 6, 11, stride=4).relu(), 5e-4, 2), 3, 2)
    x = F.max_pool2d(lrn(net.conv(x, "conv2", 16, 5, groups=2, padding=2).relu(), 5e-4, 2), 3, 2)
    x = net.conv(x, "conv3", 24, 3, padding=1).relu()
    x = net.conv(x, "conv4", 24, 3, groups=2, padding=1).relu()
    x = F.max_pool2d(net.conv(x, "conv5", 16, 3, groups=2, padding=1).relu(), 3, 2).flatten(1)
    return net.linear(net.linear(net.linear(x, "fc6", 16).relu(), "fc7", 16).relu(), "fc8", 5)


def squeezenet(net, x):
    def fire(x, name, squeeze, expand):
        s = net.conv(x, f"{name}.squeeze", squeeze, 1).relu()
        return torch.cat([net.conv(s, f"{name}.expand1x1", expand, 1).relu(), net.conv(s, f"{name}.expand3x3", expand, 3, padding=1).relu()], 1)

    pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = pool(net.conv(x, "features.0", 24, 7, stride=2).relu())
    x = pool(fire(fire(fire(x, "features.3", 4, 16), "features.4", 4, 16), "features.5", 8, 32))
    for number, width in ((7, 8), (8, 12), (9, 12), (10, 16)):
        x = fire(x, f"features.{number}", width, 4 * width)
    x = fire(pool(x), "features.12", 16, 64)
    return net.conv(x, "classifier.1", 20, 1).relu().mean((2, 3))


def googlenet(net, x):
    w = 2

    def inception(x, name, one, reduce3, three, reduce5, five, pool):
        b = net.conv(net.conv(x, f"{name}.reduce3", reduce3, 1).relu(), f"{name}.conv3", three, 3, padding=1)
        c = net.conv(net.conv(x, f"{name}.reduce5", reduce5, 1).relu(), f"{name}.conv5", five, 5, padding=2)
        d = net.conv(F.max_pool2d(x, 3, 1, 1), f"{name}.pool", pool, 1)
        return torch.cat([net.conv(x, f"{name}.conv1", one, 1), b, c, d], 1).relu()

    pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = lrn(pool(net.conv(x, "conv1", 4 * w, 7, stride=2, padding=3).relu()), 1e-4, 1)
    x = net.conv(net.conv(x, "reduce2", 4 * w, 1).relu(), "conv2", 12 * w, 3, padding=1).relu()
    x = pool(lrn(x, 1e-4, 1))
    table = {
        "3a": (4, 6, 8, 1, 2, 2), "3b": (8, 8, 12, 2, 6, 4), "4a": (12, 6, 13, 1, 3, 4), "4b": (10, 7, 14, 1.5, 4, 4),
        "4c": (8, 8, 16, 1.5, 4, 4), "4d": (7, 9, 18, 2, 4, 4), "4e": (16, 10, 20, 2, 8, 8), "5a": (16, 10, 20, 2, 8, 8),
        "5b": (24, 12, 24, 3, 8, 8),
    }  # fmt: skip
    for number, widths in table.items():
        x = inception(x, f"inception{number}", *(int(k * w) for k in widths))
        if number in ("3b", "4e"):
            x = pool(x)
    return net.linear(x.mean((2, 3)), "fc", 5)


def resnet20(net, x):
    x = net.norm(net.conv(x, "conv1", 4, 3, bias=False, padding=1), "bn1").relu()
    for stage, channels in enumerate((4, 8, 16)):
        name, stride = f"layer{stage + 1}.0", 2 if stage else 1
        y = net.norm(net.conv(x, f"{name}.conv1", channels, 3, bias=False, stride=stride, padding=1), f"{name}.bn1").relu()
        y = net.norm(net.conv(y, f"{name}.conv2", channels, 3, bias=False, padding=1), f"{name}.bn2")
        if stage:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, channels // 4, channels // 4))
        x = (x + y).relu()
    return net.linear(x.mean((2, 3)), "linear", 5)


def resnet18(net, x):
    x = F.max_pool2d(net.norm(net.conv(x, "conv1", 4, 7, bias=False, stride=2, padding=3), "bn1").relu(), 3, 2, 1)
    for stage in range(4):
        for block in range(2):
            name, channels, stride = f"layer{stage + 1}.{block}", 4 * 2**stage, 2 if stage and not block else 1
            y = net.norm(net.conv(x, f"{name}.conv1", channels, 3, bias=False, stride=stride, padding=1), f"{name}.bn1").relu()
            y = net.norm(net.conv(y, f"{name}.conv2", channels, 3, bias=False, padding=1), f"{name}.bn2")
            if stride == 2:
                x = net.norm(net.conv(x, f"{name}.downsample.0", channels, 1, bias=False, stride=2), f"{name}.downsample.1")
            x = (x + y).relu()
    return net.linear(x.mean((2, 3)), "fc", 5)


def mobilenet(net, x):
    x = net.norm(net.conv(x, "conv", 4, 3, bias=False, stride=2, padding=1), "bn").relu()
    widths = [(2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2)] + 5 * [(16, 1)] + [(32, 2), (32, 1)]
    for number, (width, stride) in enumerate(widths, 1):
        name = f"block{number}"
        x = net.conv(x, f"{name}.depthwise", x.shape[1], 3, bias=False, groups=x.shape[1], stride=stride, padding=1)
        x = net.conv(net.norm(x, f"{name}.bn1").relu(), f"{name}.pointwise", 4 * width, 1, bias=False)
        x = net.norm(x, f"{name}.bn2").relu()
    return net.linear(x.mean((2, 3)), "fc", 5)


def densenet(net, x):
    growth = 2
    x = net.norm(net.conv(x, "features.conv0", 2 * growth, 7, bias=False, stride=2, padding=3), "features.norm0").relu()
    x = F.max_pool2d(x, 3, 2, 1)
    for block, depth in enumerate((6, 12, 24, 16), 1):
        for layer in range(1, depth + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            y = net.conv(net.norm(x, f"{name}.norm1").relu(), f"{name}.conv1", 4 * growth, 1, bias=False)
            x = torch.cat([x, net.conv(net.norm(y, f"{name}.norm2").relu(), f"{name}.conv2", growth, 3, bias=False, padding=1)], 1)
        if block < 4:
            name = f"features.transition{block}"
            x = F.avg_pool2d(net.conv(net.norm(x, f"{name}.norm").relu(), f"{name}.conv", x.shape[1] // 2, 1, bias=False), 2)
    return net.linear(net.norm(x, "features.norm5").relu().mean((2, 3)), "classifier", 5)


def unet(net, x):
    double = lambda x, name, channels: net.conv(net.conv(x, f"{name}.conv1", channels, 3).relu(), f"{name}.conv2", channels, 3).relu()
    down = []
    for number in range(4):
        x = double(x, f"down{number + 1}", 4 * 2**number)
        down.append(x)
        x = F.max_pool2d(x, 2)
    x = double(x, "bottom", 64)
    for number in (4, 3, 2, 1):
        channels = 2 * 2**number
        weight = net.param(f"up{number}.up.weight", 2 * channels, channels, 2, 2)
        x = F.conv_transpose2d(x, weight, net.param(f"up{number}.up.bias", channels), stride=2)
        carried, size = down[number - 1], x.shape[2]
        edge = (carried.shape[2] - size) // 2
        x = torch.cat([carried[:, :, edge : edge + size, edge : edge + size], x], 1)
        x = double(x, f"up{number}.conv", channels)
    return net.conv(x, "head", 2, 1)


def vit(net, x):
    x = net.conv(x, "patch_embed", 12, 8, stride=8).flatten(2).transpose(1, 2)
    x = torch.cat([net.param("cls_token.weight", 12).expand(len(x), 1, 12), x], 1)
    x = x + net.param("pos_embed.weight", x.shape[1], 12)
    for block in range(2):
        name = f"blocks.{block}"
        x = x + net.attention(net.layer_norm(x, f"{name}.norm1", eps=1e-6), f"{name}.attn", 3, True, False)
        y = net.linear(net.layer_norm(x, f"{name}.norm2", eps=1e-6), f"{name}.mlp.fc1", 48)
        x = x + net.linear(F.gelu(y), f"{name}.mlp.fc2", 12)
    return net.linear(net.layer_norm(x, "norm", eps=1e-6)[:, 0], "head", 5)


def char_gpt(net, token):
    table = net.param("wte.weight", 11, 12)
    x = F.embedding(token, table) + net.param("wpe.weight", 8, 12)
    for block in range(2):
        name = f"h.{block}"
        x = x + net.attention(net.layer_norm(x, f"{name}.ln_1", bias=False), f"{name}.attn", 2, False, True)
        y = net.linear(net.layer_norm(x, f"{name}.ln_2", bias=False), f"{name}.mlp.c_fc", 48, bias=False)
        x = x + net.linear(F.gelu(y), f"{name}.mlp.c_proj", 12, bias=False)
    return F.linear(net.layer_norm(x, "ln_f", bias=False), table).transpose(1, 2)


def recurrent(net, kind, name, x, size):
    """What each step of one of PyTorch's recurrent modules yields."""
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    module = getattr(torch.nn, kind)(x.shape[2], size, batch_first=True).double()
    shapes = {"weight_ih_l0": (gates * size, x.shape[2]), "weight_hh_l0": (gates * size, size)}
    for key, shape in {**shapes, "bias_ih_l0": (gates * size,), "bias_hh_l0": (gates * size,)}.items():
        getattr(module, key).data = net.param(f"{name}.{key}", *shape)
    return module(x)[0]


def lstm(net, image):
    return net.linear(recurrent(net, "LSTM", "lstm", image[:, 0], 8)[:, -1], "fc", 5)


def recurrent_layers(net, x):
    x = recurrent(net, "RNN", "a", x, 6)
    x = recurrent(net, "GRU", "b", x.flip(1), 5)
    return recurrent(net, "LSTM", "c", x, 7)


NETS = {
    "alexnet.nn": (alexnet, dict(channels=6, hidden=16, size=67), (2, 3, 67, 67)),
    "squeezenet.nn": (squeezenet, dict(w=4, size=35, classes=20), (2, 3, 35, 35)),
    "googlenet.nn": (googlenet, dict(w=2, size=64), (2, 3, 64, 64)),
    "resnet20.nn": (resnet20, dict(width=4, depth=1), (3, 3, 32, 32)),
    "resnet18.nn": (resnet18, dict(width=4, size=40), (2, 3, 40, 40)),
    "mobilenet_v1.nn": (mobilenet, dict(width=4, size=36), (2, 3, 36, 36)),
    "densenet121.nn": (densenet, dict(growth=2, size=33), (2, 3, 33, 33)),
    "unet.nn": (unet, dict(width=4, size=188), (1, 1, 188, 188)),
    "vit.nn": (vit, dict(width=12, depth=2, heads=3, patch=8, size=32), (3, 3, 32, 32)),
    "char_gpt.nn": (char_gpt, dict(width=12, depth=2, heads=2, context=8, vocabulary=11), (2, 8)),
    "lstm.nn": (lstm, dict(hidden=8, size=8), (3, 1, 8, 8)),
    "recurrent_layers.nn": (recurrent_layers, dict(), (3, 9, 4)),
}


def main():
    result = {}
    for name, (function, arguments, shape) in NETS.items():
        net = Net()
        vocabulary = arguments.get("vocabulary", 0)
        numbers = golden_numbers.inputs(shape, vocabulary)
        x = torch.tensor(numbers, dtype=torch.int64 if vocabulary else torch.float64).reshape(shape)
        output = function(net, x)
        if not vocabulary and name not in ("unet.nn", "recurrent_layers.nn"):
            arguments.setdefault("classes", 5)
        result[name] = {
            "arguments": arguments, "input": shape, "parameters": net.shapes, "shape": list(output.shape),
            "output": [float(f"{value:.9g}") for value in output.flatten().tolist()],
        }  # fmt: skip
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(result, indent=None, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
