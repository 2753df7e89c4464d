"""Energy surfaces of a few variables: model landscapes, and what is asked of any surface."""

from mininnip.surfaces import co_ni111, plane
from mininnip.surfaces.derivatives import forces, hessian
from mininnip.surfaces.landscapes import double_well_1d, double_well_2d, double_well_2d_quartic, muller_brown
from mininnip.surfaces.motion import langevin
from mininnip.surfaces.paths import minimum_energy_path, relax
from mininnip.surfaces.quantum_levels import quantum_levels
from mininnip.surfaces.stationary_points import StationaryPoint, stationary_point, stationary_points

__all__ = [
    "StationaryPoint",
    "co_ni111",
    "double_well_1d",
    "double_well_2d",
    "double_well_2d_quartic",
    "forces",
    "hessian",
    "langevin",
    "minimum_energy_path",
    "muller_brown",
    "plane",
    "quantum_levels",
    "relax",
    "stationary_point",
    "stationary_points",
]
