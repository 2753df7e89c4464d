"""Interactive figures of the lessons, one file each; they only wire controls to the package below.

`live_figure` draws, `background` runs long work, `panel` is the frame they all share.
"""

from mininnip.widgets.approximator import Approximator
from mininnip.widgets.attack_map import AttackMap
from mininnip.widgets.force_training import ForceTraining
from mininnip.widgets.landscape import Landscape
from mininnip.widgets.melt_player import MeltPlayer
from mininnip.widgets.message_graph import MessageGraph
from mininnip.widgets.network_melt import NetworkMelt
from mininnip.widgets.pair_fit import PairFit
from mininnip.widgets.symmetry import SymmetryExplorer
from mininnip.widgets.torsion_cloud import TorsionCloud
from mininnip.widgets.trimer import Trimer
from mininnip.widgets.tunneling import Tunneling
from mininnip.widgets.turning_molecule import TurningMolecule

__all__ = [
    "Approximator",
    "AttackMap",
    "ForceTraining",
    "Landscape",
    "MeltPlayer",
    "MessageGraph",
    "NetworkMelt",
    "PairFit",
    "SymmetryExplorer",
    "TorsionCloud",
    "Trimer",
    "Tunneling",
    "TurningMolecule",
]
