# The public names of mininnip, and where they live. This is their only list: `mininnip/__init__.py` reads it.

from . import active_learning as active_learning
from . import adversarial as adversarial
from . import analysis as analysis
from . import classical as classical
from . import descriptors as descriptors
from . import exercises as exercises
from . import kernel as kernel
from . import neural as neural
from . import sampling as sampling
from . import so3 as so3
from . import surfaces as surfaces
from . import uncertainty as uncertainty
from . import widgets as widgets
from .calculator import Calculator as Calculator
from .data.files import read as read
from .data.files import write as write
from .data.public import download as download
from .data.sets import load_data as load_data
from .ensemble import Ensemble as Ensemble
from .ensemble_training import train_ensemble as train_ensemble
from .evaluation import evaluate as evaluate
from .figures import plotting as plotting
from .figures.plotting import style as style
from .figures.viewer import view as view
from .graph import Graph as Graph
from .graph import batch as batch
from .potential import Potential as Potential
from .radial import bessel_basis as bessel_basis
from .radial import cosine_cutoff as cosine_cutoff
from .radial import gaussian_basis as gaussian_basis
from .radial import polynomial_cutoff as polynomial_cutoff
from .radial import quintic_switch as quintic_switch
from .radial import tanh_cutoff as tanh_cutoff
from .saving import load as load
from .saving import save as save
from .sum import Sum as Sum
from .training import fit as fit
from .training import train as train

__version__: str
