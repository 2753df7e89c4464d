"""Arguments: models remember what they were made with, so that a file can hold them without a pickle."""

import functools
import importlib
import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T", bound=type)
FUNCTIONS = ("mininnip.", "torch.", "torch.nn.functional.")  # where functions that can be saved come from
REMEMBERING: dict[str, type] = {}  # every class that remembers its arguments, as "module:name"


def remembers_arguments(cls: T) -> T:
    """Class decorator: every instance keeps the arguments of its constructor in `arguments`."""
    original = cls.__init__
    signature = inspect.signature(original)

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = {}
        for name, value in list(bound.arguments.items())[1:]:
            variable = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
            arguments |= value if variable else {name: value}
        object.__setattr__(self, "arguments", arguments)  # also in frozen dataclasses

    cls.__init__ = __init__
    REMEMBERING[f"{cls.__module__}:{cls.__name__}"] = cls
    return cls


def described(value: Any) -> Any:
    """A value in words that JSON knows; models by class and arguments, functions by name.

    Raises:
        ValueError: something that has no name to find it by, such as a lambda.
    """
    if f"{type(value).__module__}:{type(value).__name__}" in REMEMBERING:
        arguments = {name: described(argument) for name, argument in value.arguments.items()}
        return {"class": f"{type(value).__module__}:{type(value).__name__}", "arguments": arguments}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        return value.tolist()
    if isinstance(value, Mapping):
        return {"mapping": {name: described(part) for name, part in value.items()}}
    if isinstance(value, list | tuple | range):
        return [described(part) for part in value]
    return {"function": address(value)}


def rebuilt(description: Any, functions: Mapping[str, Any]) -> Any:
    """The value that `described` put into words.

    Nothing is imported and nothing is looked up by name but in two fixed lists: the classes of mininnip that remember
    their arguments, and the functions given here.

    Args:
        description: from JSON.
        functions: by address, "module:name".

    Raises:
        ValueError: a class or function that is not in the lists.
    """
    if isinstance(description, list):
        return [rebuilt(part, functions) for part in description]
    if not isinstance(description, dict):
        return description
    if "mapping" in description:
        return {name: rebuilt(part, functions) for name, part in description["mapping"].items()}
    if "function" in description:
        if str(description["function"]) not in functions:
            raise ValueError(f"it asks for the function {description['function']}, which is not in the list")
        return functions[description["function"]]
    name = str(description.get("class"))
    if name not in REMEMBERING or not name.startswith("mininnip."):
        raise ValueError(f"it asks for the class {name}, which is no model of mininnip or part of one")
    return REMEMBERING[name](**{key: rebuilt(part, functions) for key, part in description["arguments"].items()})


def address(thing: Any) -> str:
    """Where a function is found, as "module:name"."""
    name = getattr(thing, "__name__", "")
    for module in (getattr(thing, "__module__", None), "torch", "torch.nn.functional"):
        if f"{module}.".startswith(FUNCTIONS) and getattr(importlib.import_module(str(module)), name, None) is thing:
            return f"{module}:{name}"
    raise ValueError(f"{thing!r} cannot be saved: only what mininnip and PyTorch define by name can be found again")
