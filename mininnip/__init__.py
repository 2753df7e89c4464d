"""mininnip: machine-learning interatomic potentials, small enough to read. E = f(Z, r), from Lennard-Jones on.

Everything public is here; submodules that need ASE, matplotlib or Jupyter are imported when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mininnip import classical
from mininnip.data import load_data
from mininnip.ensemble import Ensemble
from mininnip.graph import Graph, batch
from mininnip.potential import Potential
from mininnip.radial import cosine_cutoff, quintic_switch, tanh_cutoff

if TYPE_CHECKING:
    from mininnip import analysis, descriptors, exercises, neural, plotting, sampling, widgets
    from mininnip.calculator import Calculator
    from mininnip.formats import read, write
    from mininnip.plotting import style
    from mininnip.public_data import download
    from mininnip.saving import load, save
    from mininnip.training import evaluate, train
    from mininnip.view import view

__version__ = "0.1.0"

_ON_FIRST_USE = {
    "Calculator": "mininnip.calculator",
    "download": "mininnip.public_data",
    "evaluate": "mininnip.training",
    "load": "mininnip.saving",
    "read": "mininnip.formats",
    "save": "mininnip.saving",
    "train": "mininnip.training",
    "view": "mininnip.view",
    "write": "mininnip.formats",
    "style": "mininnip.plotting",
}
_SUBMODULES_ON_FIRST_USE = ("analysis", "descriptors", "exercises", "neural", "plotting", "sampling", "widgets")

__all__ = [
    "Calculator",
    "Ensemble",
    "Graph",
    "Potential",
    "analysis",
    "batch",
    "classical",
    "cosine_cutoff",
    "descriptors",
    "download",
    "evaluate",
    "exercises",
    "load",
    "load_data",
    "neural",
    "plotting",
    "quintic_switch",
    "read",
    "sampling",
    "save",
    "style",
    "tanh_cutoff",
    "train",
    "view",
    "widgets",
    "write",
]


def __getattr__(name: str) -> Any:
    if name in _ON_FIRST_USE:
        return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
    if name in _SUBMODULES_ON_FIRST_USE:
        return importlib.import_module(f"mininnip.{name}")
    raise AttributeError(f"module 'mininnip' has no attribute {name!r}")


def __dir__():
    return __all__
