"""Data: the sets that ship with the course, labels and their units, files, and the field's public benchmarks."""

from mininnip.data.sets import Dataset, load_data

__all__ = ["Dataset", "load_data"]
