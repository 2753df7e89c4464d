"""Saving: a potential as one file, weights plus a few lines of JSON, never a pickle.

A pickle runs whatever its author wrote; this file cannot. It holds the tensors (safetensors format) and, in words,
which model to build before they are put into it.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from mininnip.arguments import described, rebuilt
from mininnip.potential import Potential

KEY = "mininnip"  # under which the description stands in the file's metadata


def save(potential: Potential, path: str | Path) -> None:
    """Write a potential to a file, in one atomic step.

    Args:
        potential: its model must be one of mininnip's.
        path: usually ending in ".safetensors".

    Raises:
        ValueError: a model, or one of its parts, that could not be found again by name.
    """
    if not hasattr(potential.model, "arguments"):
        raise ValueError(f"{type(potential.model).__name__} cannot be saved: it does not remember its arguments")
    description = json.dumps(described(potential.model))
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in potential.state_dict().items()}
    temporary = Path(f"{path}.part")
    save_file(tensors, temporary, metadata={KEY: description})
    temporary.replace(path)


def load(path: str | Path) -> Potential:
    """Read a potential that `save` wrote; it computes the same numbers.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, written by something else, or asking for code that is not mininnip's or PyTorch's.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {})[KEY])
        tensors = load_file(path)
    except KeyError:
        raise ValueError(f"{path} holds tensors, but no potential that mininnip saved") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error})") from None
    potential = Potential(rebuilt(description))
    references = tensors.pop("reference_energies", None)
    result: Any = potential.load_state_dict(tensors, strict=False, assign=True)
    if result.missing_keys or result.unexpected_keys:
        raise ValueError(f"{path} does not fit its own description; it was made by another version")
    if references is not None:
        potential.set_reference_energies({z: e for z, e in enumerate(references.tolist()) if e == e})
    return potential
