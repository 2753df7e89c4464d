"""Neighbor lists: which atoms see which, over all periodic images (layer 0; imports nothing of mininnip).

The fast list comes from vesin (https://github.com/Luthaf/vesin), a compiled cell list whose cost grows linearly with
the number of atoms. It divides space into boxes as wide as the cutoff; where nearly all of them would be empty, a k-d
tree finds the pairs. `brute_force_neighbors` says the same in fifteen lines of PyTorch and is the reference for both.
`SkinList` keeps a list alive during molecular dynamics until an atom has moved so far that a pair could be missed.
"""

import itertools
import math

import numpy as np
import torch
from torch import Tensor

CLOSEST = 1e-3  # Å; two atoms nearer than this are one atom entered twice
FARTHEST = 1e8  # Å from the origin; beyond, positions are rounded to more than 1e-8 Å
MOST_CELLS_AWAY = 1e9  # shifts are 32-bit integers
MOST_EDGES = 1e8  # a list of more would take several GB
MOST_IMAGES = 1e7  # copies of atoms that may have to be looked at
LONGEST_BOX = 1000.0  # Å; vesin 0.6.2 takes minutes where a cutoff of 1e5 Å meets a structure as long
FEW_BOXES = 1000  # vesin 0.6.2 takes microseconds for an empty box, and divides by zero where 1e5 lie in a plane


def neighbor_list(positions: Tensor, cell: Tensor, pbc: Tensor, cutoff: float) -> tuple[Tensor, Tensor]:
    """List every directed pair of atoms (center i, neighbor j) closer than the cutoff, images included.

        | r_j + S · cell − r_i | < r_c,    (i, j, S) ≠ (i, i, 0)

    Both directions of a pair are listed, and an atom may be its own neighbor through an image. Positions may lie
    outside the cell; the cell may be triclinic, left-handed, or smaller than the cutoff.

    Args:
        positions: (N, 3) in Å.
        cell: (3, 3) in Å, rows are the lattice vectors; ignored along directions that are not periodic.
        pbc: (3,) bool, which directions are periodic.
        cutoff: r_c in Å.

    Returns:
        edges (2, E): rows i and j; shifts (E, 3): the integers S. On the device of the positions.

    Raises:
        ValueError: if two atoms coincide, if an atom is farther than 1e8 Å from the origin, or if there would be more
            than 1e8 edges.
    """
    from vesin import NeighborList  # here because it imports ASE, which `import mininnip` should not wait for

    points, box, pbc = positions.detach().cpu().double(), cell.detach().cpu().double(), pbc.cpu()
    if not bool(pbc.any()):
        cutoff = min(cutoff, _diagonal(points))  # vesin is slow where the cutoff exceeds an open structure by far
    box = _box_for_open_directions(points, box, pbc, cutoff)
    arrays = points.numpy(), box.numpy(), pbc.numpy()
    if _is_mostly_empty(*arrays, cutoff):
        pairs, half, distances = _pairs_by_tree(*arrays, cutoff)
    else:
        search = NeighborList(cutoff=cutoff, full_list=False, n_threads=torch.get_num_threads())
        pairs, half, distances = search.compute(*arrays, quantities="PSd", copy=False)
    n = len(distances)
    if n and distances.min() < CLOSEST:
        worst = int(distances.argmin())
        raise ValueError(_overlap_message(int(pairs[worst, 0]), int(pairs[worst, 1]), float(distances[worst])))
    edges, shifts = np.empty((2, 2 * n), np.int64), np.empty((2 * n, 3), np.int32)  # both directions, written once
    edges[:, :n], edges[:, n:] = pairs.T, pairs.T[::-1]
    shifts[:n] = half
    np.negative(half, out=shifts[n:])
    return torch.from_numpy(edges).to(positions.device), torch.from_numpy(shifts).to(positions.device)


def brute_force_neighbors(positions: Tensor, cell: Tensor, pbc: Tensor, cutoff: float) -> tuple[Tensor, Tensor]:
    """The same list by trying every pair in every image within reach, for tests and for reading.

    Time and memory grow as N² × images: wrap positions that lie many cells away. Arguments, results and errors as
    `neighbor_list`; the order of the edges differs.
    """
    box = _box_for_open_directions(positions, cell, pbc, cutoff)
    heights = 1 / torch.linalg.inv(box).norm(dim=0)  # distance between opposite faces (3,)
    spread = (positions @ torch.linalg.inv(box)).aminmax(dim=0)
    reach = torch.where(pbc, torch.ceil(cutoff / heights + spread.max - spread.min), 0.0).int().tolist()
    images = torch.tensor(
        list(itertools.product(*[range(-n, n + 1) for n in reach])), device=positions.device
    )  # (M, 3)
    offsets = images.to(positions.dtype) @ box
    distances = (positions[None, None, :] + offsets[:, None, None] - positions[None, :, None]).norm(dim=-1)  # (M, N, N)
    within = distances < cutoff
    home = int((images == 0).all(dim=1).nonzero())
    within[home].fill_diagonal_(False)
    image, i, j = within.nonzero(as_tuple=True)
    closest = distances[image, i, j]
    if len(closest) and closest.min() < CLOSEST:
        worst = closest.argmin()
        raise ValueError(_overlap_message(int(i[worst]), int(j[worst]), float(closest[worst])))
    return torch.stack([i, j]), images[image]


class SkinList:
    """A neighbor list that outlives many steps of molecular dynamics (Verlet, Phys. Rev. 159, 98 (1967)).

    The list is built with cutoff + skin and stays complete until some atom has moved more than skin / 2 since it was
    built, or the cell, the periodicity or the number of atoms has changed.

    Args:
        cutoff: of the potential, in Å.
        skin: extra reach in Å; 0 rebuilds at every change.

    Attributes:
        n_builds: how often the list was built.
    """

    def __init__(self, cutoff: float, skin: float):
        if skin < 0:
            raise ValueError(f"the skin must not be negative, got {skin} Å")
        self.cutoff, self.skin, self.n_builds = cutoff, skin, 0
        self._built_for: tuple[Tensor, Tensor, Tensor] | None = None

    def __call__(self, positions: Tensor, cell: Tensor, pbc: Tensor) -> tuple[Tensor, Tensor]:
        """Edges (2, E) and shifts (E, 3) that hold every pair within the cutoff, and some up to cutoff + skin."""
        if not self._still_complete(positions, cell, pbc):
            self._edges, self._shifts = neighbor_list(positions, cell, pbc, self.cutoff + self.skin)
            self._built_for = positions.clone(), cell.clone(), pbc.clone()
            self.n_builds += 1
        return self._edges, self._shifts

    def _still_complete(self, positions: Tensor, cell: Tensor, pbc: Tensor) -> bool:
        if self._built_for is None or self._built_for[0].shape != positions.shape:
            return False
        old_positions, old_cell, old_pbc = self._built_for
        if not (torch.equal(old_cell, cell) and torch.equal(old_pbc, pbc)):
            return False
        return bool((positions - old_positions).norm(dim=1).max() <= self.skin / 2)


def _pairs_by_tree(points: np.ndarray, box: np.ndarray, pbc: np.ndarray, cutoff: float) -> tuple:
    """Each pair once, by a k-d tree of the atoms and their images within reach: (n, 2), shifts (n, 3), distances (n,).

    Time and memory follow the number of atoms, images and pairs, however much space lies between them.
    """
    from scipy.spatial import KDTree

    fractional = points @ np.linalg.inv(box)
    hops = np.floor(fractional).astype(np.int64) * pbc  # cells by which an atom lies outside the first one (N, 3)
    fractional, home = fractional - hops, points - hops @ box
    reach = cutoff / _heights(box)  # in cells
    ranges = [
        range(-math.ceil(r), math.ceil(r) + 1) if periodic else (0,) for r, periodic in zip(reach, pbc, strict=True)
    ]
    images = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    images = images[len(images) // 2 :]  # (M, 3): home and those after it; the others mirror them
    moved = fractional + images[:, None]  # (M, N, 3)
    within = (moved > -reach - CLOSEST) & (moved < 1 + reach + CLOSEST)  # with room for rounding
    image, atom = np.nonzero((within | ~pbc).all(axis=2))
    images = images[image]  # (K, 3) of every copy within reach
    tree, copies = KDTree(home), KDTree(home[atom] + images @ box)
    found = tree.sparse_distance_matrix(copies, cutoff, output_type="ndarray")
    i, copy, distances = found["i"], found["j"], found["v"]
    j, shifts = atom[copy], images[copy]
    keep = (distances < cutoff) & ((i < j) | (shifts != 0).any(axis=1))
    i, j, shifts, distances = i[keep], j[keep], shifts[keep], distances[keep]
    return np.stack([i, j], axis=1), shifts + hops[i] - hops[j], distances


def _is_mostly_empty(points: np.ndarray, box: np.ndarray, pbc: np.ndarray, cutoff: float) -> bool:
    """Whether a cell list would look into far more boxes as wide as the cutoff than there are atoms and images.

    Raises:
        ValueError: atoms too far away, or more images or edges than can be handled.
    """
    n_atoms, heights, periodic = len(points), _heights(box).tolist(), pbc.tolist()
    closed = [height for height, repeated in zip(heights, periodic, strict=True) if repeated]
    _refuse_far_atoms(points, min(closed, default=1.0))
    n_images = math.prod(1 + 2 * cutoff / height for height in closed)  # that a sphere around the cell can touch
    if n_atoms * n_images > MOST_IMAGES:
        raise ValueError(
            f"a cutoff of {cutoff:g} Å reaches about {n_images:.0e} periodic images of the cell, whose opposite faces "
            f"are {min(closed):.3g} Å apart: take a shorter cutoff, or check the cell"
        )
    n_boxes = [max(height // cutoff, 1.0) for height in heights]
    if n_atoms**2 * n_images > MOST_EDGES:
        expected = _expected_edges(points, box, pbc, cutoff, np.array(n_boxes))
        if expected > MOST_EDGES:
            raise ValueError(
                f"a cutoff of {cutoff:g} Å would make about {expected:.0e} edges, more than {MOST_EDGES:.0e}: take a "
                f"shorter cutoff or fewer atoms"
            )
    around = math.prod(2 * math.ceil(cutoff * n / height) + 1 for n, height in zip(n_boxes, heights, strict=True))
    sparse = math.prod(n_boxes) * around > 27 * (FEW_BOXES + 4 * n_atoms * n_images)
    return sparse or max(heights) > LONGEST_BOX


def _expected_edges(points: np.ndarray, box: np.ndarray, pbc: np.ndarray, cutoff: float, n_boxes: np.ndarray) -> float:
    """Σ over boxes of (atoms in the box)² × volume of the sphere / volume of the box."""
    fractional = points @ np.linalg.inv(box)
    fractional -= np.where(pbc, np.floor(fractional), fractional.min(axis=0))
    places = (fractional * n_boxes).astype(np.int64) @ [1, 73856093, 19349663]  # one number for each box
    counts = np.unique(places, return_counts=True)[1].astype(float)
    sphere, volume = 4 / 3 * math.pi * cutoff**3, abs(float(np.linalg.det(box))) / n_boxes.prod()
    return float((counts**2).sum() * sphere / volume)


def _heights(box: np.ndarray) -> np.ndarray:
    """Distances between opposite faces of a cell (3,)."""
    return (np.linalg.inv(box) ** 2).sum(axis=0) ** -0.5


def _refuse_far_atoms(points: np.ndarray, height: float) -> None:
    """Positions beyond 1e8 Å, or 1e9 cells of this height, whose distances drown in rounding."""
    farthest = max(float(points.max()), -float(points.min()))
    if farthest > min(FARTHEST, MOST_CELLS_AWAY * height):
        atom = int(np.abs(points).max(axis=1).argmax())
        raise ValueError(
            f"atom {atom} is {farthest:.1e} Å from the origin, where rounding spoils distances: check the structure, "
            "or wrap it into its cell"
        )


def _box_for_open_directions(positions: Tensor, cell: Tensor, pbc: Tensor, cutoff: float) -> Tensor:
    """The cell, with directions that are not periodic replaced by ones that hold all atoms and span a volume."""
    if bool(pbc.all()):
        return cell
    periodic = cell[pbc]  # (0, 1 or 2 rows, 3)
    _, _, directions = torch.linalg.svd(torch.cat([periodic, cell.new_zeros(3 - len(periodic), 3)]))
    box = cell.clone()
    box[~pbc] = directions[len(periodic) :] * (_diagonal(positions) + 2 * cutoff)  # orthogonal to the periodic ones
    return box


def _diagonal(positions: Tensor) -> float:
    """A little more than the diagonal of the box around all atoms: no two are farther apart."""
    return 1.001 * float((positions.amax(dim=0) - positions.amin(dim=0)).norm()) + CLOSEST


def _overlap_message(i: int, j: int, distance: float) -> str:
    who = f"atom {i} and an image of itself" if i == j else f"atoms {i} and {j}"
    return f"{who} are at one place (distance {distance:.1e} Å); remove one, or check the cell"
