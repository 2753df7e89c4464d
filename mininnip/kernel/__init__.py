"""Kernel potentials: solved, not descended to, and they say how sure they are."""

from mininnip.kernel.gpr import GaussianProcess
from mininnip.kernel.sparse_gpr import SparseGaussianProcess

__all__ = ["GaussianProcess", "SparseGaussianProcess"]
