"""Ways to make structures: dynamics, plain and biased, and independent draws around a minimum."""

from mininnip.sampling.biased import Biased, biased_dynamics
from mininnip.sampling.collecting import collect
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.sampling.limits import closest_approach, flown_apart, overlap
from mininnip.sampling.metadynamics import Hills, metadynamics, torsions
from mininnip.sampling.normal_modes import HarmonicModes, harmonic_modes, normal_mode_sampling
from mininnip.sampling.on_the_fly import OnTheFly, on_the_fly_dynamics
from mininnip.sampling.rattling import rattling
from mininnip.sampling.uncertainty_bias import uncertainty_biased_dynamics

__all__ = [
    "Biased",
    "HarmonicModes",
    "Hills",
    "OnTheFly",
    "RunEnded",
    "biased_dynamics",
    "closest_approach",
    "collect",
    "flown_apart",
    "harmonic_modes",
    "metadynamics",
    "molecular_dynamics",
    "normal_mode_sampling",
    "on_the_fly_dynamics",
    "overlap",
    "rattling",
    "torsions",
    "uncertainty_biased_dynamics",
]
