"""The loop: what is selected, what a labeler may do wrong, and kill -9 at any moment."""

import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from mininnip import Ensemble, Graph, Potential
from mininnip.active_learning import learn, most_informative
from mininnip.classical import PairPotential, lennard_jones
from mininnip.data.dataset import Dataset
from mininnip.surfaces import double_well_2d, plane

TRUTH = plane.labeler(double_well_2d)


def start():
    graph = plane.as_graph(torch.tensor([[-0.7, 0.0], [-0.8, 0.1], [-0.6, -0.1]], dtype=torch.float64))
    return Dataset.from_graph(graph, TRUTH(graph), "well")


def train(data, generation):
    """A committee that costs nothing and depends on its data: the loop does not look inside."""
    epsilons = (1.0 + generation, 2.0 + len(data))
    return Ensemble([Potential(PairPotential(lennard_jones, 6.0, epsilon=e, sigma=1.0)) for e in epsilons])


def propose(committee, data, generation):
    generator = torch.Generator().manual_seed(100 * generation + len(data))
    return plane.as_graph(torch.rand(30, 2, generator=generator, dtype=torch.float64) * 2.4 - 1.2)


def select(committee, data, candidates):
    spreads = torch.linspace(0, 1, candidates.n_structures)
    known = plane.as_points(data.graph(None))
    return most_informative(spreads, plane.as_points(candidates), known, 5, threshold=0.2)


PARTS = {"train": train, "propose": propose, "select": select, "label": TRUTH}


def finish(journal=None, **parts):
    return list(learn(start(), **(PARTS | parts), generations=4, journal=journal))


def same(a, b):
    names = ("n_atoms", "numbers", "positions", "energy", "forces")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def test_every_generation_adds_its_labels():
    ended = finish()
    assert [len(generation.data) for generation in ended] == [8, 13, 18, 23]
    assert [generation.number for generation in ended] == [0, 1, 2, 3]
    points = torch.tensor(ended[-1].data.positions[:, :2])
    assert np.array_equal(ended[-1].data.energy, double_well_2d(points).numpy())
    assert len(np.unique(points, axis=0)) == 23


def test_a_run_that_ended_is_read_again_without_a_label(tmp_path):
    first = finish(tmp_path / "journal")

    def never(structure):
        raise AssertionError("labeled twice")

    again = finish(tmp_path / "journal", label=never)
    assert same(first[-1].data, again[-1].data)
    assert not again[-1].failed


def test_half_a_line_is_half_a_label(tmp_path):
    path, full = tmp_path / "journal", finish()
    finish(path)
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(20):
        path.write_bytes(whole[: rng.randrange(len(whole))])
        assert same(finish(path)[-1].data, full[-1].data)
        assert path.read_bytes() == whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a copy of this process is killed, which needs fork")
@pytest.mark.parametrize("n_threads", [1, 3])
def test_killed_twenty_times_it_ends_in_the_same_state(tmp_path, n_threads):
    journal, log, full = tmp_path / "journal", tmp_path / "log", finish()

    def slow(structure):
        time.sleep(0.005 * n_threads)
        with log.open("a") as file:
            file.write(f"{structure.positions.tolist()}\n")
        return TRUTH(structure)

    kills, rng = 0, random.Random(1)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            finish(journal, label=slow, executor=ThreadPoolExecutor(n_threads) if n_threads > 1 else None)
            os._exit(0)
        time.sleep(rng.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        kills += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert kills == 20 or journal.read_bytes().count(b'"label"') == 20
    assert kills >= 5
    ended = finish(journal)
    assert same(ended[-1].data, full[-1].data)
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    labels = [tuple(entry["label"]) for entry in entries if "label" in entry]
    assert len(labels) == len(set(labels)) == 20
    called = log.read_text().splitlines() if log.exists() else []
    assert len(called) <= 20 + n_threads * kills, "at most the labels under way are computed again"


def broken(structure):
    """Of five kinds of answers four are none."""
    k = broken.calls = broken.calls + 1
    if k % 5 == 1:
        raise RuntimeError("no convergence")
    answer = TRUTH(structure)
    if k % 5 == 2:
        return answer | {"forces": answer["forces"][:, :2]}
    if k % 5 == 3:
        return answer | {"energy": torch.tensor([torch.nan])}
    return {"energy": answer["energy"]} if k % 5 == 4 else answer


def test_what_the_labeler_cannot_do_is_set_aside_with_the_reason(tmp_path):
    broken.calls = 0
    ended = finish(tmp_path / "journal", label=broken)
    assert [len(generation.new) for generation in ended] == [1, 1, 1, 1]
    reasons = ended[0].failed
    assert reasons[0] == "RuntimeError: no convergence"
    assert "shapes (1,) and (1, 2)" in reasons[1]
    assert "not finite" in reasons[2]
    assert reasons[3] == "KeyError: 'forces'"
    again = finish(tmp_path / "journal", label=broken)
    assert again[0].failed == reasons
    assert broken.calls == 20, "what failed is not tried again"


def test_side_by_side_it_ends_in_the_same_state(tmp_path):
    with ThreadPoolExecutor(3) as executor:
        assert same(finish(tmp_path / "journal", executor=executor)[-1].data, finish()[-1].data)
    assert same(finish(tmp_path / "journal")[-1].data, finish()[-1].data)


def test_a_labeler_that_hangs_costs_its_structure_only():
    def hangs(structure):
        if float(structure.positions[0, 0]) < -0.9:
            time.sleep(30)
        return TRUTH(structure)

    ended = finish(label=hangs, patience=0.3)
    reasons = {reason for generation in ended for reason in generation.failed.values()}
    assert reasons == {"no answer within 0.3 s"} and 3 < len(ended[-1].data) < 23


def test_interrupted_by_hand_it_goes_on(tmp_path):
    def stop(structure):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finish(tmp_path / "journal", label=stop)
    assert same(finish(tmp_path / "journal")[-1].data, finish()[-1].data)


def test_a_journal_of_other_data_and_a_damaged_one_are_refused(tmp_path):
    path = tmp_path / "journal"
    finish(path)
    with pytest.raises(ValueError, match="journal of other data"):
        list(learn(start()[:2], **PARTS, generations=1, journal=path))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[3][:20], *lines[4:]]) + "\n")
    with pytest.raises(ValueError, match="line 4 of journal is damaged"):
        finish(path)


def test_a_candidate_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="candidate 30 was selected, there are 30"):
        finish(select=lambda committee, data, candidates: torch.tensor([30]))


def test_any_potential_labels_molecules_with_edges(tmp_path):
    truth = Potential(PairPotential(lennard_jones, 4.0, epsilon=0.01, sigma=1.0))
    frames = [molecule("NH3"), molecule("H2O")]
    graph = Graph.from_atoms(frames, 4.0)
    data = Dataset.from_graph(graph, truth(graph), "molecules")

    def rattled(committee, data, generation):
        moved = [atoms.copy() for atoms in frames]
        for atoms in moved:
            atoms.rattle(0.1, seed=generation)
        return Graph.from_atoms(moved, 4.0)

    options = {"train": train, "propose": rattled, "label": truth, "generations": 2}
    loop = learn(data, select=lambda *_: torch.tensor([1, 0]), journal=tmp_path / "j", **options)
    ended = list(loop)[-1].data
    assert ended.n_atoms.tolist() == [4, 3, 3, 4, 3, 4]
    energies = truth(ended.graph(4.0))["energy"]
    assert np.allclose(ended.energy, energies, atol=1e-12)


def test_selection_takes_the_uncertain_and_no_two_alike():
    spreads = torch.tensor([1.0, 5.0, 5.0, 5.0, 9.0])
    features = torch.tensor([[9.0], [4.0], [4.0], [1.0], [0.0]])
    known = torch.tensor([[0.0]])
    assert most_informative(spreads, features, known, 5, threshold=2.0).tolist() == [1, 3]
    assert most_informative(spreads, features, known, 1, threshold=2.0).tolist() == [1]
    assert most_informative(spreads, features, known, 5, threshold=2.0, apart=1.5).tolist() == [1]
    assert most_informative(spreads, features, known, 5, threshold=9.0).tolist() == []
    with pytest.raises(ValueError, match=r"\(S,\), \(S, B\) and \(D, B\)"):
        most_informative(spreads, features, torch.zeros(1, 2), 5)


def test_selection_does_not_turn_with_the_molecules():
    """Spread of vectors and sorted distances: what the released code's criterion on components does not keep."""
    from mininnip.neural import SortedDistances
    from mininnip.uncertainty import force_spread

    rng, frames = np.random.default_rng(0), []
    for _ in range(12):
        frames.append(Atoms("Ar3", rng.normal(scale=0.2, size=(3, 3)) + [(0, 0, 0), (1.5, 0, 0), (0, 1.5, 0)]))
    members = [Potential(PairPotential(lennard_jones, 6.0, epsilon=e, sigma=1.2)) for e in (1.0, 1.4)]
    chosen = []
    for turned in (False, True):
        for atoms in frames:
            if turned:
                atoms.rotate(rng.uniform(0, 360), rng.normal(size=3))
        graph = Graph.from_atoms(frames, 6.0)
        spreads = force_spread(Ensemble(members), graph)
        features = SortedDistances(3)(graph.positions.reshape(-1, 3, 3))
        chosen.append(most_informative(spreads, features, features[:1], 4, float(spreads.median())).tolist())
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 4
