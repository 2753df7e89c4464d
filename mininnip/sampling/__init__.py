"""Ways to make structures: dynamics."""

from mininnip.sampling.dynamics import molecular_dynamics

__all__ = ["molecular_dynamics"]
