"""Arguments: models remember what they were made with, so that a file can hold them without a pickle."""

import functools
import importlib
import inspect
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T", bound=type)
FUNCTIONS = ("mininnip.", "torch.", "torch.nn.functional.")  # where functions that a file names may come from


def remembers_arguments(cls: T) -> T:
    """Class decorator: every instance keeps the arguments of its constructor in `arguments`."""
    original = cls.__init__
    signature = inspect.signature(original)

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        self.arguments = {}
        for name, value in list(bound.arguments.items())[1:]:
            variable = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            self.arguments |= value if variable else {name: value}

    cls.__init__ = __init__
    return cls


def described(value: Any) -> Any:
    """A value in words that JSON knows; models by class and arguments, functions by name.

    Raises:
        ValueError: something that has no name to find it by, such as a lambda.
    """
    if hasattr(value, "arguments"):
        arguments = {name: described(argument) for name, argument in value.arguments.items()}
        return {"class": _address(type(value)), "arguments": arguments}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [described(part) for part in value]
    return {"function": _address(value)}


def rebuilt(description: Any) -> Any:
    """The value that `described` put into words.

    Raises:
        ValueError: a class that is no model of mininnip, or a function of neither mininnip nor PyTorch.
    """
    if isinstance(description, list):
        return [rebuilt(part) for part in description]
    if not isinstance(description, dict):
        return description
    if "function" in description:
        return _function(description["function"])
    module, _, name = description["class"].partition(":")
    found = getattr(importlib.import_module(module), name) if module.startswith("mininnip.") else None
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise ValueError(f"the file asks for {description['class']}, which is no model of mininnip; it is not loaded")
    return found(**{name: rebuilt(part) for name, part in description["arguments"].items()})


def _address(thing: Any) -> str:
    """Where a class or function is found, as "module:name"."""
    name = getattr(thing, "__name__", "")
    for module in (getattr(thing, "__module__", None), "torch", "torch.nn.functional"):
        if f"{module}.".startswith(FUNCTIONS) and getattr(importlib.import_module(str(module)), name, None) is thing:
            return f"{module}:{name}"
    raise ValueError(f"{thing!r} cannot be saved: only what mininnip and PyTorch define by name can be found again")


def _function(address: str) -> Any:
    module, _, name = address.partition(":")
    if not (module in ("torch", "torch.nn.functional") or module.startswith("mininnip.")):
        raise ValueError(f"the file asks for {address}, which is neither of mininnip nor of PyTorch; it is not loaded")
    return getattr(importlib.import_module(module), name)
