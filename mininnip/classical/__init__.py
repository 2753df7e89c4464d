"""Classical potentials: functional forms chosen by people (pair laws, bonded terms, three-body, bond order)."""

from mininnip.classical.bonded import ForceField, Topology
from mininnip.classical.edip import EDIP
from mininnip.classical.fcc import FccCrystal
from mininnip.classical.fitting import fit_law
from mininnip.classical.lenosky import Lenosky
from mininnip.classical.pair import (
    PairPotential,
    buckingham_coulomb,
    harmonic,
    lennard_jones,
    mason_schamp,
    morse,
    zbl_repulsion,
    zbl_screening,
)
from mininnip.classical.stillinger_weber import StillingerWeber
from mininnip.classical.tersoff import Tersoff

__all__ = [
    "EDIP",
    "FccCrystal",
    "ForceField",
    "Lenosky",
    "PairPotential",
    "StillingerWeber",
    "Tersoff",
    "Topology",
    "buckingham_coulomb",
    "fit_law",
    "harmonic",
    "lennard_jones",
    "mason_schamp",
    "morse",
    "zbl_repulsion",
    "zbl_screening",
]
