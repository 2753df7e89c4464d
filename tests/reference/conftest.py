"""The tests of the mutants import the script that holds them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
