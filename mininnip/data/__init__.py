"""Data: the sets that ship with the course, labels and their units, files, and the field's public benchmarks."""

from mininnip.data.dataset import Dataset
from mininnip.data.sets import load_data

__all__ = ["Dataset", "load_data"]
