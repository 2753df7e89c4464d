"""Classical potentials: functional forms chosen by people (pair laws, bonded terms, three-body, model surfaces)."""

from mininnip.classical import co_ni111, pes, surfaces
from mininnip.classical.bonded import ForceField, Topology
from mininnip.classical.fitting import fit_law
from mininnip.classical.pair import (
    PairPotential,
    buckingham_coulomb,
    harmonic,
    lennard_jones,
    mason_schamp,
    morse,
)
from mininnip.classical.stillinger_weber import StillingerWeber

__all__ = [
    "ForceField",
    "PairPotential",
    "StillingerWeber",
    "Topology",
    "buckingham_coulomb",
    "co_ni111",
    "fit_law",
    "harmonic",
    "lennard_jones",
    "mason_schamp",
    "morse",
    "pes",
    "surfaces",
]
