"""Cases of one operator, collected and written as a file of golden/ (make_golden.py)."""

import json
import pathlib
import struct

import torch

FOLDER = pathlib.Path(__file__).parent / "golden"
KINDS = {torch.float64: "F64", torch.int32: "I32"}

generator = torch.Generator()


def normal(*shape):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def positive(*shape):
    return torch.rand(shape, generator=generator, dtype=torch.float64) + 0.1


def share(*shape):
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def labels(count, classes):
    return torch.randint(classes, (count,), generator=generator, dtype=torch.int32)


def ties(*shape):
    """-1, 0 and 1: many equal values, and zeros where functions have kinks."""
    return torch.randint(-1, 2, shape, generator=generator).double()


def safetensors(tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        form = {torch.float64: "d", torch.int32: "i"}[tensor.dtype]
        content = struct.pack(f"<{tensor.numel()}{form}", *tensor.reshape(-1).tolist())
        header[name] = {
            "dtype": KINDS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


class Operator:
    """Collects the cases of one operator; writes its file at the end."""

    def __init__(self, name):
        self.name, self.tensors, self.metadata = name, {}, {}

    def __enter__(self):
        generator.manual_seed(sum(map(ord, self.name)))
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            (FOLDER / f"{self.name}.safetensors").write_bytes(safetensors(self.tensors, self.metadata))

    def case(self, label, function, *inputs, batched=(0,), gradient=True, **attributes):
        inputs = [i.requires_grad_() if gradient and i.dtype == torch.float64 else i for i in inputs]
        outputs = function(*inputs)
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        for k, tensor in enumerate(inputs):
            self.tensors[f"{label}/input.{k}"] = tensor
        for k, tensor in enumerate(outputs):
            self.tensors[f"{label}/output.{k}"] = tensor
        if gradient:
            seeds = [normal(*o.shape) for o in outputs]
            wanted = [i for i in inputs if i.requires_grad]
            grads = iter(torch.autograd.grad(outputs, wanted, seeds))
            for k, seed in enumerate(seeds):
                self.tensors[f"{label}/seed.{k}"] = seed
            for k, tensor in enumerate(inputs):
                if tensor.requires_grad:
                    self.tensors[f"{label}/grad.{k}"] = next(grads)
        self.metadata[label] = ";".join(f"{k}={text(v)}" for k, v in attributes.items())
        self.metadata[f"{label}/batched"] = ",".join(map(str, batched))


def text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return "[" + ", ".join(map(text, value)) + "]" if isinstance(value, (tuple, list)) else str(value)
