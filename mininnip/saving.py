"""Saving: a potential as one file, weights plus a few lines of JSON, never a pickle.

A pickle runs whatever its author wrote; this file cannot. It holds the tensors (safetensors format), a checksum,
and in words which model to build before they are put into it, from fixed lists of classes and functions.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor

from mininnip import classical, descriptors, kernel, neural, radial
from mininnip.arguments import address, described, rebuilt
from mininnip.model import Fitted, Model
from mininnip.potential import Potential

KEY = "mininnip"  # under which the description stands in the file's metadata
ROOMS = (classical, descriptors, kernel, neural)  # whose classes a file may name; imported here, so that they are known
LAWS = ("buckingham_coulomb", "harmonic", "lennard_jones", "mason_schamp", "morse", "zbl_repulsion")
ACTIVATIONS = (torch.tanh, torch.sigmoid, torch.relu, torch.sin, torch.cos, torch.erf)
ACTIVATIONS += (F.relu, F.silu, F.gelu, F.elu, F.selu, F.celu, F.softplus, F.mish, F.tanh, F.sigmoid, F.logsigmoid)
CUTOFFS = (radial.cosine_cutoff, radial.tanh_cutoff, radial.quintic_switch)
FUNCTIONS = {address(f): f for f in (*ACTIVATIONS, *CUTOFFS, *(getattr(classical, law) for law in LAWS))}


def save(potential: Potential, path: str | Path) -> None:
    """Write a potential to a file, in one atomic step.

    Args:
        potential: its model must be one of mininnip's.
        path: usually ending in ".safetensors".

    Raises:
        TypeError: no `Potential`; the members of an ensemble are saved one by one.
        ValueError: a model, or one of its parts, that could not be found again by name.
        OSError: the file cannot be written.
    """
    if not isinstance(potential, Potential):
        raise TypeError(
            f"one Potential is saved to one file, got {type(potential).__name__}; save the members of an ensemble one "
            "by one"
        )
    if potential.model.arguments is None:
        raise ValueError(f"{type(potential.model).__name__} cannot be saved: it does not remember its arguments")
    description = described(potential.model)
    try:
        rebuilt(description, FUNCTIONS)
    except ValueError as error:
        raise ValueError(f"{type(potential.model).__name__} cannot be saved: {error}") from None
    write_tensors(path, dict(potential.state_dict()), description, KEY)


def load(path: str | Path) -> Potential:
    """Read a potential that `save` wrote; it computes the same numbers.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, written by something else, or asking for code that is not in the lists.
    """
    tensors, description = read_tensors(path, KEY, "potential")
    n_numbers = sum(tensor.numel() for tensor in tensors.values())
    try:
        _refuse_giants(description, n_numbers)
        model = rebuilt(description, FUNCTIONS)
    except Exception as error:  # whatever a forged description makes a constructor say
        raise ValueError(f"{path} is not loaded: {_one_line(error)}") from None
    if not isinstance(model, Model):
        raise ValueError(f"{path} is not loaded: it describes no model")
    potential = Potential(model)
    references = tensors.pop("reference_energies", None)
    _make_room(potential, tensors)
    expected = {name: tensor.shape for name, tensor in potential.state_dict().items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise ValueError(f"{path} does not fit its own description; it was made by another version")
    potential.load_state_dict(tensors, strict=False, assign=True)
    if references is not None:
        potential.set_reference_energies({z: e for z, e in enumerate(references.tolist()) if e == e})
    return potential


def _make_room(potential: Potential, tensors: Mapping[str, Tensor]) -> None:
    """Give the buffers of fitted models the sizes that their data had; the number of axes is fixed."""
    for name, module in potential.named_modules():
        for buffer in module.grows if isinstance(module, Fitted) else ():
            empty, held = cast(Model, module).get_buffer(buffer), tensors.get(f"{name}.{buffer}")
            if (
                held is not None
                and held.dim() == empty.dim()
                and held.dtype.is_floating_point == empty.is_floating_point()
            ):
                setattr(module, buffer, torch.empty_like(held))


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], facts: Any, key: str) -> None:
    """Write tensors and facts (for JSON), with a checksum of both, in one atomic step.

    Raises:
        OSError: the file cannot be written: no such folder, read-only, disk full.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {key: json.dumps(facts), "sha256": _checksum(plain, json.dumps(facts))}
    temporary = Path(f"{path}.part")
    try:
        temporary.write_bytes(bytes_of(plain, metadata=metadata))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise type(error)(f"{path} cannot be written ({error.strerror or error}); choose another place") from None


def read_tensors(path: str | Path, key: str, what: str) -> tuple[dict[str, Tensor], Any]:
    """The tensors and facts that `write_tensors` wrote.

    Args:
        path: of the file.
        key: under which the facts stand.
        what: the file should hold, for messages.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or holding something else.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
        tensors = tensors_of(content)
    except (SafetensorError, OSError, ValueError, RecursionError, AttributeError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({_one_line(error)})") from None
    if key not in metadata:
        raise ValueError(f"{path} holds tensors, but no {what} that mininnip saved")
    if metadata.get("sha256") != _checksum(tensors, metadata[key]):
        raise ValueError(f"{path} is damaged: its checksum is not that of its content")
    try:
        return tensors, json.loads(metadata[key])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({_one_line(error)})") from None


def _checksum(tensors: Mapping[str, Tensor], words: str) -> str:
    digest = hashlib.sha256(words.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _refuse_giants(description: Any, n_numbers: int) -> None:
    """Refuse sizes that the file's own tensors cannot fill, before memory is asked for them."""
    if isinstance(description, dict):
        for part in description.values():
            _refuse_giants(part, n_numbers)
    if isinstance(description, list):
        for part in description:
            _refuse_giants(part, n_numbers)
        sizes = [part for part in description if isinstance(part, int)]
        description = max((a * b for a, b in itertools.pairwise(sizes)), default=0)
    if isinstance(description, int | float) and not abs(description) <= max(n_numbers, 1_000_000):
        raise ValueError(f"it asks for a size of {description}, more than the file holds")
    if isinstance(description, float) and not math.isfinite(description):
        raise ValueError("a number in its description is not finite")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
