"""Answers that nobody should hand in: what must end in one sentence, whatever question it meets.

`VALUES` are makers of objects, `BODIES` are functions that misbehave when called. Each value is also met inside a list,
as the second of a pair, and as the result of a function, so that four times as many answers come of them.
"""

import asyncio
import collections
import contextvars
import datetime
import decimal
import fractions
import functools
import io
import itertools
import os
import re
import sys
import threading
import types
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

HOSTILE = (RuntimeError, SystemExit, GeneratorExit, RecursionError, MemoryError, NotImplementedError, StopIteration)


def _recursive_list() -> Any:
    a: list[Any] = []
    a.append(a)
    return a


def _recursive_dict() -> Any:
    a: dict[str, Any] = {}
    a["a"] = a
    return a


def _recursive_array() -> Any:
    a = np.empty(1, dtype=object)
    a[0] = a
    return a


def _deep(make: Callable[[Any], Any], depth: int, core: Any = 1.0) -> Any:
    for _ in range(depth):
        core = make(core)
    return core


def _wide() -> Any:
    """A short way to write 2⁶⁰ numbers."""
    a: list[Any] = [1.0, 2.0]
    for _ in range(60):
        a = [a, a]
    return a


def _raising(error: type[BaseException], *methods: str) -> Any:
    def method(*_: Any, **__: Any) -> Any:
        raise error("not you")

    return type("Hostile", (), dict.fromkeys(methods, method))()


def _hostile_subclass(base: type, *methods: str) -> Any:
    def method(*_: Any, **__: Any) -> Any:
        raise SystemExit(base.__name__)

    return type(f"Hostile{base.__name__}", (base,), dict.fromkeys(methods, method))()


class _ClassLies:
    @property
    def __class__(self) -> Any:
        raise SystemExit("which class?")


class _Everything:
    """Has every attribute, and each is itself callable and endless."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return itertools.count()

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, key: Any) -> Any:
        return self


class _Meta(type):
    @property
    def __name__(cls) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        raise SystemExit("no name")

    def __instancecheck__(cls, instance: Any) -> Any:
        raise SystemExit("no check")


class _Nameless(metaclass=_Meta): ...


class _FloatNever:
    def __float__(self) -> float:
        return self.__float__()


class _ArrayLies:
    def __init__(self, result: Any) -> None:
        self.result = result

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.result


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit("unprintable")

    __repr__ = __str__


class _HostileTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise SystemExit("hostile tensor")


def _big_text() -> Any:
    return "a" * 1_000_000


VALUES: dict[str, Callable[[], Any]] = {
    "list that contains itself": _recursive_list,
    "dict that contains itself": _recursive_dict,
    "array that contains itself": _recursive_array,
    "list 10 000 deep": lambda: _deep(lambda x: [x], 10_000),
    "tuple 10 000 deep": lambda: _deep(lambda x: (x,), 10_000),
    "dots 10 000 deep": lambda: _deep(lambda x: [x], 10_000, ...),
    "list of 2^60 numbers": _wide,
    "list of 100^20 dots": lambda: _deep(lambda x: [x] * 100, 20, ...),
    "object array of lists": lambda: np.array([[1, 2], [3]], dtype=object),
    "array of a petabyte": lambda: np.broadcast_to(0.0, (10**8, 10**7)),
    "tensor of a petabyte": lambda: torch.zeros(1).expand(10**15),
    "sparse tensor of a petabyte": lambda: torch.sparse_coo_tensor(torch.zeros(1, 1), torch.ones(1), (10**14,)),
    "range of 10^18": lambda: range(10**18),
    "text of a million letters": _big_text,
    "bytes": lambda: b"\x00\xff",
    "bytearray": lambda: bytearray(3),
    "memoryview": lambda: memoryview(b"abc"),
    "surrogate": lambda: "\ud800",
    "escape codes": lambda: "\x1b[2J\n\r\x00",
    "HTML": lambda: "<script>alert(1)</script>",
    "number as text": lambda: "1e5",
    "huge int": lambda: 10**5000,
    "huge negative int": lambda: -(10**400),
    "huge float": lambda: 1e308,
    "tiny float": lambda: 5e-324,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "complex": lambda: 1 + 2j,
    "complex NaN": lambda: complex("nan"),
    "True": lambda: True,
    "NumPy bool": lambda: np.bool_(True),
    "fraction": lambda: fractions.Fraction(10**400, 3),
    "decimal NaN": lambda: decimal.Decimal("sNaN"),
    "date": lambda: datetime.datetime.now(tz=datetime.UTC),
    "datetime64": lambda: np.datetime64("2020-01-01"),
    "array of dates": lambda: np.array(["2020-01-01"], dtype="M8[D]"),
    "structured array": lambda: np.zeros(3, dtype=[("a", float), ("b", int)]),
    "array of texts": lambda: np.array(["a", "b"]),
    "record": lambda: np.zeros(2, dtype=[("a", float)]).view(np.recarray),
    "masked array": lambda: np.ma.array([1.0, 2.0], mask=[True, False]),
    "matrix of NaN": lambda: np.full((3, 3), np.nan),
    "empty array": lambda: np.zeros((0, 3)),
    "array of 32 dimensions": lambda: np.zeros((1,) * 31 + (2,)),
    "float16": lambda: np.float16(6e4),
    "void": lambda: np.void(b"abcd"),
    "empty list": list,
    "empty dict": dict,
    "empty tuple": tuple,
    "empty text": str,
    "set": lambda: {1, 2},
    "frozenset": lambda: frozenset(),
    "dict": lambda: {"a": 1},
    "dict of dots": lambda: {1: ..., "b": [1, ...]},
    "half untouched": lambda: (..., 3),
    "ragged": lambda: [[1, 2], [3]],
    "list of everything": lambda: [1, "a", None, [2], torch.zeros(2), print],
    "empty generator": lambda: (x for x in ()),
    "endless generator": lambda: (x for x in itertools.count()),
    "endless cycle": lambda: itertools.cycle([1.0]),
    "iterator": lambda: iter([1, 2, 3]),
    "map": lambda: map(float, "123"),
    "zip": lambda: zip([1], [2], strict=True),
    "enumerate": lambda: enumerate([1]),
    "coroutine function": lambda: asyncio.sleep,
    "deque": lambda: collections.deque([1, 2]),
    "Counter": lambda: collections.Counter("abc"),
    "default dict": lambda: collections.defaultdict(list),
    "named tuple": lambda: collections.namedtuple("Point", "x y")(1, 2),
    "module": lambda: np,
    "class": lambda: dict,
    "exception": lambda: ValueError("an answer"),
    "exception class": lambda: SystemExit,
    "object": object,
    "type": lambda: type,
    "lambda": lambda: lambda: 1.0,
    "builtin": lambda: len,
    "exit": lambda: sys.exit,
    "ufunc": lambda: np.sin,
    "partial": lambda: functools.partial(max, 1),
    "torch module": lambda: torch.nn.Linear(3, 1),
    "torch dtype": lambda: torch.float32,
    "parameter": lambda: torch.nn.Parameter(torch.ones(2)),
    "meta tensor": lambda: torch.zeros(2, device="meta"),
    "complex tensor": lambda: torch.tensor([1 + 1j]),
    "bool tensor": lambda: torch.tensor([True]),
    "NaN tensor": lambda: torch.tensor(float("nan"), requires_grad=True),
    "quantized tensor": lambda: torch.ones(2, dtype=torch.uint8).view(torch.int8),
    "tensor that raises": lambda: torch.ones(2).as_subclass(_HostileTensor),
    "generator of torch": torch.Generator,
    "open file": io.StringIO,
    "lock": threading.Lock,
    "thread": threading.Thread,
    "pattern": lambda: re.compile("a"),
    "uuid": lambda: uuid.UUID(int=0),
    "path": lambda: os.fspath("."),
    "weak reference": lambda: weakref.ref(_Everything),
    "context variable": lambda: contextvars.ContextVar("a"),
    "simple namespace": lambda: types.SimpleNamespace(shape=(2,), dtype=float),
    "class that lies": _ClassLies,
    "has everything": _Everything,
    "no name": _Nameless,
    "float calls itself": _FloatNever,
    "__array__ returns text": lambda: _ArrayLies("text"),
    "__array__ returns itself": lambda: _ArrayLies(None),
    "__array__ returns a petabyte": lambda: _ArrayLies(np.broadcast_to(0.0, (10**15,))),
    "text that raises": lambda: _hostile_subclass(str, "lower", "strip", "__len__", "__str__", "__eq__", "__hash__"),
    "list that raises": lambda: _hostile_subclass(list, "__len__", "__iter__", "__getitem__", "__repr__"),
    "dict that raises": lambda: _hostile_subclass(dict, "values", "__len__", "__iter__", "__getitem__"),
    "float that raises": lambda: _hostile_subclass(float, "__float__", "__eq__", "__repr__", "__lt__"),
    "int that raises": lambda: _hostile_subclass(int, "__int__", "__index__", "__float__", "__eq__"),
    "tuple that raises": lambda: _hostile_subclass(tuple, "__len__", "__iter__", "__repr__"),
    **{
        f"{method} raises {error.__name__}": functools.partial(_raising, error, method, "__repr__", "__str__")
        for method in ("__array__", "__float__", "__call__", "__getattribute__", "__eq__", "__len__", "__index__")
        for error in HOSTILE
    },
}


def _spoil(*arguments: Any) -> Any:
    for argument in arguments:
        if isinstance(argument, torch.Tensor | np.ndarray):
            argument[...] = 0
        elif isinstance(argument, list):
            argument.clear()
    return 0.0


def _raise_unprintable(*_: Any) -> Any:
    raise _Unprintable


def _raise_long(*_: Any) -> Any:
    raise ValueError("long " * 10_000)


def _raise_group(*_: Any) -> Any:
    raise BaseExceptionGroup("several", [SystemExit(), ValueError()])


def _raise_cancelled(*_: Any) -> Any:
    raise asyncio.CancelledError


def _exit(*_: Any) -> Any:
    sys.exit(3)


def _no_end(*arguments: Any) -> Any:
    return _no_end(*arguments)


def _generator(*_: Any) -> Any:
    yield from itertools.count()


async def _coroutine(*_: Any) -> Any: ...


def _asserts(*_: Any) -> Any:
    assert False  # noqa: B011, PT015


def _grows(*_: Any) -> Any:
    return np.zeros((10**7, 10**7, 10**4))


BODIES: dict[str, Callable[[], Any]] = {
    "changes its arguments and returns 0": lambda: _spoil,
    "raises what cannot be printed": lambda: _raise_unprintable,
    "raises a long message": lambda: _raise_long,
    "raises a group": lambda: _raise_group,
    "raises CancelledError": lambda: _raise_cancelled,
    "calls sys.exit": lambda: _exit,
    "calls itself": lambda: _no_end,
    "is a generator": lambda: _generator,
    "asserts": lambda: _asserts,
    "asks for too much memory": lambda: _grows,
    "returns its arguments": lambda: lambda *arguments: arguments,
    "returns the first argument": lambda: lambda *arguments: arguments[0],
    "returns zeros": lambda: lambda first, *_: 0 * np.asarray(first) if not callable(first) else 0,
    "takes keywords only": lambda: lambda *, x=1: x,
    "has a hostile signature": lambda: functools.partial(int, base=99),
    "is a class": lambda: _ArrayLies,
    "is a method": lambda: [].append,
}


def all_nasty() -> dict[str, Callable[[], Any]]:
    """Every nasty answer by name: values alone, in a list, in a pair, returned by a function, and functions."""
    found = dict(VALUES)
    for name, make in VALUES.items():
        found[f"[{name}]"] = lambda make=make: [make()]
        found[f"(1, {name})"] = lambda make=make: (1.0, make())
        found[f"function: {name}"] = lambda make=make: lambda *_: make()
    return found | {f"function {name}": make for name, make in BODIES.items()}
