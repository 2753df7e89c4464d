"""Neural network potentials: functional forms chosen by training."""

from mininnip.neural.behler_parrinello import BehlerParrinello
from mininnip.neural.coordinates import (
    Cartesian,
    CoordinateNetwork,
    Coordinates,
    Distances,
    PeriodicLateral,
    SortedDistances,
)
from mininnip.neural.dtnn import DTNN
from mininnip.neural.lbfgs import minimize
from mininnip.neural.mlp import MLP
from mininnip.neural.nequip import NequIP
from mininnip.neural.painn import PaiNN
from mininnip.neural.probe import with_probes
from mininnip.neural.schnet import SchNet

__all__ = [
    "DTNN",
    "MLP",
    "BehlerParrinello",
    "Cartesian",
    "CoordinateNetwork",
    "Coordinates",
    "Distances",
    "NequIP",
    "PaiNN",
    "PeriodicLateral",
    "SchNet",
    "SortedDistances",
    "minimize",
    "with_probes",
]
