"""Mutants: faults of physics put into the package one at a time; the tests must see each of them.

    python tests/reference/mutants.py                  (all; a few seconds each; writes MUTANTS.md beside this file)
    python tests/reference/mutants.py painn segments   (those of some files, anew)
    python tests/reference/mutants.py --table          (none: what is known)

Each fault is one replacement of text in a copy of the package. The tests of harmonics, segments, radial functions and
learned models run on the copy until one of them fails; that one has killed the mutant. PyTorch is loaded once and every
mutant runs in a fork of this process, so this needs Linux or macOS. What is known is kept in build/mutants.jsonl for
as long as the file that it is about does not change: interrupted, the same command goes on.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch is loaded

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[2]
KNOWN = PROJECT / "build" / "mutants.jsonl"
PAGE = Path(__file__).with_name("MUTANTS.md")
ALIVE = "nothing"  # killed it
ERROR = "not a test, but"  # pytest itself, and that is no kill

TESTS = {  # of each file: what is asked first; the others follow
    "so3": ["reference/test_so3_against_e3nn.py", "test_so3.py", "reference/test_nequip_against_nequip.py"],
    "segments": ["test_segments.py", "reference/test_representations_against_their_authors.py"],
    "radial": ["test_radial.py", "reference/test_representations_against_their_authors.py"],
    "scaling": ["neural/test_learned_models.py", "neural/test_behler_parrinello.py"],
    "neural/dtnn": ["reference/test_representations_against_their_authors.py", "neural/test_learned_models.py"],
    "neural/schnet": ["reference/test_representations_against_their_authors.py", "neural/test_learned_models.py"],
    "neural/painn": ["reference/test_representations_against_their_authors.py", "neural/test_learned_models.py"],
    "neural/nequip": ["reference/test_nequip_against_nequip.py", "neural/test_nequip.py"],
    "neural/probe": ["neural/test_probe.py"],
}
LAST = ("test_contract.py", "test_everything_can_be_differentiated_twice")  # take longest
LEFT_OUT = ("test_training_with_either_label_or_both", "test_it_learns", "test_four_structures")  # minutes
OF_CONTRACT = ("[dtnn", "[schnet", "[painn", "[nequip")


class Mutant(NamedTuple):
    """A fault.

    Attributes:
        file: below mininnip/, without .py.
        what: it is.
        old, new: text; the old one stands in the file exactly once.
    """

    file: str
    what: str
    old: str
    new: str


MUTANTS = [
    # --- so3 ---------------------------------------------------------------------------------------------------------
    Mutant(
        "so3",
        "polar axis is z",
        "[math.sqrt(3) * x, math.sqrt(3) * y, math.sqrt(3) * z]",
        "[math.sqrt(3) * y, math.sqrt(3) * z, math.sqrt(3) * x]",
    ),
    Mutant(
        "so3",
        "first two components of l = 2 swapped",
        "[math.sqrt(15) * x * z, math.sqrt(15) * x * y,",
        "[math.sqrt(15) * x * y, math.sqrt(15) * x * z,",
    ),
    Mutant(
        "so3",
        "sign of the last component of l = 2",
        "math.sqrt(15) / 2 * (z * z - x * x)",
        "math.sqrt(15) / 2 * (x * x - z * z)",
    ),
    Mutant("so3", "l = 2, m = 0 about z", "math.sqrt(5) / 2 * (3 * y * y - 1)", "math.sqrt(5) / 2 * (3 * z * z - 1)"),
    Mutant("so3", "norm of l = 2, m = 0", "math.sqrt(5) / 2 * (3 * y * y - 1)", "math.sqrt(5) * (3 * y * y - 1)"),
    Mutant("so3", "norm of l = 1", "[math.sqrt(3) * x, math.sqrt(3) * y, math.sqrt(3) * z]", "[x, y, z]"),
    Mutant("so3", "sign of a component of l = 3", "math.sqrt(105) * x * y * z", "-math.sqrt(105) * x * y * z"),
    Mutant("so3", "polynomial of l = 3, m = 0", "y * (5 * y * y - 3)", "y * (5 * y * y - 1)"),
    Mutant(
        "so3",
        "vectors not normalized",
        "(vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True))",
        "vectors",
    ),
    Mutant(
        "so3",
        "slope of the norm of a vector dropped",
        "torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)",
        "torch.linalg.vector_norm(vectors.detach(), dim=-1, keepdim=True)",
    ),
    Mutant("so3", "D-matrices without 2l + 1", "turned = (2 * degree + 1) * torch", "turned = torch"),
    Mutant("so3", "D-matrices of the inverse rotation", "abm,...ac,...bd,cdn->...mn", "abm,...ca,...db,cdn->...mn"),
    Mutant("so3", "a reflection passes as a rotation", " and (torch.linalg.det(fixed) > 0).all()", ""),
    Mutant("so3", "couplings with the other sign", "return torch.where(real.abs()", "return -torch.where(real.abs()"),
    Mutant("so3", "couplings not normalized", ", 0.0, real) / math.sqrt(2 * l3 + 1)", ", 0.0, real)"),
    Mutant("so3", "third harmonics not conjugated", "q3.conj()", "q3"),
    Mutant("so3", "signs in Racah's sum dropped", "Fraction((-1) ** k, below)", "Fraction(1, below)"),
    Mutant("so3", "a factor of Racah's sum dropped", "triangle * f(j + m) * f(j - m)", "triangle * f(j + m)"),
    Mutant("so3", "phase (−i)^l of real harmonics dropped", "return (-1j) ** l * torch", "return torch"),
    Mutant("so3", "sign (−1)^m of complex harmonics dropped", "(-1) ** m * half + 0j", "half + 0j"),
    Mutant("so3", "products subtracted", "columns[k] + c * a[..., i]", "columns[k] - c * a[..., i]"),
    Mutant(
        "so3", "couplings lose their signs", "    c = coupling(l1, l2, l3)\n", "    c = coupling(l1, l2, l3).abs()\n"
    ),
    # --- segments ----------------------------------------------------------------------------------------------------
    Mutant("segments", "rows not sorted", "torch.argsort(index, stable=True)", "torch.arange(len(index))"),
    Mutant("segments", "segments start where they end", "counts.cumsum(0) - counts", "counts.cumsum(0)"),
    Mutant("segments", "mean instead of sum", 'flat, starts, mode="sum")', 'flat, starts, mode="mean")'),
    Mutant(
        "segments",
        "second slope of handing out lost",
        "return _AddUp.apply(gradients[0], *ctx.segments), None",
        "return _AddUp.apply(gradients[0], *ctx.segments).detach(), None",
    ),
    Mutant(
        "segments",
        "second slope of adding up lost",
        "return _HandOut.apply(gradients[0], *ctx.segments), None",
        "return _HandOut.apply(gradients[0], *ctx.segments).detach(), None",
    ),
    Mutant(
        "segments",
        "slope of adding up has the other sign",
        "return _HandOut.apply(gradients[0], *ctx.segments), None",
        "return -_HandOut.apply(gradients[0], *ctx.segments), None",
    ),
    Mutant(
        "segments", "arrows without length", '"per_sample_weights": weights}', '"per_sample_weights": weights.sign()}'
    ),
    Mutant(
        "segments",
        "arrows have no slope in their direction",
        "_Along.apply(u, g, *ctx.of), _Overlap.apply(b, g, *ctx.of), None, None",
        "_Along.apply(u, g, *ctx.of), None, None, None",
    ),
    Mutant("segments", "filtered values stay where they were", "return _sums(rows, end)", "return _sums(rows, start)"),
    Mutant(
        "segments",
        "slope of filtered values goes to the wrong end",
        "slope_x = _Filtered.apply(g, w, end, start, pairs) if to_x else None\n        slope_w",
        "slope_x = _Filtered.apply(g, w, start, end, pairs) if to_x else None\n        slope_w",
    ),
    Mutant(
        "segments",
        "second slope of filters lost",
        "slope_w = _Agreement.apply(x, g, start, end, pairs)",
        "slope_w = _Agreement.apply(x, g, start, end, pairs).detach()",
    ),
    Mutant(
        "segments",
        "a slope of agreement lost",
        "slope_g = _Filtered.apply(x, w, start, end, pairs) if to_g else None",
        "slope_g = None",
    ),
    Mutant("segments", "one component agrees", "rows.sum(dim=1), pairs)", "rows[:, 0], pairs)"),
    Mutant("segments", "overlap of one component", "mul_(b[:, None]).sum(dim=2)", "mul_(b[:, None])[:, :, 0]"),
    Mutant(
        "segments",
        "one second slope of arrows lost",
        "return _Overlap.apply(b, g, *ctx.of), _Arrows.apply(b, u, *ctx.of), None, None",
        "return _Overlap.apply(b, g, *ctx.of), None, None, None",
    ),
    Mutant(
        "segments",
        "another second slope of arrows lost",
        "return _Along.apply(u, g, *ctx.of), _Arrows.apply(b, u, *ctx.of), None, None",
        "return _Along.apply(u, g, *ctx.of), None, None, None",
    ),
    Mutant(
        "segments",
        "i and j swapped",
        "Segments.of(i, graph.n_atoms), Segments.of(j, graph.n_atoms)",
        "Segments.of(j, graph.n_atoms), Segments.of(i, graph.n_atoms)",
    ),
    Mutant("segments", "all images of a pair are one", "* base**3 + direction * shift", "* base**3"),
    Mutant("segments", "an edge and its reverse are no pair", "* base**3 + direction * shift", "* base**3 + shift"),
    Mutant(
        "segments", "all images of an atom itself are one", "torch.where(i == j, shift, j - i).sign()", "(j - i).sign()"
    ),
    # --- radial ------------------------------------------------------------------------------------------------------
    Mutant("radial", "cosine cutoff without ½", "0.5 + 0.5 * torch.cos(", "1 + torch.cos("),
    Mutant(
        "radial",
        "cosine cutoff rises again beyond r_c",
        "torch.where(r < cutoff, 0.5 + 0.5 * torch.cos(math.pi * r / cutoff), torch.zeros_like(r))",
        "0.5 + 0.5 * torch.cos(math.pi * r / cutoff)",
    ),
    Mutant(
        "radial",
        "slope of the cosine cutoff dropped",
        "torch.cos(math.pi * r / cutoff)",
        "torch.cos(math.pi * r.detach() / cutoff)",
    ),
    Mutant(
        "radial",
        "cosine cutoff ends at half of its height",
        "torch.cos(math.pi * r / cutoff)",
        "torch.cos(0.5 * math.pi * r / cutoff)",
    ),
    Mutant("radial", "tanh² instead of tanh³", ".clamp(min=0)) ** 3", ".clamp(min=0)) ** 2"),
    Mutant("radial", "coefficient of the quintic switch", "(10 - 15 * x + 6 * x**2)", "(10 - 15 * x + 5 * x**2)"),
    Mutant("radial", "polynomial cutoff goes on beyond r_c", "x = (r / cutoff).clamp(max=1)", "x = r / cutoff"),
    Mutant("radial", "coefficient of the polynomial cutoff", "x * (p * (p + 2) -", "x * (p * (p + 1) -"),
    Mutant(
        "radial",
        "slope of the polynomial cutoff dropped",
        "x = (r / cutoff).clamp(max=1)",
        "x = (r.detach() / cutoff).clamp(max=1)",
    ),
    Mutant("radial", "Gaussians as wide as r_c / B", "width = cutoff / (n_basis - 1)", "width = cutoff / n_basis"),
    Mutant("radial", "Gaussians without ½", "(-0.5 / width**2)", "(-1 / width**2)"),
    Mutant(
        "radial", "Bessel functions without 1 / r", "(math.sqrt(2 / cutoff) / r)", "(math.sqrt(2 / cutoff) + 0 * r)"
    ),
    Mutant("radial", "norm of the Bessel functions", "(math.sqrt(2 / cutoff) / r)", "(math.sqrt(1 / cutoff) / r)"),
    Mutant("radial", "Bessel functions from n = 0", "torch.arange(1, n_basis + 1,", "torch.arange(0, n_basis,"),
    # --- scaling -----------------------------------------------------------------------------------------------------
    Mutant(
        "scaling",
        "shift of an energy outside of its scale",
        "self.scale[numbers] * (outputs + self.shift[numbers])",
        "self.scale[numbers] * outputs + self.shift[numbers]",
    ),
    Mutant(
        "scaling",
        "every element has the shift of hydrogen",
        "(outputs + self.shift[numbers])",
        "(outputs + self.shift[1])",
    ),
    Mutant("scaling", "spread of energies not per atom", ".square() / counts.sum(dim=1)).mean()", ".square()).mean()"),
    Mutant(
        "scaling",
        "mean of forces instead of their root mean square",
        'labels["forces"].double().square().mean().sqrt()',
        'labels["forces"].double().abs().mean()',
    ),
    Mutant("scaling", "shift not in units of the scale", "(shifts / scale)[new]", "shifts[new]"),
    Mutant(
        "scaling",
        "an element forgets what it learned",
        "new = ~self.known[elements]",
        "new = torch.ones_like(self.known[elements])",
    ),
    Mutant(
        "scaling",
        "features not shifted to mean 0",
        "(features - self.mean[kind]) / self.std[kind]",
        "features / self.std[kind]",
    ),
    Mutant(
        "scaling",
        "features not stretched to deviation 1",
        "(features - self.mean[kind]) / self.std[kind]",
        "features - self.mean[kind]",
    ),
    Mutant(
        "scaling", "a scale of zero", "scale = scale if scale > 1e-6 else torch.ones_like(scale)", "scale = scale + 0"
    ),
    # --- dtnn --------------------------------------------------------------------------------------------------------
    Mutant(
        "neural/dtnn",
        "an atom hears itself",
        "hand_out(self.atom_network(scalars), wiring.neighbors)",
        "hand_out(self.atom_network(scalars), wiring.centers)",
    ),
    Mutant(
        "neural/dtnn",
        "messages go to the wrong side",
        "add_up(messages, wiring.centers)",
        "add_up(messages, wiring.neighbors)",
    ),
    Mutant("neural/dtnn", "cutoff dropped", "from_distance)) * fading", "from_distance)) + 0 * fading"),
    Mutant(
        "neural/dtnn",
        "slope of the cutoff dropped",
        "cosine_cutoff(d_ij, self.cutoff)[:, None]",
        "cosine_cutoff(d_ij.detach(), self.cutoff)[:, None]",
    ),
    Mutant(
        "neural/dtnn",
        "cutoff inside of tanh",
        "torch.tanh(self.out_network(from_atom * from_distance)) * fading",
        "torch.tanh(self.out_network(from_atom * from_distance) * fading)",
    ),
    Mutant(
        "neural/dtnn",
        "messages not bent",
        "torch.tanh(self.out_network(from_atom * from_distance))",
        "self.out_network(from_atom * from_distance)",
    ),
    Mutant("neural/dtnn", "sum instead of product", "from_atom * from_distance))", "from_atom + from_distance))"),
    Mutant("neural/dtnn", "an atom forgets what it knew", "scalars.append(scalars[-1] + self", "scalars.append(self"),
    Mutant(
        "neural/dtnn",
        "a message that says something by itself",
        "n_factors, n_features, bias=False)",
        "n_factors, n_features, bias=True)",
    ),
    Mutant("neural/dtnn", "energy bent by another function", "nn.Tanh()", "nn.SiLU()"),
    Mutant("neural/dtnn", "one pass too few", "for _ in range(self.n_layers)", "for _ in range(self.n_layers - 1)"),
    Mutant(
        "neural/dtnn", "atoms hear each other before training", "        nn.init.zeros_(self.out_network.weight)\n", ""
    ),
    # --- schnet ------------------------------------------------------------------------------------------------------
    Mutant(
        "neural/schnet", "softplus not shifted", "nn.functional.softplus(x) - math.log(2)", "nn.functional.softplus(x)"
    ),
    Mutant("neural/schnet", "cutoff dropped", "self.network(basis) * fading", "self.network(basis) + 0 * fading"),
    Mutant(
        "neural/schnet",
        "slope of the cutoff dropped",
        "cosine_cutoff(r, self.cutoff)[:, None]",
        "cosine_cutoff(r.detach(), self.cutoff)[:, None]",
    ),
    Mutant(
        "neural/schnet",
        "slope of the Gaussians dropped",
        "return gaussian_basis(r, self",
        "return gaussian_basis(r.detach(), self",
    ),
    Mutant(
        "neural/schnet",
        "an atom hears itself",
        "self.filter(basis, fading), wiring)",
        "self.filter(basis, fading), wiring._replace(neighbors=wiring.centers))",
    ),
    Mutant(
        "neural/schnet",
        "messages go to the wrong side",
        "self.filter(basis, fading), wiring)",
        "self.filter(basis, fading), wiring._replace(centers=wiring.neighbors))",
    ),
    Mutant(
        "neural/schnet",
        "mean instead of sum",
        "return scalars + self.out_network(heard)",
        "return scalars + self.out_network(heard * len(scalars) / max(1, len(wiring.centers.index)))",
    ),
    Mutant(
        "neural/schnet",
        "sum instead of product",
        "add_up_filtered(self.in_network(scalars), self.filter(basis, fading), wiring)",
        "add_up_filtered(torch.ones_like(scalars), self.filter(basis, fading), wiring) + self.in_network(scalars)",
    ),
    Mutant(
        "neural/schnet", "an atom forgets what it knew", "return scalars + self.out_network", "return self.out_network"
    ),
    Mutant(
        "neural/schnet",
        "bias before the convolution",
        "nn.Linear(n_features, n_features, bias=False)",
        "nn.Linear(n_features, n_features)",
    ),
    Mutant(
        "neural/schnet",
        "all interactions are the first",
        "        for interaction in self.interactions:",
        "        for interaction in [self.interactions[0]] * len(self.interactions):",
    ),
    Mutant("neural/schnet", "weights start as PyTorch's", "        nn.init.xavier_uniform_(layer.weight)\n", ""),
    Mutant(
        "neural/schnet", "biases do not start at zero", "            nn.init.zeros_(layer.bias)\n", "            pass\n"
    ),
    # --- painn -------------------------------------------------------------------------------------------------------
    Mutant(
        "neural/painn", "sign of r_ij", "r_ij / hand_out(d_ij, wiring.pairs)", "-r_ij / hand_out(d_ij, wiring.pairs)"
    ),
    Mutant("neural/painn", "directions as long as edges", "r_ij / hand_out(d_ij, wiring.pairs)[:, None]", "r_ij"),
    Mutant(
        "neural/painn",
        "bias on vectors",
        "nn.Linear(n_features, 2 * n_features, bias=False)",
        "nn.Linear(n_features, 2 * n_features)",
    ),
    Mutant(
        "neural/painn",
        "vectors of neighbors not heard",
        "change = change + add_up_filtered(",
        "change = change + 0 * add_up_filtered(",
    ),
    Mutant(
        "neural/painn",
        "vectors of oneself heard",
        "vectors, filters[2], wiring)",
        "vectors, filters[2], wiring._replace(neighbors=wiring.centers))",
    ),
    Mutant(
        "neural/painn",
        "an atom hears itself",
        "hand_out(said[1], wiring.neighbors)",
        "hand_out(said[1], wiring.centers)",
    ),
    Mutant(
        "neural/painn",
        "scalars go to the wrong side",
        "return add_up_filtered(said[0], filters[0], wiring), change",
        "return add_up_filtered(said[0], filters[0], wiring._replace(centers=wiring.neighbors)), change",
    ),
    Mutant("neural/painn", "arrows carry what scalars should", "hand_out(filters[1],", "hand_out(filters[0],"),
    Mutant("neural/painn", "U and V swapped", "u, v = self.mix", "v, u = self.mix"),
    Mutant("neural/painn", "gates of scalars swapped", "a_ss, a_sv, *a_vv = gates", "a_sv, a_ss, *a_vv = gates"),
    Mutant("neural/painn", "product of vectors without its gate", "a_ss + a_sv * (u * v)", "a_ss + (u * v)"),
    Mutant(
        "neural/painn",
        "squares instead of lengths",
        "(v.square().sum(dim=1) + SMALLEST_SQUARE).sqrt()",
        "(v.square().sum(dim=1) + SMALLEST_SQUARE)",
    ),
    Mutant("neural/painn", "a length without a slope at zero", "SMALLEST_SQUARE = 1e-8", "SMALLEST_SQUARE = 0.0"),
    Mutant("neural/painn", "a component instead of a length", "(v.square().sum(dim=1) +", "(v[:, 0].square() +"),
    Mutant("neural/painn", "V v in place of U v", "a_vv[0][:, None] * u if", "a_vv[0][:, None] * v if"),
    Mutant("neural/painn", "cutoff dropped", "dim=1) * cosine_cutoff(r, self.cutoff)[:, None]", "dim=1)"),
    Mutant(
        "neural/painn",
        "slope of the cutoff dropped",
        "cosine_cutoff(r, self.cutoff)",
        "cosine_cutoff(r.detach(), self.cutoff)",
    ),
    Mutant(
        "neural/painn",
        "the constant does not fade",
        "torch.cat([basis, torch.ones_like(r)[:, None]], dim=1) * cosine_cutoff(r, self.cutoff)[:, None]",
        "torch.cat([basis * cosine_cutoff(r, self.cutoff)[:, None], torch.ones_like(r)[:, None]], dim=1)",
    ),
    Mutant(
        "neural/painn",
        "an atom forgets its scalars",
        "scalars, vectors = scalars + change[0], vectors + change[1]",
        "scalars, vectors = change[0], vectors + change[1]",
    ),
    Mutant(
        "neural/painn",
        "an atom forgets its vectors",
        "scalars, vectors = scalars + heard[0], vectors + heard[1]",
        "scalars, vectors = scalars + heard[0], heard[1]",
    ),
    # --- nequip ------------------------------------------------------------------------------------------------------
    Mutant("neural/nequip", "parity of harmonics forgotten", "parity * (-1) ** l2 > 0", "parity > 0"),
    Mutant("neural/nequip", "scalars lose their size", '"0e": EVEN * nn', '"0e": nn'),
    Mutant(
        "neural/nequip",
        "odd scalars bent by an even function",
        'torch.tanh(features["0o"])',
        'nn.functional.silu(features["0o"])',
    ),
    Mutant("neural/nequip", "gates not bent", "EVEN * nn.functional.silu(g) * features", "EVEN * g * features"),
    Mutant(
        "neural/nequip",
        "gates of other kinds",
        "zip(gated, gates, strict=True)",
        "zip(gated, reversed(gates), strict=True)",
    ),
    Mutant(
        "neural/nequip",
        "vectors bent component by component",
        "EVEN * nn.functional.silu(g) * features[kind]",
        "EVEN * nn.functional.silu(g) * torch.tanh(features[kind])",
    ),
    Mutant("neural/nequip", "n instead of its root", "values / n_neighbors.sqrt()", "values / n_neighbors"),
    Mutant("neural/nequip", "products without √(2l + 1)", "= math.sqrt(2 * l3 + 1) * c", "= c"),
    Mutant("neural/nequip", "sign of the couplings", "= math.sqrt(2 * l3 + 1) * c", "= -math.sqrt(2 * l3 + 1) * c"),
    Mutant(
        "neural/nequip",
        "couplings in the wrong place",
        "self.couplings[l2**2 + j, row + k,",
        "self.couplings[l2**2 + j, row + 2 * l3 - k,",
    ),
    Mutant(
        "neural/nequip",
        "an atom forgets what it knew",
        "new[kind] = new[kind] + own",
        "new[kind] = new[kind] + 0 * own",
    ),
    Mutant("neural/nequip", "an atom without neighbors has features", "own = {} if is_first else {", "own = {"),
    Mutant("neural/nequip", "cutoff dropped", " * polynomial_cutoff(d_ij, self.cutoff)[:, None]", ""),
    Mutant(
        "neural/nequip",
        "slope of the cutoff dropped",
        "polynomial_cutoff(d_ij, self.cutoff)",
        "polynomial_cutoff(d_ij.detach(), self.cutoff)",
    ),
    Mutant(
        "neural/nequip",
        "slope of directions dropped",
        "spherical_harmonics(r_ij, self.l_max)",
        "spherical_harmonics(r_ij.detach(), self.l_max)",
    ),
    Mutant(
        "neural/nequip",
        "sign of r_ij",
        "spherical_harmonics(r_ij, self.l_max)",
        "spherical_harmonics(-r_ij, self.l_max)",
    ),
    Mutant(
        "neural/nequip",
        "an atom hears itself",
        "hand_out(together, wiring.neighbors)",
        "hand_out(together, wiring.centers)",
    ),
    Mutant(
        "neural/nequip",
        "messages go to the wrong side",
        "weight[:, None], wiring.centers)",
        "weight[:, None], wiring.neighbors)",
    ),
    Mutant(
        "neural/nequip",
        "atoms in the order of elements",
        "torch.argsort(torch.cat(list(atoms)))",
        "torch.arange(sum(map(len, atoms)))",
    ),
    Mutant("neural/nequip", "all elements are the first", "@ matrices[k] for k, mine", "@ matrices[0] for k, mine"),
    Mutant(
        "neural/nequip", "radial network linear", "basis = nn.functional.silu(basis @ weight)", "basis = basis @ weight"
    ),
    Mutant("neural/nequip", "neighbors beyond the cutoff counted", "dim=1) < self.cutoff\n", "dim=1) < torch.inf\n"),
    Mutant("neural/nequip", "constant of tanh", "EVEN, ODD = 1.6765, 1.5925", "EVEN, ODD = 1.6765, 1.6925"),
    Mutant(
        "neural/nequip", "radial network starts too small", "            weight.data *= EVEN\n", "            pass\n"
    ),
    Mutant(
        "neural/nequip",
        "mixing starts too large",
        "{kind: torch.randn(a, b) / a**0.5 for",
        "{kind: torch.randn(a, b) for",
    ),
    Mutant("neural/nequip", "element's mixing starts too large", "/ (n_embedding * a) ** 0.5", "/ a**0.5"),
    # --- probe -------------------------------------------------------------------------------------------------------
    Mutant(
        "neural/probe",
        "atoms hear the probe",
        "torch.stack([graph.n_atoms + probe, image % graph.n_atoms])",
        "torch.stack([image % graph.n_atoms, graph.n_atoms + probe])",
    ),
    Mutant(
        "neural/probe",
        "images on the other side",
        "shifts[image // graph.n_atoms].to(",
        "-shifts[image // graph.n_atoms].to(",
    ),
    Mutant("neural/probe", "images in the first cell only", "*(range(-n, n + 1) for n", "*(range(0, 1) for n"),
    Mutant("neural/probe", "images of one side missing", "*(range(-n, n + 1) for n", "*(range(-n, n) for n"),
    Mutant(
        "neural/probe",
        "distances without lattice",
        "(shifts.to(places) @ graph.cell[0])[:, None]",
        "(shifts.to(places) @ graph.cell[0] * 0)[:, None]",
    ),
    Mutant("neural/probe", "only half of the reach", "(distances < cutoff)", "(distances < 0.5 * cutoff)"),
    Mutant("neural/probe", "a probe may lie on an atom", "< CLOSEST:", "< 0:"),
]


def mutated(mutant: Mutant) -> str:
    """The file with its fault.

    Raises:
        ValueError: the text to be replaced does not stand there exactly once.
    """
    text = source(mutant)
    if (n := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.file}, {mutant.what}: {mutant.old!r} stands there {n} times")
    return text.replace(mutant.old, mutant.new)


def source(mutant: Mutant) -> str:
    return (PROJECT / "mininnip" / f"{mutant.file}.py").read_text(encoding="utf-8")


def key(mutant: Mutant) -> str:
    """Of a file with its fault."""
    return hashlib.sha256(f"{mutant.file} {mutated(mutant)}".encode()).hexdigest()[:16]


# --- one mutant ------------------------------------------------------------------------------------------------------


class Watch:
    """Plugin of pytest: the order of the tests, and which of them fails first."""

    def __init__(self, first: Sequence[str]):
        self.first, self.killer = list(first), ALIVE

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self._counts(item.nodeid)]
        items.sort(key=lambda item: self._place(item.nodeid))

    def _counts(self, name: str) -> bool:
        if "test_contract.py" in name and not any(model in name for model in OF_CONTRACT):
            return False
        return not any(part in name for part in LEFT_OUT)

    def _place(self, name: str) -> int:
        if any(part in name for part in LAST):
            return len(self.first) + 1
        return next((k for k, file in enumerate(self.first) if file in name), len(self.first))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and self.killer == ALIVE:
            self.killer = report.nodeid.removeprefix("tests/")


def copy_of_project(folder: Path) -> None:
    """What the tests need."""
    for name in ("mininnip", "tests"):
        shutil.copytree(
            PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "browser", "answers")
        )
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / "data").symlink_to(PROJECT / "data")


def killer_of(folder: Path, file: str) -> str:
    """Which test of a copy fails first; it runs in a fork, because a module is imported only once."""
    read, write = os.pipe()
    if child := os.fork():
        os.close(write)
        with os.fdopen(read) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        if not answer or answer.startswith(ERROR):
            raise SystemExit(answer or "the fork has crashed")
        return answer
    try:
        os.close(read)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        import mininnip

        assert Path(mininnip.__file__).is_relative_to(folder)
        watch = Watch(TESTS[file])
        files = dict.fromkeys(name for names in TESTS.values() for name in names)
        names = [f"tests/{name}" for name in [*files, "neural/test_nequip.py", "test_contract.py"]]
        pytest.main(["-q", "-x", "-p", "no:cacheprovider", *dict.fromkeys(names)], [watch])
        os.write(write, watch.killer.encode())
    except BaseException as error:
        os.write(write, f"{ERROR} {error!r}".encode())
    finally:
        os._exit(0)


def hunt(mutants: Sequence[Mutant], again: bool) -> None:
    """Run those that are not yet known to be dead, or all of them again.

    Raises:
        SystemExit: the tests fail without a fault, too.
    """
    import ase.build  # noqa: F401  (loaded once for all)
    import nbclient  # noqa: F401
    import scipy.spatial  # noqa: F401
    import torch

    assert "mininnip" not in sys.modules
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    KNOWN.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        copy_of_project(folder)
        if known().get(key_of_everything()) != ALIVE:
            if (killer := killer_of(folder, "neural/nequip")) != ALIVE:
                raise SystemExit(f"{killer} fails without a fault")
            note(key_of_everything(), ALIVE)
        for mutant in mutants:
            if known().get(key(mutant), ALIVE) != ALIVE and not again:
                continue
            file, start = folder / "mininnip" / f"{mutant.file}.py", time.perf_counter()
            file.write_text(mutated(mutant), encoding="utf-8")
            killer = killer_of(folder, mutant.file)
            file.write_text(source(mutant), encoding="utf-8")
            note(key(mutant), killer)
            print(f"{mutant.file}, {mutant.what}: {killer} ({time.perf_counter() - start:.0f} s)", flush=True)


def key_of_everything() -> str:
    """Of package and tests as they are."""
    files = [path for folder in ("mininnip", "tests") for path in sorted((PROJECT / folder).rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def note(key: str, killer: str) -> None:
    with KNOWN.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps([key, killer]) + "\n")


def known() -> dict[str, str]:
    """Killers by key."""
    return dict(map(json.loads, KNOWN.read_text(encoding="utf-8").splitlines())) if KNOWN.exists() else {}


def page() -> str:
    """MUTANTS.md."""
    killers = known()
    rows = [(mutant, killers.get(key(mutant))) for mutant in MUTANTS]
    tried = [killer for _, killer in rows if killer]
    dead = sum(killer != ALIVE for killer in tried)
    lines = ["# Mutants", "", "Written by `tests/reference/mutants.py`; do not edit.", ""]
    lines += [
        "One fault at a time, and the first test that sees it. Of the first 130, four survived until a test was added:"
    ]
    lines += [
        "the sign of r_ij in PaiNN and NequIP, which energy and forces cannot see, a bias before SchNet's convolution,"
    ]
    lines += ["and a scale that the forces of the test could not tell from another."]
    lines += ["", f"{dead} of {len(tried)} killed ({100 * dead / max(1, len(tried)):.0f} %).", ""]
    lines += ["| file | fault | killed by |", "|---|---|---|"]
    lines += [f"| {mutant.file} | {mutant.what} | `{killer or 'not tried'}` |" for mutant, killer in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="parts of names of files; default: all")
    parser.add_argument("--table", action="store_true", help="run nothing")
    asked = parser.parse_args()
    if not asked.table:
        hunt([m for m in MUTANTS if not asked.files or any(part in m.file for part in asked.files)], bool(asked.files))
    PAGE.write_text(page(), encoding="utf-8")
    print(page())


if __name__ == "__main__":
    main()
