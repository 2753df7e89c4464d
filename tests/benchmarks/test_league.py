"""The league: rows come once, the committed tables are those of its file, torn molecules are counted as torn."""

import json

import league
import pytest
import torch
from league import Entry, Rules

import mininnip as mn
from mininnip.descriptors import SymmetryFunctions
from mininnip.model import Model
from mininnip.neural import BehlerParrinello, SchNet

TINY = Rules(seconds=0.2, n_train=8, n_valid=4, batch_size=4, seeds=2, molecules=3, picoseconds=0.005, rounds=1)


def small_network():
    return BehlerParrinello(SymmetryFunctions((1, 6, 8), 4.0, ((2.0, 1.0), (2.0, 1.5))), (4,))


@pytest.fixture
def two_models(tmp_path, monkeypatch):
    monkeypatch.setattr(league, "RESULTS", tmp_path / "league.jsonl")
    monkeypatch.setattr(league, "POTENTIALS", tmp_path / "potentials")
    models = {"fixed": Entry(small_network, 1e-2), "learned": Entry(lambda: SchNet(4.0, 4, 1, 4), 1e-2)}
    monkeypatch.setattr(league, "MODELS", models)
    return models


def test_a_tiny_league_is_held_once_and_grows(two_models):
    league.contest(TINY, workers=1)
    rows = league.known(TINY)
    whats = [(row["what"], row["model"], row.get("seed")) for row in rows]
    expected = [("cost", None), ("training", 0), ("training", 1), ("dynamics", 0)]
    assert sorted(whats, key=str) == sorted(((w, m, s) for m in two_models for w, s in expected), key=str)
    for row in rows:
        if row["what"] == "training":
            assert row["seconds"] > 0 and row["epochs"] >= 1
            assert min(row[f"{kind} {t}"] for kind in ("energy", "forces") for t in league.TEMPERATURES) > 1
        if row["what"] == "dynamics":
            assert len(row["whole for, ps"]) == 3
            assert 50 < row["temperature"] < 5000
    before = league.RESULTS.read_text(encoding="utf-8")
    league.contest(TINY, workers=1)
    assert league.RESULTS.read_text(encoding="utf-8") == before
    table = league.table(rows, TINY).splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == ["| fixed", "| learned"]
    assert all(line.count("|") == table[0].count("|") for line in table)
    assert "of 3 |" in table[2]

    two_models["learned"] = Entry(two_models["learned"].model, 5e-3)  # another rate: another model
    assert {row["model"] for row in league.known(TINY)} == {"fixed"}
    assert not league.known(Rules())


def test_the_epochs_fill_the_time():
    cost = {"first epoch": 3.0, "epoch": 1.0}
    assert league.epochs_of(cost, Rules(seconds=30.0)) == 28  # two seconds of preparation
    assert league.epochs_of(cost, Rules(seconds=0.1)) == 1


def test_a_torn_bond_is_seen_and_a_broken_number_too():
    ethanol = league.frames(TINY)[2][300]
    positions = torch.tensor(ethanol[:4].positions).reshape(4, 9, 3)
    lengths = league.bonds()[1]
    assert len(lengths) == 8
    positions[1, 3] += torch.tensor([3.0, 0.0, 0.0])  # the hydrogen of the hydroxyl group
    positions[2, 0, 0] = torch.nan
    assert league.are_whole(positions).tolist() == [True, False, False, True]


class Springs(Model):
    """Every atom is tied to a place of its own."""

    def __init__(self, places, stiffness):
        super().__init__()
        self.places, self.stiffness = places, stiffness

    def forward(self, graph):
        n = graph.n_atoms
        return {"energies": 0.5 * self.stiffness * (graph.positions - self.places[:n]).square().sum(dim=1)}


def test_molecules_without_forces_fly_apart_one_after_the_other():
    start = league.starts(league.frames(TINY)[2][500], 5)
    whole_for, _ = league.dynamics(mn.Potential(Springs(torch.tensor(start.positions), 0.0)), start, 0.2, 0.5)
    assert len(set(whole_for)) > 1
    assert 0 < min(whole_for) < max(whole_for) < 0.2


def test_the_bath_has_the_temperature_it_promises():
    start = league.starts(league.frames(TINY)[2][500], 10)
    whole_for, temperature = league.dynamics(
        mn.Potential(Springs(torch.tensor(start.positions), 20.0)), start, 0.4, 0.5
    )
    assert whole_for == [0.4] * 10
    assert temperature == pytest.approx(500, rel=0.15)


def test_the_committed_tables_are_those_of_the_committed_rows(repository):
    rules = Rules()
    rows = league.known(rules)
    committed = [json.loads(line) for line in league.RESULTS.read_text(encoding="utf-8").splitlines()]
    assert rows == committed, "league.jsonl holds rows of other settings; run league.py and remove them"
    page = (repository / "tests" / "benchmarks" / "LEAGUE.md").read_text(encoding="utf-8")
    assert page == league.page(rows, rules)
    assert league.table(rows, rules) in (repository / "README.md").read_text(encoding="utf-8")


def test_what_the_readme_says_of_the_table(repository):
    """Small errors are no promise: whoever holds the league again reads that sentence again."""
    readme = " ".join((repository / "README.md").read_text(encoding="utf-8").split())
    assert "at 300 K Behler–Parrinello errs least in forces, and all its molecules are torn within 5 ps" in readme
    assert "SchNet, PaiNN and NequIP keep 29 of 30" in readme
    rules = Rules()
    rows = league.known(rules)
    errors = {name: sum(row["forces 300"] for row in league.trainings(rows, name)) for name in league.MODELS}
    runs = {row["model"]: row for row in rows if row["what"] == "dynamics"}
    assert min(errors, key=errors.__getitem__) == "Behler–Parrinello"
    assert max(runs["Behler–Parrinello"]["whole for, ps"]) < 5
    assert sum(league.survivors(runs[name], rules) for name in ("SchNet", "PaiNN", "NequIP")) == 29
