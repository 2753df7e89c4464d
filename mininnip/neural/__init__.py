"""Neural network potentials: functional forms chosen by training."""

from mininnip.neural.behler_parrinello import BehlerParrinello
from mininnip.neural.coordinates import Cartesian, CoordinateNetwork, Distances, PeriodicLateral, SortedDistances
from mininnip.neural.lbfgs import minimize
from mininnip.neural.mlp import MLP

__all__ = [
    "MLP",
    "BehlerParrinello",
    "Cartesian",
    "CoordinateNetwork",
    "Distances",
    "PeriodicLateral",
    "SortedDistances",
    "minimize",
]
