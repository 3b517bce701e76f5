"""The cases of make_golden.py for what works along one dimension, and for kernels of other dimensions than two."""

import torch
import torch.nn.functional as F
from golden_writer import normal, Operator


def pick(size, *shape):
    return torch.randint(size, shape, generator=torch.Generator().manual_seed(size), dtype=torch.int32)


def views():
    with Operator("slice_axis") as op:
        op.case("steps", lambda x: x[:, :, 1:6:2], normal(2, 3, 7, 5), axis=2, start=1, end=6, step=2)
        op.case("backwards", lambda x: x.flip(2)[:, :, 1::3], normal(2, 3, 7), axis=2, start=5, end=-1, step=-3)
    with Operator("drop_axis") as op:
        op.case("case", lambda x: x.squeeze(1), normal(3, 1, 5), axis=1)
    with Operator("take_axis") as op:
        op.case("first", lambda x: x[:, 0], normal(3, 4, 5), axis=1, index=0)
        op.case("last", lambda x: x[:, :, -1], normal(3, 4, 5), axis=2, index=-1)
    with Operator("gather_axis") as op:
        op.case("list", lambda x, i: x.index_select(2, i), normal(3, 4, 7), pick(7, 5), axis=2)
        op.case("matrix", lambda x, i: x[:, i.long()], normal(3, 7, 2), pick(7, 2, 3), axis=1)
        op.case("negative", lambda x, i: x[:, i.long()], normal(3, 7, 2), pick(7, 4) - 7, axis=1)
    with Operator("gather_each") as op:
        each = lambda x, i: torch.stack([one[:, p.long()] for one, p in zip(x, i)])
        op.case("rows", each, normal(3, 4, 7), pick(7, 3, 5), batched=(0, 1), axis=2)
    with Operator("if_else") as op:
        which = lambda c, a, b: torch.where(c > 0.5, a, b) + 0 * c  # PyTorch wants it used
        op.case("broadcast", which, torch.tensor([[1.0, 0, 0, 1, 1]]).double(), normal(3, 4, 5), normal(4, 1), batched=(1,))
    with Operator("prelu_elements") as op:
        op.case("channels", lambda x, s: torch.where(x > 0, x, s * x), normal(3, 4, 5), normal(4, 1))
    with Operator("ones_like") as op:
        op.case("case", torch.ones_like, normal(3, 4), gradient=False)
    with Operator("stretch_axis") as op:

        def stretched(x):
            wide = torch.zeros(3, 4, 13, 2, dtype=torch.float64)
            wide[:, :, ::3] = x
            return wide

        op.case("case", stretched, normal(3, 4, 5, 2), axis=2, step=3)
    with Operator("dilate2d") as op:

        def dilated(k):
            wide = torch.zeros(2, 3, 5, 4, dtype=torch.float64)
            wide[:, :, ::2, ::3] = k
            return wide

        op.case("case", dilated, normal(2, 3, 3, 2), batched=(), dilation=(2, 3))


def pooling():
    with Operator("max_pool_axis") as op:
        op.case("last", lambda x: F.max_pool1d(x, 2), normal(2, 3, 9), axis=2, kernel_size=2)
        padded = lambda x: F.max_pool1d(x, 3, 2, 1, dilation=2)
        op.case("padded", padded, normal(2, 3, 10), axis=2, kernel_size=3, stride=2, before=1, after=1, dilation=2)
        one = lambda x: F.max_pool1d(F.pad(x, (0, 2), value=-torch.inf), 3, 1)
        op.case("one side", one, normal(2, 3, 5), axis=2, kernel_size=3, stride=1, after=2)
    with Operator("avg_pool_axis") as op:
        op.case("last", lambda x: F.avg_pool1d(x, 2), normal(2, 3, 9), axis=2, kernel_size=2)
        padded = lambda x: F.avg_pool1d(x, 3, 2, 1)
        op.case("padded", padded, normal(2, 3, 10), axis=2, kernel_size=3, stride=2, before=1, after=1)
        inside = lambda x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False)
        op.case("inside", inside, normal(2, 3, 10), axis=2, kernel_size=3, stride=2, before=1, after=1, count_include_pad=False)

    def places(x):
        return F.max_pool2d(x, 3, 2, 1, return_indices=True)[1].double() + 36 * torch.arange(3).reshape(3, 1, 1)

    with Operator("max_pool2d_places") as op:
        op.case("rows", places, normal(2, 3, 6, 6), gradient=False, kernel_size=3, stride=2, padding=1)
    with Operator("max_pool2d_which") as op:
        which = lambda x: x.unfold(2, 2, 2).unfold(3, 3, 3).flatten(4).argmax(4).double()
        op.case("tiles", which, normal(2, 3, 4, 9), gradient=False, kernel_size=(2, 3))


def resizing():
    def images(mode, align=None, **options):
        return lambda x: F.interpolate(x[:, :, None], size=(1, 8), mode=mode, align_corners=align, **options)[:, :, 0]

    with Operator("resize_linear_axis") as op:
        op.case("larger", images("bilinear", False), normal(2, 3, 5), axis=2, size=8)
        op.case("smaller", images("bilinear", False), normal(2, 3, 11), axis=2, size=8)
        op.case("corners", images("bilinear", True), normal(2, 3, 5), axis=2, size=8, scale=7 / 4, shift=0, offset=0)
    with Operator("resize_cubic_axis") as op:
        op.case("larger", images("bicubic", False), normal(2, 3, 5), axis=2, size=8)
        op.case("smaller", images("bicubic", False), normal(2, 3, 11), axis=2, size=8)
        op.case("corners", images("bicubic", True), normal(2, 3, 5), axis=2, size=8, scale=7 / 4, shift=0, offset=0)
    with Operator("resize_nearest_axis") as op:
        nearest = lambda mode: lambda x: F.interpolate(x, size=8, mode=mode)
        op.case("before", nearest("nearest"), normal(2, 3, 5), axis=2, size=8, shift=0, offset=0, rounding="\"floor\"")
        op.case("centres", nearest("nearest-exact"), normal(2, 3, 5), axis=2, size=8)
    with Operator("resized_places") as op:
        centres = lambda x: (torch.arange(8, dtype=torch.float64) + 0.5) * 5 / 8 - 0.5
        op.case("centres", centres, normal(2, 3, 5), gradient=False, axis=2, size=8)
    with Operator("neighbour_distances") as op:
        distances = lambda p: (p[:, None] - p.floor()[:, None] + 1 - torch.arange(4)).abs()
        op.case("case", distances, normal(9), batched=())
    with Operator("cubic_weight") as op:

        def weight(d, a):
            near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
            return torch.where(d <= 1, near, far)

        op.case("default", lambda d: weight(d, -0.75), 2 * normal(3, 5).abs())
        op.case("half", lambda d: weight(d, -0.5), 2 * normal(3, 5).abs(), slope=-0.5)


def normalization():
    with Operator("layer_norm_from") as op:
        op.case("images", lambda x, w, b: F.layer_norm(x, (4, 5), w, b), normal(2, 3, 4, 5), normal(4, 5), normal(4, 5), axis=2)
        op.case("rows", lambda x, w, b: F.layer_norm(x, (7,), w, b, 0.1), normal(4, 7), normal(7), normal(7), axis=1, eps=0.1)
    with Operator("inverse_deviation") as op:
        deviation = lambda x: (x.flatten(2).var(2, unbiased=False) + 1e-5).rsqrt()
        op.case("images", deviation, normal(2, 3, 4, 5), axis=2)
    with Operator("batch_norm_now") as op:
        now = lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)
        op.case("images", now, normal(4, 3, 5, 2), normal(3), normal(3))
    with Operator("moved_mean") as op:
        op.case("images", lambda x, m: 0.9 * m + 0.1 * x.mean((0, 2, 3)), normal(4, 3, 5, 2), normal(3))
    with Operator("moved_variance") as op:
        moved = lambda x, v: 0.7 * v + 0.3 * x.var((0, 2, 3), unbiased=False)
        op.case("images", moved, normal(4, 3, 5, 2), normal(3), momentum=0.3)


def kernels():
    with Operator("matmul_add") as op:
        op.case("matrices", lambda a, b, c: a @ b + c, normal(5, 3), normal(3, 7), normal(5, 7), batched=())
        op.case("batch", lambda a, b, c: a @ b + c, normal(2, 5, 3), normal(3, 7), normal(1, 7))
    with Operator("conv3d") as op:
        op.case("default", F.conv3d, normal(2, 3, 4, 5, 4), normal(2, 3, 2, 3, 2))
        strided = lambda x, k: F.conv3d(x, k, None, 2, (1, 0, 2), 1, 2)
        op.case("groups", strided, normal(2, 4, 4, 5, 3), normal(6, 2, 2, 3, 2), stride=2, padding=(1, 0, 2), groups=2)
    with Operator("conv_transpose1d") as op:
        op.case("default", F.conv_transpose1d, normal(2, 3, 5), normal(3, 4, 3))
        every = lambda x, k: F.conv_transpose1d(x, k, None, 3, 1, 2, 2, 2)
        op.case("all", every, normal(2, 4, 5), normal(4, 3, 3), stride=3, padding=1, output_padding=2, groups=2, dilation=2)
    with Operator("conv_transpose3d") as op:
        op.case("default", F.conv_transpose3d, normal(2, 3, 2, 3, 2), normal(3, 2, 2, 3, 2))
        every = lambda x, k: F.conv_transpose3d(x, k, None, 2, 1, 1, 2, 1)
        op.case("all", every, normal(2, 4, 2, 3, 2), normal(4, 3, 3, 2, 3), stride=2, padding=1, output_padding=1, groups=2)


def everything():
    for part in (views, pooling, resizing, normalization, kernels):
        part()
