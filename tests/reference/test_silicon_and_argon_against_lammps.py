"""Stillinger-Weber, Lennard-Jones and Buckingham-Coulomb against LAMMPS; numbers frozen by make_lammps.py."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mininnip.classical import PairPotential, StillingerWeber, buckingham_coulomb, lennard_jones
from mininnip.classical.pair import COULOMB
from mininnip.graph import Graph
from mininnip.potential import Potential

FROZEN = np.load(Path(__file__).with_name("lammps.npz"))
PARAMETERS = json.loads(str(FROZEN["provenance"]))
TOLERANCE = 1e-11  # of the largest number compared

SILICON = ["silicon_crystal", "silicon_liquid", "silicon_primitive", "silicon_sheared", "silicon_slab"]
ARGON = ["argon_crystal", "argon_sheared", "argon_small_cell", "argon_cluster"]


def evaluate(model, case):
    """Our results for one frozen structure, as NumPy arrays."""
    structure = {name: FROZEN[f"{case}_{name}"] for name in ("numbers", "positions", "cell", "pbc")}
    graph = Graph.from_arrays(**structure, cutoff=model.cutoff)
    out = Potential(model)(graph, forces=True, stress=bool(structure["pbc"].all()))
    return {name: value.numpy() for name, value in out.items()}


def assert_close(ours, case, quantity, tolerance=TOLERANCE):
    expected = FROZEN[f"{case}_{quantity}"]
    assert ours.shape in (expected.shape, (1, *expected.shape))  # results have one row per structure
    error = np.abs(ours - expected).max() / np.abs(expected).max()
    assert error < tolerance, f"{case}, {quantity}: relative error {error:.1e}"


def stillinger_weber():
    p = PARAMETERS["silicon"]
    names = {"lambda": "strength"} | {name: name for name in ("epsilon", "sigma", "A", "B", "a", "gamma")}
    return StillingerWeber(**{ours: p[theirs] for theirs, ours in names.items()})


def argon(truncation):
    p = PARAMETERS["argon"]
    return PairPotential(lennard_jones, p["cutoff"], truncation, epsilon=p["epsilon"], sigma=p["sigma"])


@pytest.mark.parametrize("case", SILICON)
def test_stillinger_weber_silicon(case):
    ours = evaluate(stillinger_weber(), case)
    assert_close(ours["energy"], case, "energy")
    assert_close(ours["energies"], case, "vertex_energies")
    assert_close(ours["forces"], case, "forces")
    if "stress" in ours:
        assert_close(ours["stress"], case, "stress")


def test_stillinger_weber_defaults_are_the_frozen_parameters():
    assert evaluate(StillingerWeber(), SILICON[0])["energy"] == evaluate(stillinger_weber(), SILICON[0])["energy"]


@pytest.mark.parametrize("case", SILICON)
def test_pair_part_of_silicon(case):
    """Without triplets, what remains is the pair term with each pair shared in halves."""
    p = PARAMETERS["silicon"]
    model = StillingerWeber(strength=0.0, epsilon=p["epsilon"], sigma=p["sigma"])
    assert_close(evaluate(model, case)["energies"], case, "pair_energies")


@pytest.mark.parametrize("case", ARGON)
def test_shifted_lennard_jones_argon(case):
    ours = evaluate(argon("shifted"), case)
    for quantity in ("energy", "energies", "forces"):
        assert_close(ours[quantity], case, quantity)
    if "stress" in ours:
        assert_close(ours["stress"], case, "stress")


def test_plain_lennard_jones_argon():
    ours = evaluate(argon("plain"), "argon_unshifted")
    for quantity in ("energy", "energies", "forces", "stress"):
        assert_close(ours[quantity], "argon_unshifted", quantity)


def test_buckingham_coulomb_salt():
    """Eight ions of both signs. LAMMPS rounds the Coulomb constant to eight digits; the charges make up for that."""
    p = PARAMETERS["salt"]
    product = p["charge"] ** 2 * p["coulomb_constant"] / COULOMB
    charge_product = [[product, -product], [-product, product]]
    parameters = {"A": p["A"], "B": 1 / p["rho"], "C": p["C"], "charge_product": charge_product}
    model = PairPotential(buckingham_coulomb, p["cutoff"], "plain", elements=[11, 17], **parameters)
    ours = evaluate(model, "salt_cluster")
    for quantity in ("energy", "energies", "forces"):
        assert_close(ours[quantity], "salt_cluster", quantity)
    assert torch.tensor(PARAMETERS["salt"]["coulomb_constant"]).item() == pytest.approx(COULOMB, rel=1e-7)
