"""mininnip: machine-learning interatomic potentials, small enough to read. E = f(Z, r), from Lennard-Jones on.

Every public name is declared once, in `__init__.pyi` beside this file, and imported when it is first used.
"""

import lazy_loader

from mininnip.memory import keep_freed
from mininnip.threads import one_by_default

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

one_by_default()
keep_freed()
del one_by_default, keep_freed
