"""Files of potentials: whatever stands in one, loading it calls nothing, imports nothing and ends in one sentence."""

import json
import random
import sys

import numpy as np
import pytest
import torch
from ase.build import bulk

import mininnip as mn
from mininnip.arguments import described
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello, CoordinateNetwork, Distances
from mininnip.saving import KEY, write_tensors

EVIL = ["os:system", "subprocess:run", "builtins:eval", "torch.hub:load", "torch:load", "importlib:import_module"]
EVIL += ["mininnip.student:open_lab", "mininnip.saving:load", "mininnip.data.public:download", "mininnip.model:Model"]
EVIL += [
    "mininnip.neural.mlp:MLP",
    "",
    ":",
    "x" * 10_000,
    "mininnip:",
    "torch:",
    "torch:set_default_dtype",
    "__main__:x",
]
NASTY = [None, True, -1, 0, 10**9, 10**30, 1e308, float("nan"), "", [], {}, [[]], {"class": "x"}, [10**6, 10**6], "5"]
DANGEROUS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "webbrowser.open"}

CALLED: list[str] = []
sys.addaudithook(lambda event, _: CALLED.append(event) if event in DANGEROUS else None)


def potentials():
    functions = SymmetryFunctions((14,), 5.0, [(0.1, 0.0)], g4=[(0.1, 2, 1)])
    topology = mn.classical.Topology.from_bonds([8, 1, 1], [(0, 1), (0, 2)])
    bonded = {"bond_k": 20.0, "bond_r0": 0.96, "angle_k": 2.0, "angle_theta0": 1.82}
    bonded |= {"epsilon": 0.01, "sigma": 2.0, "charges": [-0.8, 0.4, 0.4]}
    law, network = mn.classical.lennard_jones, BehlerParrinello(functions, (7, 5))
    models = [
        network,
        CoordinateNetwork(Distances([(0, 1)]), [14, 14], (4,), torch.nn.functional.silu),
        mn.classical.PairPotential(law, 5.0, elements=(14, 32), epsilon=[[0.3, 0.2], [0.2, 0.1]], sigma=2.1),
        mn.classical.StillingerWeber(),
        mn.classical.ForceField(topology, bonded),
    ]
    return [mn.Potential(model) for model in models]


def places(part, path=()):
    """Every place in a description, as the keys that lead to it."""
    yield path
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from places(value, (*path, key))


def changed(description, path, value):
    copy = json.loads(json.dumps(description))
    if not path:
        return value
    part = copy
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return copy


def test_a_forged_description_calls_nothing_and_ends_in_a_sentence(tmp_path, cases):
    dice, refused, loaded, file = random.Random(0), [], 0, tmp_path / "forged"
    candidates = [(described(p.model), dict(p.state_dict())) for p in potentials()]
    before = set(sys.modules)
    CALLED.clear()
    for _ in range(cases(short=150, long=3000)):
        description, tensors = dice.choice(candidates)
        path = dice.choice(list(places(description)))
        value = dice.choice(
            [*EVIL, *NASTY, {"function": dice.choice(EVIL)}, {"class": dice.choice(EVIL), "arguments": {}}]
        )
        if path and path[-1] in ("function", "class"):
            value = dice.choice(EVIL)
        write_tensors(file, tensors, changed(description, path, value), KEY)
        try:
            mn.load(file)
            loaded += 1
        except ValueError as error:
            refused.append(str(error))
    assert not CALLED
    assert not [sentence for sentence in refused if "\n" in sentence or str(file) not in sentence]
    assert not {name for name in set(sys.modules) - before if not name.startswith(("torch", "numpy", "mininnip"))}
    assert len(refused) > loaded
    print(f"{len(refused)} forged files refused, {loaded} harmless, 0 calls, 0 foreign errors")


def test_a_flipped_byte_never_changes_a_potential(tmp_path, cases):
    dice, file = random.Random(1), tmp_path / "potential"
    potential = potentials()[0]
    mn.save(potential, file)
    content, graph = file.read_bytes(), mn.Graph.from_atoms(bulk("Si", cubic=True), 5.0)
    expected, refused = potential(graph)["energy"], []
    for _ in range(cases(short=40, long=500)):
        damaged = bytearray(content)
        damaged[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        file.write_bytes(damaged)
        try:
            found = mn.load(file)(graph)["energy"]
        except ValueError as error:
            refused.append(str(error))
        else:
            assert torch.equal(found, expected)
    assert refused and not [sentence for sentence in refused if "\n" in sentence]


def test_every_model_comes_back(tmp_path):
    for potential in potentials():
        mn.save(potential, tmp_path / "potential")
        back = mn.load(tmp_path / "potential")
        assert described(back.model) == described(potential.model)
        for name, tensor in potential.state_dict().items():
            np.testing.assert_array_equal(back.state_dict()[name], tensor)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 5000, "nonsense", "null", '"text"', "[]", "{}"])
def test_metadata_that_is_no_description(tmp_path, text):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "x", metadata={KEY: text})
    with pytest.raises(ValueError, match=r"x (is damaged|is not loaded|holds tensors)"):
        mn.load(tmp_path / "x")
