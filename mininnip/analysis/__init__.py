"""What a trajectory or a structure tells: distributions of a liquid, vibrations, bonds."""

from mininnip.analysis.liquids import AngleDistribution, RadialDistribution, angle_distribution, radial_distribution
from mininnip.analysis.molecules import find_bonds
from mininnip.analysis.vibrations import NormalModes, Spectrum, hessian, normal_modes, velocity_spectrum

__all__ = [
    "AngleDistribution",
    "NormalModes",
    "RadialDistribution",
    "Spectrum",
    "angle_distribution",
    "find_bonds",
    "hessian",
    "normal_modes",
    "radial_distribution",
    "velocity_spectrum",
]
