"""Weights and inputs of the stored forward passes: numbers that follow from a tensor's name and shape."""

import math
import zlib


def uniform(name, count):
    """Numbers in [0, 1): a hash of the name and the position."""
    seed, mask, numbers = zlib.crc32(name.encode()), 0xFFFFFFFF, []
    for position in range(count):
        x = (position * 2654435761 + seed) & mask
        x = (x ^ (x >> 15)) * 2246822519 & mask
        x = (x ^ (x >> 13)) * 3266489917 & mask
        numbers.append((x ^ (x >> 16)) / 2**32)
    return numbers


def parameter(name, shape):
    """A weight as He et al. would begin it; factors near 1, offsets near 0."""
    numbers = uniform(name, math.prod(shape))
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        return [0.5 + u for u in numbers]
    if len(shape) == 1:
        middle = 1 if last == "weight" and not name.startswith("cls_token") else 0
        return [middle + 0.4 * (u - 0.5) for u in numbers]
    bound = math.sqrt(6 / math.prod(shape[1:]))
    return [bound * (2 * u - 1) for u in numbers]


def inputs(shape, vocabulary=0):
    numbers = uniform("input", math.prod(shape))
    return [int(u * vocabulary) for u in numbers] if vocabulary else [2 * u - 1 for u in numbers]
