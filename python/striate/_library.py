"""libstriate, as api/striate.h declares it."""

import ctypes
import os

API_VERSION = 1

F32, F64, I32, U8 = range(4)
INPUTS, OUTPUTS, STEP_INPUTS, STEP_OUTPUTS, WEIGHTS = range(5)


class Options(ctypes.Structure):
    _fields_ = [
        ("weights", ctypes.c_char_p),
        ("data", ctypes.c_char_p),
        ("parameters", ctypes.POINTER(ctypes.c_char_p)),
        ("settings", ctypes.POINTER(ctypes.c_char_p)),
        ("batch", ctypes.c_int64),
        ("threads", ctypes.c_int),
        ("training", ctypes.c_int),
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("by_example", ctypes.c_int),
        ("rank", ctypes.c_int),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
    ]


class Array(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    ]


_MODEL, _ARRAYS, _TEXT, _NUMBER = ctypes.c_void_p, ctypes.POINTER(Array), ctypes.c_char_p, ctypes.c_int64
_FUNCTIONS = {
    "api_version": (ctypes.c_int,),
    "version": (_TEXT,),
    "error": (_TEXT,),
    "open": (ctypes.c_int, _TEXT, ctypes.POINTER(Options), ctypes.POINTER(_MODEL)),
    "close": (None, _MODEL),
    "capacity": (_NUMBER, _MODEL),
    "count": (_NUMBER, _MODEL, ctypes.c_int),
    "describe": (ctypes.c_int, _MODEL, ctypes.c_int, _NUMBER, ctypes.POINTER(Tensor)),
    "run": (ctypes.c_int, _MODEL, _NUMBER, _ARRAYS, _NUMBER, _ARRAYS, _NUMBER),
    "train_step": (ctypes.c_int, _MODEL, _NUMBER, _ARRAYS, _NUMBER, _ARRAYS, _NUMBER),
    "setting_name": (_TEXT, _MODEL, _NUMBER),
    "get_setting": (ctypes.c_int, _MODEL, _TEXT, ctypes.POINTER(ctypes.c_double)),
    "set_setting": (ctypes.c_int, _MODEL, _TEXT, ctypes.c_double),
    "read": (ctypes.c_int, _MODEL, _ARRAYS),
    "write": (ctypes.c_int, _MODEL, _ARRAYS),
    "load": (ctypes.c_int, _MODEL, _TEXT),
    "save": (ctypes.c_int, _MODEL, _TEXT),
}


def _remedy(path, error):
    """What helps against the loader's error, which begins with the file that is missing: the library, or one that it needs."""
    missing = error.split(":")[0]
    if missing == path or not missing.startswith("lib"):
        return "STRIATE_LIBRARY names its file"
    return (
        f"{path} needs {missing}, which is not part of the wheel: install the package that has it, in the version of the machine "
        "that the wheel was built on, or build the wheel on this machine"
    )


class Library:
    """The functions of libstriate: `library.open(..)` is striate_open."""

    def __init__(self):
        beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libstriate.so.1")
        path = os.environ.get("STRIATE_LIBRARY") or (beside if os.path.exists(beside) else "libstriate.so.1")
        try:
            functions = ctypes.CDLL(path)
        except OSError as error:
            raise ImportError(f"libstriate cannot be loaded ({error}); {_remedy(path, str(error))}") from error
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(functions, "striate_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        if self.api_version() != API_VERSION:
            raise ImportError(f"{path} has version {self.api_version()} of the interface; this module takes {API_VERSION}")
