"""Descriptors: numbers that tell an atom's environment from others and do not change when it is moved or turned."""

from mininnip.descriptors.symmetry_functions import ANISymmetryFunctions, SymmetryFunctions

__all__ = ["ANISymmetryFunctions", "SymmetryFunctions"]
