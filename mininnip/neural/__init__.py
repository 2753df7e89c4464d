"""Neural network potentials: functional forms chosen by training."""

from mininnip.neural.behler_parrinello import BehlerParrinello
from mininnip.neural.mlp import MLP

__all__ = ["MLP", "BehlerParrinello"]
