"""Kernel potentials: solved, not descended to, and they say how sure they are."""

from mininnip.kernel.gpr import GaussianProcess

__all__ = ["GaussianProcess"]
