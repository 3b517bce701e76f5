import collections.abc
import ctypes
import os
import typing

import numpy

from striate import _library

_LIBRARY = _library.Library()
_DTYPES = {
    _library.F32: numpy.dtype(numpy.float32),
    _library.F64: numpy.dtype(numpy.float64),
    _library.I32: numpy.dtype(numpy.int32),
    _library.U8: numpy.dtype(numpy.uint8),
}
_TYPES = {dtype: type_ for type_, dtype in _DTYPES.items()}


class Error(Exception):
    """What is wrong, in the words of the command line; `code` is its exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Tensor(typing.NamedTuple):
    """An input, output or weight: `shape` begins with None where the number of examples comes first."""

    name: str
    dtype: numpy.dtype
    shape: tuple


def version():
    return _LIBRARY.version().decode()


def _check(code):
    if code:
        raise Error(code, _LIBRARY.error().decode(errors="replace"))


def _array_of(value):
    """As an array that the library can read, without copying where it already is one."""
    if not isinstance(value, numpy.ndarray) and hasattr(value, "__dlpack__"):
        value = numpy.from_dlpack(value)
    value = numpy.asarray(value)
    if value.dtype == numpy.bool_:
        value = value.astype(numpy.uint8)
    elif value.dtype not in _TYPES:
        if value.dtype.kind in "iu":
            narrow = value.astype(numpy.int32)
            if not numpy.array_equal(narrow, value):
                raise ValueError("integers do not fit in 32 bits")
            value = narrow
        elif value.dtype.kind == "f":
            value = value.astype(numpy.float32)
        else:
            raise TypeError(f"arrays of {value.dtype} cannot be used")
    return numpy.ascontiguousarray(value)


def _descriptors(arrays):
    """The C descriptors of named arrays, which have to outlive them."""
    result = (_library.Array * max(1, len(arrays)))()
    for place, (name, array) in zip(result, arrays.items()):
        place.name, place.type = name.encode(), _TYPES[array.dtype]
        place.data, place.count = array.ctypes.data, array.size
    return result


class _Settings(collections.abc.MutableMapping):
    """What a step reads: the optimizers' rates ("optimizer.lr"), "epoch", "step"."""

    def __init__(self, model):
        self._model = model

    def _names(self):
        names = []
        while (name := _LIBRARY.setting_name(self._model.handle, len(names))) is not None:
            names.append(name.decode())
        return names

    def __getitem__(self, name):
        value = ctypes.c_double()
        if name not in self._names():
            raise KeyError(name)
        _check(_LIBRARY.get_setting(self._model.handle, name.encode(), ctypes.byref(value)))
        return value.value

    def __setitem__(self, name, value):
        _check(_LIBRARY.set_setting(self._model.handle, name.encode(), float(value)))

    def __delitem__(self, name):
        raise TypeError("settings cannot be taken away")

    def __iter__(self):
        return iter(self._names())

    def __len__(self):
        return len(self._names())


class _Weights(collections.abc.MutableMapping):
    """Parameters and states by name, as arrays of their own; assigning one changes the model."""

    def __init__(self, model):
        self._model = model
        self._tensors = {tensor.name: tensor for tensor in model.describe(_library.WEIGHTS)}

    def __getitem__(self, name):
        tensor = self._tensors[name]
        array = numpy.empty(tensor.shape, tensor.dtype)
        _check(_LIBRARY.read(self._model.handle, _descriptors({name: array})))
        return array

    def __setitem__(self, name, value):
        array = _array_of(value)
        tensor = self._tensors.get(name)
        if tensor and array.shape != tensor.shape:
            raise ValueError(f"`{name}` has the shape {tensor.shape}, not {array.shape}")
        if tensor:
            array = numpy.ascontiguousarray(array, tensor.dtype)
        _check(_LIBRARY.write(self._model.handle, _descriptors({name: array})))

    def __delitem__(self, name):
        raise TypeError("weights cannot be taken away")

    def __iter__(self):
        return iter(self._tensors)

    def __len__(self):
        return len(self._tensors)


class Model:
    """A compiled program. `load` makes one."""

    def __init__(self, handle, training):
        self.handle = handle
        self.training = training
        self.inputs = self.describe(_library.INPUTS)
        self.outputs = self.describe(_library.OUTPUTS)
        self.step_inputs = self.describe(_library.STEP_INPUTS)
        self.step_outputs = self.describe(_library.STEP_OUTPUTS)
        self.capacity = _LIBRARY.capacity(handle)  # the most examples of a step
        self.settings = _Settings(self)
        self.weights = _Weights(self)

    def __del__(self):
        if getattr(self, "handle", None):
            _LIBRARY.close(self.handle)
            self.handle = None

    def describe(self, list_):
        tensors = []
        for index in range(_LIBRARY.count(self.handle, list_)):
            tensor = _library.Tensor()
            _check(_LIBRARY.describe(self.handle, list_, index, ctypes.byref(tensor)))
            shape = tuple(tensor.shape[: tensor.rank])
            shape = (None, *shape) if tensor.by_example else shape
            tensors.append(Tensor(tensor.name.decode(), _DTYPES[tensor.type], shape))
        return tensors

    def _call(self, function, inputs, outputs):
        arrays = {name: _array_of(value) for name, value in inputs.items()}
        examples = next((len(array) if array.ndim else 0 for array in arrays.values()), 0)
        results = {
            tensor.name: numpy.empty([examples if size is None else size for size in tensor.shape], tensor.dtype)
            for tensor in outputs
        }
        # Everything after the first dimension may be in another shape, but its number has to be the same.
        given, taken = _descriptors(arrays), _descriptors(results)
        _check(function(self.handle, examples, given, len(arrays), taken, len(results)))
        return results

    def predict(self, *inputs, **named):
        """Applies the model: inputs in their order, or by name. An array, or a dict of them where there are several outputs."""
        if len(inputs) > len(self.inputs):
            raise TypeError(f"the model has {len(self.inputs)} inputs, not {len(inputs)}")
        for tensor, value in zip(self.inputs, inputs):
            if tensor.name in named:
                raise TypeError(f"`{tensor.name}` is given twice")
            named[tensor.name] = value
        outputs = self._call(_LIBRARY.run, named, self.outputs)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def train_step(self, **fields):
        """One update with these examples: a dict of the loss and the metrics of each."""
        return self._call(_LIBRARY.train_step, fields, self.step_outputs)

    def load(self, file):
        _check(_LIBRARY.load(self.handle, os.fsencode(file)))

    def save(self, file):
        _check(_LIBRARY.save(self.handle, os.fsencode(file)))


def _texts(assignments):
    texts = [f"{name}={value}".encode() for name, value in (assignments or {}).items()]
    return (ctypes.c_char_p * (len(texts) + 1))(*texts, None)


def load(program, *, weights=None, training=False, batch=0, threads=0, parameters=None, settings=None, data=None):
    """Compiles a `.nn` file.

    weights: a safetensors or .npz file. training: its training step too. batch: the most examples at a time (0: the program's).
    threads: 0 is all; results do not depend on it. parameters, settings: as --param and --set of the command line, in
    dicts ({"train.batch": 32}). data: the folder of the program's data files.
    """
    options = _library.Options(
        weights=os.fsencode(weights) if weights is not None else None,
        data=os.fsencode(data) if data is not None else None,
        parameters=_texts(parameters),
        settings=_texts(settings),
        batch=batch,
        threads=threads,
        training=bool(training),
    )
    handle = ctypes.c_void_p()
    _check(_LIBRARY.open(os.fsencode(program), ctypes.byref(options), ctypes.byref(handle)))
    return Model(handle, bool(training))
