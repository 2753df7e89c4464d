"""What a trajectory or a structure tells: distributions of a liquid, vibrations, bonds."""

from mininnip.analysis.correlation import (
    BlockErrors,
    autocorrelation,
    block_errors,
    correlation_time,
    effective_number,
)
from mininnip.analysis.liquids import AngleDistribution, RadialDistribution, angle_distribution, radial_distribution
from mininnip.analysis.molecules import find_bonds
from mininnip.analysis.vibrations import NormalModes, Spectrum, hessian, normal_modes, velocity_spectrum

__all__ = [
    "AngleDistribution",
    "BlockErrors",
    "NormalModes",
    "RadialDistribution",
    "Spectrum",
    "angle_distribution",
    "autocorrelation",
    "block_errors",
    "correlation_time",
    "effective_number",
    "find_bonds",
    "hessian",
    "normal_modes",
    "radial_distribution",
    "velocity_spectrum",
]
