#!/usr/bin/env python3
"""Writes golden/*.safetensors: what PyTorch computes, in f64, for every operator and optimizer of the library.

    python3 tests/conformance/make_golden.py

Needs PyTorch (1.13 or later); the tests need only the files. One file per operator, with several cases:
`CASE/input.K`, `CASE/output.K`, and where the operator has a gradient `CASE/seed.K` (the gradient of some loss by
output K) and `CASE/grad.K` (by input K). The metadata gives each case's attributes, and under `CASE/batched` the inputs
whose first dimension is the batch. For optimizers: `CASE/weight.T` after T updates, with the gradients `CASE/grad.T`.
For what changes gradients: `CASE/changed.K` of parameter K, from `CASE/grad.K`.
"""

import golden_axes
import torch
import torch.nn.functional as F
from golden_writer import FOLDER, labels, normal, Operator, positive, share, text, ties


def elementwise():
    binary = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}
    for name, function in binary.items():
        with Operator(name) as op:
            op.case("same", function, normal(3, 5), positive(3, 5), batched=(0, 1))
            op.case("broadcast", function, normal(3, 1, 5), positive(4, 1), batched=())
            op.case("scalar", function, normal(2, 3), positive(), batched=(0,))
    with Operator("pow") as op:
        op.case("same", torch.pow, positive(3, 5), normal(3, 5), batched=(0, 1))
        op.case("broadcast", torch.pow, positive(4, 1, 3), normal(7, 1), batched=())

    unary = {
        "neg": torch.neg, "exp": torch.exp, "abs": torch.abs, "relu": torch.relu, "sigmoid": torch.sigmoid,
        "tanh": torch.tanh, "gelu": F.gelu, "softplus": F.softplus, "elu": F.elu, "selu": F.selu, "silu": F.silu,
        "mish": F.mish, "relu6": F.relu6, "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    }  # fmt: skip
    for name, function in unary.items():
        with Operator(name) as op:
            op.case("batch", function, 2 * normal(3, 17))
            op.case("matrix", function, 2 * normal(5, 4), batched=())
            op.case("zeros", function, ties(3, 7))
    for name, function in {"log": torch.log, "sqrt": torch.sqrt}.items():
        with Operator(name) as op:
            op.case("batch", function, positive(3, 17))
    with Operator("leaky_relu") as op:
        op.case("default", F.leaky_relu, normal(3, 17))
        op.case("zeros", F.leaky_relu, ties(3, 7))
        op.case("steep", lambda x: F.leaky_relu(x, 0.25), normal(3, 17), negative_slope=0.25)
    with Operator("prelu") as op:
        op.case("each", F.prelu, normal(3, 4, 2, 5), normal(4))
        op.case("one", F.prelu, normal(3, 7), normal(1))
    with Operator("maxout") as op:
        op.case("units", lambda x: x.unflatten(1, (5, 3)).amax(2), normal(3, 15), pieces=3)
        op.case("maps", lambda x: x.unflatten(1, (3, 2)).amax(2), normal(2, 6, 3, 4), pieces=2)
    with Operator("step") as op:
        op.case("batch", lambda x: torch.heaviside(x, torch.zeros_like(x)), normal(3, 17), gradient=False)
    with Operator("clip_values") as op:
        op.case("both", lambda x: torch.clamp(x, -0.5, 0.7), normal(3, 17), low=-0.5, high=0.7)
    with Operator("blend") as op:
        op.case("third", lambda a, b: torch.lerp(a, b, 0.3), normal(4, 3), normal(4, 3), batched=(0, 1), t=0.3)


def data():
    with Operator("to_real") as op:
        op.case("bytes", lambda x: x.double() * 0.00390625, torch.arange(24, dtype=torch.int32).reshape(2, 12), gradient=False,
                scale=0.00390625)  # fmt: skip
    with Operator("normalize") as op:
        op.case("images", lambda x: (x - 0.25) / 1.7, normal(2, 1, 4, 5), mean=0.25, std=1.7)
    with Operator("standardized") as op:
        op.case("images", lambda x, m, s: (x - m) * s, normal(3, 2, 4), normal(2, 4), positive(2, 4))
    with Operator("standardized_channels") as op:
        op.case("images", lambda x, m, s: (x - m.reshape(-1, 1, 1)) * s.reshape(-1, 1, 1), normal(3, 2, 4, 3), normal(2), positive(2))
    with Operator("whitened") as op:
        op.case("images", lambda x, m, b: (x - m).flatten(1) @ b.T, normal(3, 2, 4), normal(2, 4), normal(5, 8))
    with Operator("shaped_like") as op:
        op.case("images", lambda x, f: f.reshape(3, 2, 4) + 0 * x, normal(3, 2, 4), normal(3, 8), batched=(0, 1))
    with Operator("binarize") as op:
        op.case("default", lambda x: (x > 0.5).double(), share(3, 9), gradient=False)
        op.case("threshold", lambda x: (x > 0.2).double(), share(3, 9), gradient=False, threshold=0.2)
    with Operator("one_hot") as op:
        op.case("digits", lambda x: F.one_hot(x.long(), 10).double(), labels(17, 10), gradient=False, classes=10)


def convolution():
    def conv(**attributes):
        return lambda x, k: F.conv2d(x, k, **attributes)

    with Operator("conv2d") as op:
        both = {"batched": (0,)}
        op.case("plain", conv(), normal(2, 3, 7, 6), normal(4, 3, 3, 3), **both)
        op.case("one_by_one", conv(stride=2), normal(3, 5, 7, 7), normal(6, 5, 1, 1), **both, stride=2)
        op.case("padded", conv(padding=1), normal(2, 3, 5, 5), normal(4, 3, 3, 3), **both, padding=1)
        op.case("strided", conv(stride=(2, 3), padding=(2, 1)), normal(2, 2, 11, 13), normal(3, 2, 5, 3), **both,
                stride=(2, 3), padding=(2, 1))  # fmt: skip
        op.case("dilated", conv(dilation=(2, 3), padding=2), normal(1, 2, 9, 11), normal(2, 2, 3, 3), **both,
                dilation=(2, 3), padding=2)  # fmt: skip
        op.case("strided_dilated", conv(stride=3, dilation=2, padding=3), normal(1, 2, 12, 11), normal(2, 2, 3, 2),
                **both, stride=3, dilation=2, padding=3)  # fmt: skip
        op.case("grouped", conv(groups=3, padding=1), normal(2, 6, 5, 4), normal(9, 2, 3, 3), **both, groups=3, padding=1)
        op.case("depthwise", conv(groups=5, stride=2, padding=1), normal(2, 5, 7, 7), normal(5, 1, 3, 3), **both,
                groups=5, stride=2, padding=1)  # fmt: skip
        op.case("large", conv(stride=4, padding=2), normal(1, 3, 23, 23), normal(2, 3, 11, 11), **both, stride=4, padding=2)
        op.case("gaps", conv(stride=3), normal(2, 2, 11, 8), normal(3, 2, 2, 1), **both, stride=3)
    with Operator("add_channel") as op:
        op.case("images", lambda x, b: x + b[:, None, None], normal(2, 3, 4, 5), normal(3))
        op.case("rows", lambda x, b: x + b, normal(3, 17), normal(17))
    with Operator("conv1d") as op:
        op.case("plain", F.conv1d, normal(2, 3, 11), normal(4, 3, 3))
        op.case("all", lambda x, k: F.conv1d(x, k, stride=2, padding=3, dilation=2, groups=2), normal(2, 4, 11), normal(6, 2, 3),
                stride=2, padding=3, dilation=2, groups=2)  # fmt: skip

    def local(stride, padding):
        def function(x, k):
            o, i, j, c, r, s = k.shape
            columns = F.unfold(x, (r, s), stride=stride, padding=padding).reshape(len(x), c, r, s, i, j)
            return torch.einsum("ncrsij,oijcrs->noij", columns, k)

        return function

    with Operator("local_conv2d") as op:
        op.case("plain", local(1, 0), normal(2, 3, 5, 6), normal(4, 3, 4, 3, 3, 3))
        op.case("strided", local(2, 1), normal(2, 2, 7, 6), normal(3, 4, 3, 2, 3, 2 + 1), stride=2, padding=1)

    def partial(together):
        def function(x, k):
            o, m, r, s = k.shape
            dense = torch.zeros(o, x.shape[1], r, s, dtype=x.dtype)
            table = torch.tensor([[(a + b + b // together) % x.shape[1] for b in range(m)] for a in range(o)])
            return F.conv2d(x, dense.scatter(1, table[:, :, None, None].expand(o, m, r, s), k))

        return function

    with Operator("conv2d_partial") as op:
        op.case("three", partial(3), normal(2, 6, 6, 5), normal(6, 3, 3, 2), together=3)
        op.case("split", partial(2), normal(2, 6, 5, 5), normal(3, 4, 3, 3), together=2)

    def transposed(**attributes):
        return lambda x, k: F.conv_transpose2d(x, k, **attributes)

    with Operator("conv_transpose2d") as op:
        op.case("plain", transposed(), normal(2, 3, 4, 5), normal(3, 4, 3, 2))
        for label, settings in {
            "two": dict(stride=2),
            "strided": dict(stride=(2, 3), padding=(1, 2), output_padding=(1, 0)),
            "unet": dict(stride=2, padding=1, output_padding=1),
            "gaps": dict(stride=4),
            "grouped": dict(stride=2, padding=1, groups=2),
        }.items():
            kernel = {"two": (4, 3, 2, 2), "grouped": (4, 2, 4, 4)}.get(label, (4, 3, 3, 4) if label == "strided" else (4, 3, 3, 3))
            op.case(label, transposed(**settings), normal(2, 4, 4, 3), normal(*kernel), **settings)
    with Operator("spread2d") as op:
        function = lambda x, k: F.conv_transpose2d(x, k, stride=2).unflatten(3, (4, 2)).unflatten(2, (5, 2))
        op.case("even", function, normal(2, 3, 4, 3), normal(3, 2, 4, 4), stride=2)
    with Operator("interleave2d") as op:
        op.case("parts", lambda x: x.flatten(4, 5).flatten(2, 3), normal(2, 3, 4, 2, 5, 3))
    with Operator("upsample_nearest2d") as op:
        op.case("two", lambda x: F.interpolate(x, scale_factor=2), normal(2, 3, 4, 3), scale_factor=2)
        op.case("uneven", lambda x: F.interpolate(x, scale_factor=(3, 1)), normal(2, 3, 4, 3), scale_factor=(3, 1))

    def bilinear(scale):
        return lambda x: F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)

    with Operator("upsample_bilinear2d") as op:
        op.case("two", bilinear(2), normal(2, 3, 4, 3), scale_factor=2)
        op.case("uneven", bilinear((3, 5)), normal(2, 3, 4, 3), scale_factor=(3, 5))
        op.case("same", bilinear(1), normal(2, 3, 1, 3), scale_factor=1)
    with Operator("bilinear_parts2d") as op:
        op.case("two", lambda x: bilinear(2)(x).unflatten(3, (3, 2)).unflatten(2, (4, 2)), normal(2, 3, 4, 3), scale_factor=2)


def pooling():
    windows = {
        "two": dict(kernel_size=2),
        "overlapping": dict(kernel_size=3, stride=2),
        "padded": dict(kernel_size=3, stride=2, padding=1),
        "ceil": dict(kernel_size=3, stride=2, ceil_mode=True),
        "ceil_padded": dict(kernel_size=(3, 2), stride=(2, 3), padding=(1, 1), ceil_mode=True),
        "gaps": dict(kernel_size=2, stride=3),
        "ceil_gaps": dict(kernel_size=2, stride=3, ceil_mode=True),
        "uneven": dict(kernel_size=(1, 4), stride=(1, 2), padding=(0, 2)),
    }
    with Operator("max_pool2d") as op:
        for label, window in windows.items():
            op.case(label, lambda x: F.max_pool2d(x, **window), normal(2, 3, 8, 9), **window)
            op.case(label + "_ties", lambda x: F.max_pool2d(x, **window), ties(2, 3, 8, 9), **window)
    with Operator("avg_pool2d") as op:
        for label, window in windows.items():
            op.case(label, lambda x: F.avg_pool2d(x, **window), normal(2, 3, 8, 9), **window)
            window = dict(window, count_include_pad=False)
            op.case(label + "_real", lambda x: F.avg_pool2d(x, **window), normal(2, 3, 8, 9), **window)
    with Operator("lp_pool2d") as op:
        for p in (1, 2, 3, 1.5):
            op.case(f"norm_{p}", lambda x: F.lp_pool2d(x, p, 3, 2), positive(2, 3, 7, 9), norm_type=p, kernel_size=3,
                    stride=2)  # fmt: skip
    with Operator("l2_pool2d") as op:
        op.case("two", lambda x: F.lp_pool2d(x, 2, 2), normal(2, 3, 6, 8), kernel_size=2)
    with Operator("global_avg_pool2d") as op:
        op.case("images", lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), normal(3, 5, 7, 4))
    with Operator("global_max_pool2d") as op:
        op.case("images", lambda x: x.amax((2, 3)), normal(3, 5, 7, 4))
    for name, function in {"adaptive_avg_pool2d": F.adaptive_avg_pool2d, "adaptive_max_pool2d": F.adaptive_max_pool2d}.items():
        with Operator(name) as op:
            op.case("divides", lambda x: function(x, (2, 3)), normal(2, 3, 4, 9), output_size=(2, 3))
            op.case("overlaps", lambda x: function(x, 3), normal(2, 3, 7, 8), output_size=3)
            op.case("repeats", lambda x: function(x, (4, 5)), normal(2, 2, 3, 7), output_size=(4, 5))
    for name, function in {"max_pool1d": F.max_pool1d, "avg_pool1d": F.avg_pool1d}.items():
        with Operator(name) as op:
            op.case("two", lambda x: function(x, 2), normal(2, 3, 9), kernel_size=2)
            op.case("padded", lambda x: function(x, 3, 2, 1), normal(2, 3, 10), kernel_size=3, stride=2, padding=1)


def linear():
    with Operator("linear") as op:
        op.case("rows", F.linear, normal(3, 17), normal(5, 17))
        op.case("sequences", F.linear, normal(2, 3, 7), normal(4, 7))
    with Operator("matmul") as op:
        op.case("matrices", torch.matmul, normal(5, 3), normal(3, 7), batched=())
        op.case("batch", torch.matmul, normal(2, 3, 4, 5), normal(2, 3, 5, 2), batched=(0, 1))
        op.case("broadcast", torch.matmul, normal(3, 4, 5), normal(5, 2), batched=(0,))


def normalization():
    with Operator("softmax") as op:
        op.case("rows", lambda x: F.softmax(x, -1), 3 * normal(5, 10))
        op.case("sequences", lambda x: F.softmax(x, -1), 3 * normal(2, 3, 7))
        op.case("large", lambda x: F.softmax(x, -1), 800 + 100 * normal(3, 4))
    with Operator("log_softmax") as op:
        op.case("rows", lambda x: F.log_softmax(x, -1), 3 * normal(5, 10))
        op.case("large", lambda x: F.log_softmax(x, -1), 800 + 100 * normal(3, 4))

    def standardized(eps):
        def function(x):
            over = [d for d in range(x.dim()) if d != 1]
            return F.batch_norm(x, None, None, training=True, eps=eps), x.mean(over), x.var(over, unbiased=True)

        return function

    with Operator("standardize_batch") as op:
        op.case("images", standardized(1e-5), 2 + 3 * normal(4, 3, 5, 2))
        op.case("rows", standardized(1e-5), normal(17, 5))
        op.case("eps", standardized(0.1), normal(3, 2, 3, 3), eps=0.1)
    with Operator("normalize_channels") as op:
        function = lambda x, m, v: F.batch_norm(x, m, v, eps=1e-5)
        op.case("images", function, normal(2, 3, 4, 5), normal(3), positive(3), gradient=False)
        op.case("rows", function, normal(5, 4), normal(4), positive(4), gradient=False)
        by_hand = lambda x, m, v: (x - m[:, None, None]) / torch.sqrt(v[:, None, None] + 0.5)
        op.case("gradient", by_hand, normal(2, 3, 4, 5), normal(3), positive(3), eps=0.5)
    with Operator("scale_shift_channel") as op:
        function = lambda x, w, b: x * w[:, None, None] + b[:, None, None]
        op.case("images", function, normal(2, 3, 4, 5), normal(3), normal(3))
    with Operator("scale_shift") as op:
        op.case("sequences", lambda x, w, b: x * w + b, normal(2, 3, 5), normal(5), normal(5))
    with Operator("layer_norm") as op:
        op.case("rows", lambda x: F.layer_norm(x, (7,)), 2 + 3 * normal(4, 7))
        op.case("sequences", lambda x: F.layer_norm(x, (7,), eps=0.1), normal(2, 3, 7), eps=0.1)
    with Operator("rms_norm") as op:
        op.case("rows", lambda x: x * (x.square().mean(-1, keepdim=True) + 1e-3).rsqrt(), 2 + normal(4, 7), eps=1e-3)
    with Operator("group_norm") as op:
        op.case("images", lambda x: F.group_norm(x, 2), 2 + 3 * normal(2, 6, 4, 5), groups=2)
        op.case("instances", lambda x: F.instance_norm(x), normal(2, 3, 4, 5), groups=3)
        op.case("rows", lambda x: F.group_norm(x, 3, eps=0.1), normal(3, 6), groups=3, eps=0.1)
    with Operator("local_response_norm") as op:
        op.case("odd", lambda x: F.local_response_norm(x, 5, 0.5, 0.75, 2), normal(2, 7, 3, 4), size=5, alpha=0.5, k=2.0)
        op.case("even", lambda x: F.local_response_norm(x, 2, 3.0, 0.6), normal(2, 4, 3, 2), size=2, alpha=3.0, beta=0.6)


def attention():
    with Operator("embedding") as op:
        op.case("words", lambda t, w: F.embedding(t.long(), w), labels(12, 7).reshape(3, 4), normal(7, 5))
    with Operator("sinusoidal_positions") as op:

        def positions(x, base):
            t, c = x.shape[1:]
            angle = torch.arange(t).double()[:, None] * base ** (-torch.arange(0, c, 2).double() / c)
            return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :c]

        op.case("even", lambda x: positions(x, 10000.0), normal(2, 5, 6), gradient=False)
        op.case("odd", lambda x: positions(x, 50.0), normal(1, 9, 5), gradient=False, base=50.0)
    with Operator("add_sinusoidal_positions") as op:
        op.case("even", lambda x: x + positions(x, 10000.0), normal(2, 5, 6))
    with Operator("add_positions") as op:
        op.case("learned", torch.add, normal(2, 5, 6), normal(5, 6))

    def attend(causal):
        def function(q, k, v):
            score = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            if causal:
                score = score.masked_fill(torch.ones_like(score).triu(1).bool(), -torch.inf)
            return score.softmax(-1) @ v

        return function

    with Operator("scaled_dot_product_attention") as op:
        every = {"batched": (0, 1, 2)}
        op.case("heads", attend(False), normal(2, 3, 5, 4), normal(2, 3, 7, 4), normal(2, 3, 7, 6), **every)
        op.case("causal", attend(True), normal(2, 3, 5, 4), normal(2, 3, 5, 4), normal(2, 3, 5, 4), **every, is_causal=True)
        op.case("large", attend(True), 30 * normal(2, 5, 4), 30 * normal(2, 5, 4), normal(2, 5, 4), **every, is_causal=True)
    with Operator("split_heads") as op:
        op.case("all", lambda x: x.unflatten(2, (2, 3)).transpose(1, 2), normal(2, 5, 6), heads=2)
        op.case("second", lambda x: x[:, :, 6:12].unflatten(2, (2, 3)).transpose(1, 2), normal(2, 5, 18), heads=2, parts=3, part=1)
    with Operator("merge_heads") as op:
        op.case("all", lambda x: x.transpose(1, 2).flatten(2), normal(2, 3, 5, 4))
    with Operator("prepend") as op:
        op.case("class", lambda x, t: torch.cat([t.expand(len(x), 1, -1), x], 1), normal(2, 3, 4), normal(4))
    with Operator("at_position") as op:
        op.case("first", lambda x: x[:, 0], normal(3, 4, 5))
        op.case("last", lambda x: x[:, 3], normal(3, 4, 5), position=3)
    with Operator("mean_position") as op:
        op.case("all", lambda x: x.mean(1), normal(3, 4, 5))


def losses():
    with Operator("cross_entropy") as op:
        function = lambda x, l: F.cross_entropy(x, l.long(), reduction="none")
        op.case("digits", function, 3 * normal(17, 10), labels(17, 10), batched=(0, 1))
        op.case("large", function, 1000 * normal(5, 3), labels(5, 3), batched=(0, 1))
        op.case("ties", function, ties(5, 3), labels(5, 3), batched=(0, 1))
        smooth = lambda x, l: F.cross_entropy(x, l.long(), reduction="none", label_smoothing=0.1)
        op.case("smooth", smooth, 3 * normal(17, 10), labels(17, 10), batched=(0, 1), label_smoothing=0.1)
        mean = lambda x, l: function(x, l).flatten(1).mean(1)
        op.case("images", mean, 3 * normal(2, 5, 3, 4), labels(24, 5).reshape(2, 3, 4), batched=(0, 1))
        op.case("sequences", mean, 300 * normal(3, 4, 6), labels(18, 4).reshape(3, 6), batched=(0, 1))
        mean = lambda x, l: smooth(x, l).flatten(1).mean(1)
        op.case("smooth_sequences", mean, 3 * normal(3, 4, 6), labels(18, 4).reshape(3, 6), batched=(0, 1), label_smoothing=0.1)
    with Operator("nll") as op:
        function = lambda x, l: F.nll_loss(x, l.long(), reduction="none")
        op.case("digits", function, normal(17, 10), labels(17, 10), batched=(0, 1))
        mean = lambda x, l: function(x, l).flatten(1).mean(1)
        op.case("sequences", mean, normal(3, 4, 6), labels(18, 4).reshape(3, 6), batched=(0, 1))
    per_example = {
        "mse": (F.mse_loss, normal), "l1": (F.l1_loss, normal), "binary_cross_entropy":
        (F.binary_cross_entropy_with_logits, share), "huber": (F.huber_loss, normal), "smooth_l1": (F.smooth_l1_loss, normal),
    }  # fmt: skip
    for name, (function, target) in per_example.items():
        with Operator(name) as op:
            mean = lambda x, t: function(x, t, reduction="none").flatten(1).mean(1)
            op.case("rows", mean, normal(5, 7), target(5, 7), batched=(0, 1))
            op.case("ties", mean, ties(5, 7), ties(5, 7), batched=(0, 1))
            op.case("images", mean, normal(3, 2, 3, 4), target(3, 2, 3, 4), batched=(0, 1))
            if name in ("huber", "smooth_l1"):
                argument = {"huber": "delta", "smooth_l1": "beta"}[name]
                narrow = lambda x, t: function(x, t, reduction="none", **{argument: 0.4}).flatten(1).mean(1)
                op.case("narrow", narrow, normal(5, 7), normal(5, 7), batched=(0, 1), **{argument: 0.4})


def metrics():
    with Operator("top1") as op:
        function = lambda x, l: (x.argmax(1) == l).double()
        op.case("digits", function, normal(33, 4), labels(33, 4), batched=(0, 1), gradient=False)
        mean = lambda x, l: function(x, l).flatten(1).mean(1)
        op.case("images", mean, normal(3, 4, 2, 5), labels(30, 4).reshape(3, 2, 5), batched=(0, 1), gradient=False)
    with Operator("top_k") as op:
        function = lambda x, l: (x.topk(3, 1).indices == l.unsqueeze(1)).any(1).double()
        op.case("digits", function, normal(33, 10), labels(33, 10), batched=(0, 1), gradient=False, k=3)
        mean = lambda x, l: function(x, l).flatten(1).mean(1)
        op.case("images", mean, normal(3, 4, 2, 5), labels(30, 4).reshape(3, 2, 5), batched=(0, 1), gradient=False, k=3)
    with Operator("same_side") as op:
        function = lambda x, t: ((x > 0.4) == (t > 0.4)).flatten(1).all(1).double()
        op.case("pairs", function, share(33, 2), share(33, 2), batched=(0, 1), gradient=False, threshold=0.4)


def views():
    with Operator("flatten") as op:
        op.case("images", lambda x: x.flatten(1), normal(2, 3, 4, 5))
    with Operator("unflatten") as op:
        op.case("images", lambda x: x.unflatten(1, (3, 4, 5)), normal(2, 60), channels=3, height=4, width=5)
    along = {
        "transpose": (lambda x: x.transpose(-1, -2), (2, 3, 5), {}),
        "squeeze": (lambda x: x.squeeze(-1), (3, 5, 1), {}),
        "unsqueeze": (lambda x: x.unsqueeze(-1), (3, 5), {}),
        "move_last": (lambda x: x.movedim(1, -1), (2, 3, 4, 5), {"axis": 1}),
        "mean_axis": (lambda x: x.mean(-1, keepdim=True), (2, 3, 4), {"axis": -1}),
        "sum_axis": (lambda x: x.sum(1, keepdim=True), (2, 3, 4), {"axis": 1}),
        "max_axis": (lambda x: x.amax(-1, keepdim=True), (2, 3, 4), {"axis": -1}),
        "min_axis": (lambda x: x.amin(1, keepdim=True), (2, 3, 4), {"axis": 1}),
        "reflect_axis": (lambda x: F.pad(x, (0, 0, 2, 3), mode="reflect"), (2, 3, 4, 5), {"axis": 2, "before": 2, "after": 3}),
        "replicate_axis": (lambda x: F.pad(x, (1, 2, 0, 0), mode="replicate"), (2, 3, 4, 5), {"axis": 3, "before": 1, "after": 2}),
        "split_last": (lambda x: x.unflatten(-1, (3, 4)), (2, 5, 12), {"parts": 3}),
        "pad_axis": (lambda x: F.pad(x, (0, 0, 1, 2), value=0.5), (2, 3, 4, 5), {"axis": 2, "before": 1, "after": 2, "value": 0.5}),
    }
    for name, (function, shape, attributes) in along.items():
        with Operator(name) as op:
            op.case("case", function, normal(*shape), **attributes)
    with Operator("resize_nearest2d") as op:
        op.case("images", lambda x: F.interpolate(x, size=(6, 3), mode="nearest"), normal(2, 3, 4, 5), size=[6, 3])
    with Operator("resize_bilinear2d") as op:
        for label, shape, size in (("larger", (2, 3, 4, 5), (7, 11)), ("smaller", (2, 3, 9, 8), (4, 3)), ("one", (2, 1, 3, 4), (1, 5))):
            for align in (False, True):
                function = lambda x: F.interpolate(x, size=size, mode="bilinear", align_corners=align)
                op.case(f"{label} {align}", function, normal(*shape), size=list(size), align_corners=align)
    with Operator("positions_first") as op:
        op.case("images", lambda x: x.flatten(2).transpose(1, 2), normal(2, 3, 4, 5))
    with Operator("concat") as op:
        op.case("images", lambda a, b: torch.cat([a, b], 1), normal(2, 3, 4, 5), normal(2, 2, 4, 5), batched=(0, 1))
        op.case("rows", lambda a, b: torch.cat([a, b], 1), normal(3, 1), normal(3, 6), batched=(0, 1))
    with Operator("pad2d") as op:
        op.case("images", lambda x: torch.nn.functional.pad(x, (2, 2, 1, 1), value=0.5), normal(2, 3, 4, 5), padding=[1, 2], value=0.5)
    with Operator("center_crop2d") as op:
        op.case("images", lambda x: x[..., 2:5, 0:5], normal(2, 3, 7, 5), size=[3, 5])
    with Operator("normalize_rgb") as op:
        mean, std = (torch.tensor(v, dtype=torch.float64).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        op.case("images", lambda x: (x - mean) / std, normal(2, 3, 4, 5))


def augmentation():
    """Places in pixels; grid_sample counts from -1 in the middle of the first pixel to 1 in that of the last, width first."""

    def sample(x, v, u):
        height, width = x.shape[2:]
        grid = torch.stack([2 * u / (width - 1) - 1, 2 * v / (height - 1) - 1], 3)
        return F.grid_sample(x, grid, align_corners=True, padding_mode="zeros")

    with Operator("sample_bilinear") as op:
        op.case("within", sample, normal(2, 3, 5, 4), 4 * share(2, 3, 6), 3 * share(2, 3, 6), batched=(0, 1, 2))
        op.case("beyond", sample, normal(3, 1, 4, 7), 9 * share(3, 5, 2) - 3, 12 * share(3, 5, 2) - 3, batched=(0, 1, 2))

    def affine(x, turn, stretch, shear, down, right):
        height, width = x.shape[2:]
        def each(t): return t.reshape(-1, 1, 1)
        i = torch.arange(height).double().reshape(1, -1, 1) - (height - 1) / 2 - each(down)
        j = torch.arange(width).double().reshape(1, 1, -1) - (width - 1) / 2 - each(right)
        cosine, sine = each(torch.cos(turn) / stretch), each(torch.sin(turn) / stretch)
        return (height - 1) / 2 + cosine * i + sine * j, (width - 1) / 2 + cosine * j - sine * i + each(shear) * i

    with Operator("affine_places") as op:
        op.case("uneven", affine, normal(2, 3, 5, 4).requires_grad_(False), normal(2), positive(2), normal(2), normal(2), normal(2),
                batched=range(6), gradient=False)

    def heights(sigma, radius):
        return torch.exp(-((torch.arange(2 * radius + 1).double() - radius) ** 2) / (2 * sigma**2))

    def weights(sigma, radius):
        return heights(sigma, radius) / heights(sigma, radius).sum()

    def blurred(x, down, across):
        window = down.reshape(1, 1, -1, 1) * across.reshape(1, 1, 1, -1)
        return F.conv2d(x[:, None], window, padding=(len(down) // 2, len(across) // 2))[:, 0]

    one = torch.ones(1, dtype=torch.float64)
    for name, function in {"gaussian_heights": heights, "gaussian_weights": weights}.items():
        with Operator(name) as op:
            op.case("four", lambda x: function(1.5, 4), normal(2, 3, 3), gradient=False, sigma=1.5, radius=4)
            op.case("none", lambda x: function(0.5, 0), normal(2, 3, 3), gradient=False, sigma=0.5, radius=0)
    with Operator("blur_down") as op:
        op.case("five", lambda x, g: blurred(x, g, one), normal(2, 6, 4), normal(5), batched=(0,))
        op.case("wide", lambda x, g: blurred(x, g, one), normal(2, 3, 4), normal(9), batched=(0,))
    with Operator("blur_across") as op:
        op.case("five", lambda x, g: blurred(x, one, g), normal(2, 6, 4), normal(5), batched=(0,))
    with Operator("blur_map") as op:
        op.case("wide", lambda x: blurred(x, weights(1.2, 4), weights(1.2, 4)), normal(2, 6, 5), sigma=1.2)


def optimizers():
    # NAdam keeps a product in the default type. Its loop over single tensors takes one factor too many in PyTorch
    # 1.13; the one over lists of tensors is right in all versions.
    torch.set_default_dtype(torch.float64)
    variant = {"NAdam": dict(foreach=True)}
    cases = {
        "SGD": {
            "plain": dict(lr=0.1),
            "momentum": dict(lr=0.1, momentum=0.9),
            "decay": dict(lr=0.05, momentum=0.9, weight_decay=0.01),
            "nesterov": dict(lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True),
        },
        "Adam": {"default": dict(), "decay": dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)},
        "AdamW": {"default": dict(), "decay": dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)},
        "RMSprop": {
            "default": dict(),
            "momentum": dict(lr=0.02, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.8),
            "centered": dict(lr=0.02, alpha=0.9, momentum=0.5, centered=True),
        },
        "Adagrad": {
            "default": dict(),
            "decay": dict(lr=0.1, lr_decay=0.2, weight_decay=0.1, initial_accumulator_value=0.3, eps=1e-6),
        },
        "NAdam": {
            "default": dict(),
            "decay": dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, momentum_decay=0.1),
        },
    }
    for name, variants in cases.items():
        with Operator(name) as op:
            for label, settings in variants.items():
                weight = normal(3, 5).requires_grad_()
                optimizer = getattr(torch.optim, name)([weight], **settings, **variant.get(name, {}))
                op.tensors[f"{label}/weight.0"] = weight.detach().clone()
                for t in range(1, 6):
                    weight.grad = normal(3, 5)
                    op.tensors[f"{label}/grad.{t}"] = weight.grad.clone()  # which `step` may change
                    optimizer.step()
                    op.tensors[f"{label}/weight.{t}"] = weight.detach().clone()
                op.metadata[label] = ", ".join(f"{k} = {text(v)}" for k, v in settings.items())


def recurrent():
    with Operator("last_step") as op:
        op.case("sequence", lambda x: x[:, -1], normal(3, 4, 5))
    with Operator("reverse_steps") as op:
        op.case("sequence", lambda x: x.flip(1), normal(3, 4, 5))
    with Operator("equal_part") as op:
        op.case("third", lambda x: x.chunk(4, -1)[2], normal(3, 12), parts=4, at=2)


def gradient_changes():
    cases = {
        "clip_norm": {"longer": (torch.nn.utils.clip_grad_norm_, 0.5), "shorter": (torch.nn.utils.clip_grad_norm_, 50)},
        "clip_value": {"some": (torch.nn.utils.clip_grad_value_, 0.5)},
    }
    for name, variants in cases.items():
        with Operator(name) as op:
            for label, (change, limit) in variants.items():
                weights = [normal(3, 5).requires_grad_() for _ in range(3)]
                for k, weight in enumerate(weights):
                    weight.grad = normal(3, 5)
                    op.tensors[f"{label}/grad.{k}"] = weight.grad.clone()
                change(weights, limit)
                for k, weight in enumerate(weights):
                    op.tensors[f"{label}/changed.{k}"] = weight.grad.clone()
                op.metadata[label] = text(limit)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for group in (elementwise, data, convolution, pooling, linear, normalization, attention, losses, metrics, views,
                  augmentation, recurrent, optimizers, gradient_changes, golden_axes.everything):
        group()
    print(f"{sum(f.stat().st_size for f in FOLDER.iterdir()) / 1e6:.2f} MB in {len(list(FOLDER.iterdir()))} files")
