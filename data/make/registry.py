"""The registry: what every set is, who labels its frames, what it is packed from. Words and names stand in sets.toml.

Keys of an entry there: `files` that ship; `made_by` and further words of the catalog; `packed_from`, the file in work/
that pack.py turns into them; `labeler`, the script whose function `labeler(name)` gives the label of a frame anew.
"""

import importlib
import tomllib
from pathlib import Path

ENGINES = {"tblite": "tblite (pip install tblite)", "pyscf": "PySCF (pip install pyscf)"}
SETS = tomllib.loads((Path(__file__).parent / "sets.toml").read_text(encoding="utf-8"))


def set_of(file):
    """Name of the set that a file without its suffix belongs to, e.g. "water_dimer" to "water_clusters"."""
    for name, entry in SETS.items():
        if f"{file}.npz" in entry["files"]:
            return name
    files = [known.removesuffix(".npz") for entry in SETS.values() for known in entry["files"]]
    raise SystemExit(f"no set has a file {file}.npz; there are {', '.join(files)}")


def label_of(file):
    """The function Atoms -> labelled Atoms of a file's frames; its engine is imported only here."""
    name = set_of(file)
    script = SETS[name].get("labeler")
    if script is None:
        raise SystemExit(f"{name} holds no labelled frames: {SETS[name]['made_by']} makes the whole of it again")
    try:
        return importlib.import_module(script).labeler(name)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        raise SystemExit(f"{name} is labelled by {ENGINES.get(package, package)}, which is not installed") from None
