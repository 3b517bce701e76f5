"""The benchmarked networks in PyTorch, as one would write them there; the same work as models/*.nn."""

import torch
from torch import nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Dropout(0.5), nn.Linear(500, 10))


def alexnet():
    def norm():
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)

    def conv(*args, **options):
        return nn.Sequential(nn.Conv2d(*args, **options), nn.ReLU())

    return nn.Sequential(
        conv(3, 96, 11, stride=4), norm(), nn.MaxPool2d(3, 2),
        conv(96, 256, 5, padding=2, groups=2), norm(), nn.MaxPool2d(3, 2),
        conv(256, 384, 3, padding=1), conv(384, 384, 3, padding=1, groups=2), conv(384, 256, 3, padding=1, groups=2),
        nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 1000))


def vgg16():
    layers, channels = [], 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(4096, 1000))


def convolution(channels, out, kernel, **options):
    return nn.Sequential(nn.Conv2d(channels, out, kernel, bias=False, **options), nn.BatchNorm2d(out))


class Widen(nn.Module):
    """ResNet's shortcut A: every second pixel, zeros in new channels."""

    def __init__(self, extra):
        super().__init__()
        self.extra = extra // 2

    def forward(self, x):
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, self.extra))


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def basic(channels, out, stride, shortcut):
    body = nn.Sequential(convolution(channels, out, 3, stride=stride, padding=1), nn.ReLU(), convolution(out, out, 3, padding=1))
    return Residual(body, shortcut)


def resnet20():
    layers, channels = [convolution(3, 16, 3, padding=1), nn.ReLU()], 16
    for out in (16, 32, 64):
        for _ in range(3):
            same = channels == out
            layers.append(basic(channels, out, 1 if same else 2, nn.Identity() if same else Widen(out - channels)))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def resnet(depths, bottleneck):
    layers, channels = [convolution(3, 64, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for stage, depth in enumerate(depths):
        for block in range(depth):
            width, stride = 64 * 2**stage, 2 if stage and not block else 1
            out = 4 * width if bottleneck else width
            same = stride == 1 and channels == out
            shortcut = nn.Identity() if same else convolution(channels, out, 1, stride=stride)
            if bottleneck:
                layers.append(Residual(nn.Sequential(
                    convolution(channels, width, 1), nn.ReLU(), convolution(width, width, 3, stride=stride, padding=1),
                    nn.ReLU(), convolution(width, out, 1)), shortcut))
            else:
                layers.append(basic(channels, out, stride, shortcut))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def resnet18():
    return resnet((2, 2, 2, 2), False)


def resnet50():
    return resnet((3, 4, 6, 3), True)


def mobilenet_v1():
    layers, channels = [convolution(3, 32, 3, stride=2, padding=1), nn.ReLU()], 32
    for width, stride in [(2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2)] + 5 * [(16, 1)] + [(32, 2), (32, 1)]:
        layers += [convolution(channels, channels, 3, stride=stride, padding=1, groups=channels), nn.ReLU(),
                   convolution(channels, 32 * width, 1), nn.ReLU()]
        channels = 32 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def wide_mlp():
    return nn.Sequential(nn.Linear(784, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU(), nn.Linear(2048, 10))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)

    def forward(self, x):
        queries, keys, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.in_proj(x).chunk(3, dim=2))
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False))

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class SmallGPT(nn.Module):
    def __init__(self, vocabulary=65, context=64, width=128, depth=4, heads=4):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, bias=False)

    def forward(self, token):
        x = self.tokens(token) + self.positions.weight
        return (self.norm(self.blocks(x)) @ self.tokens.weight.T).transpose(1, 2)


def small_gpt():
    return SmallGPT()
