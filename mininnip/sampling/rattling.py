"""Rattling: independent structures, every coordinate displaced at random. It needs no potential at all."""

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from mininnip.graph import as_number
from mininnip.sampling.limits import draw_without_overlap
from mininnip.sampling.normal_modes import check_frames


def rattling(
    atoms: Atoms, amplitude: float, n_frames: int, closest: float | None = None, seed: int = 0
) -> Iterator[Atoms]:
    """Displace every atom by a normal random number along x, y and z.

        x = x₀ + a ξ,   ⟨E⟩ ≈ a² tr(H) / 2 around a minimum

    Stiff bonds and soft torsions are moved alike: nearly all of the energy goes into the stiff ones.

    Args:
        atoms: ASE Atoms; not changed.
        amplitude: standard deviation a of each coordinate in Å.
        n_frames: structures to draw.
        closest: in Å; a draw with two atoms nearer than this is drawn anew. None: `closest_approach`; 0: none is.
        seed: of the draws.

    Yields:
        Atoms without a calculator; `info` holds sampler, amplitude (Å), step, seed and `refused`, the number of draws
        thrown away before it.

    Raises:
        ValueError: an amplitude that is not positive, 1000 draws in a row thrown away.
    """
    amplitude = as_number(amplitude, "amplitude")
    if amplitude <= 0:
        raise ValueError(f"the amplitude must be positive, got {amplitude} Å")
    check_frames(n_frames)
    return _draws(atoms, amplitude, n_frames, closest, seed)


def _draws(atoms: Atoms, amplitude: float, n_frames: int, closest: float | None, seed: int) -> Iterator[Atoms]:
    rng = np.random.default_rng(seed)

    def draw() -> Atoms:
        frame = atoms.copy()
        frame.positions += rng.normal(scale=amplitude, size=frame.positions.shape)
        return frame

    for step in range(n_frames):
        frame, refused = draw_without_overlap(draw, closest, "lower the amplitude")
        frame.info |= {"sampler": "rattling", "amplitude": amplitude, "step": step, "seed": seed, "refused": refused}
        yield frame
