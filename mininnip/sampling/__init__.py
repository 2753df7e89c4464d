"""Ways to make structures: dynamics."""

from mininnip.sampling.dynamics import RunEnded, molecular_dynamics

__all__ = ["RunEnded", "molecular_dynamics"]
