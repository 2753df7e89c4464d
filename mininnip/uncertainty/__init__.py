"""Uncertainty: where a potential is blind. Four kinds of answers behind one call, and whether they deserve trust.

An estimator is called with a graph and returns one number for each structure, (S,), larger where less is known:
`Spread` of a committee, of a shallow ensemble or of a Gaussian process; variance of the `LastLayer`; a `Mixture` of
Gaussians and the `Distance` to the training data, both in the latent features of a network.
"""

from mininnip.uncertainty.calibration import (
    conformal_factor,
    error_per_spread,
    miscalibration_area,
    rank_correlation,
    reliability,
)
from mininnip.uncertainty.distance import Distance
from mininnip.uncertainty.last_layer import LastLayer
from mininnip.uncertainty.latent import latent_features
from mininnip.uncertainty.mixture import Mixture
from mininnip.uncertainty.spread import Spread, force_error, force_spread, squared_spread

__all__ = [
    "Distance",
    "LastLayer",
    "Mixture",
    "Spread",
    "conformal_factor",
    "error_per_spread",
    "force_error",
    "force_spread",
    "latent_features",
    "miscalibration_area",
    "rank_correlation",
    "reliability",
    "squared_spread",
]
