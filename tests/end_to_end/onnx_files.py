"""Reads and writes the few messages of ONNX files that the tests need: tensors, and models out of small parts."""

import math
import struct


def fields(message):
    """The fields of a protocol buffer message, in order: (number, value); bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        length = {1: 8, 5: 4}.get(key & 7) or varint()
        yield key >> 3, message[at : at + length]
        at += length


def numbers(value, form):
    """A repeated field that stands alone or packed."""
    return list(struct.unpack(f"<{len(value) // struct.calcsize(form)}{form}", value))


# TensorProto.DataType -> the form of its values as bytes
NUMBERS = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "B", 11: "d", 12: "I", 13: "Q"}


def read_tensor(path):
    """The shape and the values of a TensorProto in a file, which holds them as bytes or as a list of f32."""
    with open(path, "rb") as file:
        message = file.read()
    shape, values, form = [], [], "f"
    for number, value in fields(message):
        if number == 1:
            packed = value if isinstance(value, bytes) else varint(value)
            shape += [size for _, size in fields(b"".join(whole(1, 0)[:1] + one for one in split_varints(packed)))]
        if number == 2:
            form = NUMBERS[value]
        if number in (4, 9):
            values += numbers(value, form if number == 9 else "f")
    assert len(values) == math.prod(shape), path
    return shape, values


def split_varints(packed):
    """The bytes of each varint."""
    start = 0
    for i, byte in enumerate(packed):
        if byte < 128:
            yield packed[start : i + 1]
            start = i + 1


def varint(value):
    """A varint; negative numbers as 64 bits."""
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def whole(number, value):
    """A field that is an integer."""
    return varint(number << 3) + varint(value)


def text(number, value):
    """A field that is a text or a message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, shape, values, integers=False):
    """A TensorProto of f32, or of int64."""
    data = struct.pack(f"<{len(values)}{'q' if integers else 'f'}", *values)
    return b"".join(whole(1, size) for size in shape) + whole(2, 7 if integers else 1) + text(8, name) + text(9, data)


def attribute(name, value):
    """An AttributeProto of an integer, a real, a text, a list of integers, or a tensor or graph given as bytes."""
    out = text(1, name)
    if isinstance(value, bool):
        raise TypeError(name)
    if isinstance(value, int):
        return out + whole(3, value) + whole(20, 2)
    if isinstance(value, float):
        return out + varint(2 << 3 | 5) + struct.pack("<f", value) + whole(20, 1)
    if isinstance(value, str):
        return out + text(4, value) + whole(20, 3)
    if isinstance(value, tuple):  # ("graph", bytes), ("tensor", bytes)
        kind, message = value
        return out + text({"tensor": 5, "graph": 6}[kind], message) + whole(20, {"tensor": 4, "graph": 5}[kind])
    return out + b"".join(whole(8, item) for item in value) + whole(20, 7)


def node(op, inputs, outputs, name="", **attributes):
    """A NodeProto."""
    out = b"".join(text(1, value) for value in inputs) + b"".join(text(2, value) for value in outputs)
    out += text(3, name) + text(4, op)
    return out + b"".join(text(5, attribute(key, value)) for key, value in attributes.items())


def value_info(name, shape, element=1):
    """A ValueInfoProto; a size may be a text."""
    sizes = b"".join(text(1, text(2, size) if isinstance(size, str) else whole(1, size)) for size in shape)
    return text(1, name) + text(2, text(1, whole(1, element) + text(2, sizes)))


def model(nodes, inputs, outputs, constants=(), opset=17, name="net"):
    """A ModelProto."""
    graph = b"".join(text(1, one) for one in nodes) + text(2, name) + b"".join(text(5, one) for one in constants)
    graph += b"".join(text(11, one) for one in inputs) + b"".join(text(12, one) for one in outputs)
    return whole(1, 8) + text(7, graph) + text(8, text(1, "") + whole(2, opset))
