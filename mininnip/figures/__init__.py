"""Figures: plots in one style, and structures in three dimensions."""

from mininnip.figures import plotting

__all__ = ["plotting"]
