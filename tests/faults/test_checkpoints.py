"""Checkpoints: killed at any moment a training goes on bit for bit; a damaged or foreign file is refused."""

import multiprocessing
import os
import random
import stat
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.data.sets import Dataset, load_data
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello
from mininnip.training import train

SETTINGS = {"epochs": 8, "batch_size": 4, "learning_rate": 5e-3}


def small_data() -> tuple[Dataset, Dataset, Dataset]:
    data = load_data("ethanol_gfn2")
    assert isinstance(data, Dataset)
    return data.split(12, 4, 4, seed=0)


def small_potential(seed=0):
    torch.manual_seed(seed)
    return mn.Potential(BehlerParrinello(SymmetryFunctions((1, 6, 8), 4.0, [(0.05, 0.0), (2.0, 1.5)]), (6,)))


def run(path, **changes):
    """One training to the end, or until it is killed."""
    torch.set_num_threads(1)
    potential, (first, second, _) = small_potential(), small_data()
    history = train(potential, first, second, checkpoint=path, progress=False, device="cpu", **{**SETTINGS, **changes})
    return history, potential


def weights(potential):
    return {name: tensor.nan_to_num() for name, tensor in potential.state_dict().items()}


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal")
def test_killed_at_any_moment_it_goes_on_bit_for_bit(tmp_path, cases):
    expected, whole = run(None)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["mininnip.training", "mininnip.neural", "mininnip.data.sets"])
    start = time.perf_counter()
    process = processes.Process(target=run, args=(tmp_path / "unharmed",))
    process.start()
    process.join()
    duration, kills, dice, path = time.perf_counter() - start, 0, random.Random(0), tmp_path / "training"
    while kills < cases(short=3, long=100):
        process = processes.Process(target=run, args=(path,))
        process.start()
        process.join(dice.uniform(0, duration))
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        if process.exitcode == 0 or not kills % 8:  # sometimes far, sometimes never past the first epochs
            history, potential = run(path)
            assert history.epochs == expected.epochs
            assert all(torch.equal(weights(potential)[name], tensor) for name, tensor in weights(whole).items())
            path.unlink()
    history, potential = run(path)
    assert history.epochs == expected.epochs
    assert all(torch.equal(weights(potential)[name], tensor) for name, tensor in weights(whole).items())
    print(f"killed {kills} times, resumed bit for bit")


def test_a_flipped_byte_is_refused_or_harmless(tmp_path, cases):
    """Every byte of the file counts, or is white space of its header."""
    path, dice, refused = tmp_path / "training", random.Random(1), []
    expected, whole = run(path)
    content = path.read_bytes()
    for _ in range(cases(short=20, long=200)):
        damaged = bytearray(content)
        place = dice.randrange(len(content))
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            history, potential = run(path)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert history.epochs == expected.epochs, place
            assert all(torch.equal(weights(potential)[name], tensor) for name, tensor in weights(whole).items()), place
    assert len(refused) >= 0.9 * cases(short=20, long=200)
    assert all("delete it to start anew" in sentence for sentence in refused)
    print(f"{len(refused)} of {cases(short=20, long=200)} damaged files refused, the others harmless")


def test_a_file_cut_short_is_refused(tmp_path, cases):
    path, dice = tmp_path / "training", random.Random(2)
    run(path)
    content = path.read_bytes()
    for length in [0, 1, 7, 8, 9, *(dice.randrange(len(content)) for _ in range(cases(short=5, long=100)))]:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"no checkpoint that can be read: .*delete it to start anew"):
            run(path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 1e-2}, r"other learning_rate \(learning_rate was 0.005, now 0.01\)"),
        ({"force_weight": 0.5}, r"other force_weight \(force_weight was 1.0, now 0.5\)"),
        ({"batch_size": 3}, r"other batch_size \(batch_size was 4, now 3\)"),
        ({"seed": 1}, r"other seed \(seed was 0, now 1\)"),
        ({"epochs": 12}, r"other epochs \(epochs was 8, now 12\)"),  # the learning rate falls with them
        ({"ema_decay": 0.9}, r"other ema_decay \(ema_decay was 0.99, now 0.9\)"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path, change, named):
    run(tmp_path / "training")
    with pytest.raises(ValueError, match=f"belongs to a training with {named}; choose another file, or delete it"):
        run(tmp_path / "training", **change)


@pytest.mark.parametrize("field", ["energy", "forces", "positions"])
@pytest.mark.parametrize("part", ["training", "validation"])
def test_other_data_are_refused_by_name(tmp_path, field, part):
    run(tmp_path / "training")
    first, second, _ = small_data()
    changed = first if part == "training" else second
    values = getattr(changed, field).copy()
    values.flat[0] += 1e-4
    changed = replace(changed, **{field: values})
    parts = (changed, second) if part == "training" else (first, changed)
    with pytest.raises(ValueError, match=f"belongs to a training with other {part} data"):
        train(small_potential(), *parts, checkpoint=tmp_path / "training", progress=False, device="cpu", **SETTINGS)


def test_patience_may_change(tmp_path):
    history, _ = run(tmp_path / "training")
    again, _ = run(tmp_path / "training", patience=100)
    assert again.epochs == history.epochs


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_files_have_the_permissions_that_the_user_wants(tmp_path):
    before = os.umask(0o022)
    try:
        run(tmp_path / "training", epochs=1)
        mn.save(small_potential(), tmp_path / "potential")
    finally:
        os.umask(before)
    for name in ("training", "potential"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644


def test_a_place_that_cannot_be_written_is_said_before_the_first_epoch(tmp_path):
    potential, (first, second, _) = small_potential(), small_data()
    seen = []
    with pytest.raises(FileNotFoundError, match=r"nowhere.training cannot be written \(No such file or directory\)"):
        train(
            potential, first, second, checkpoint=tmp_path / "nowhere" / "training", progress=False, device="cpu",
            stop=Noting(seen), **SETTINGS,  # type: ignore[arg-type]
        )  # fmt: skip
    assert not seen
    with pytest.raises(OSError, match=r"cannot be written .*; choose another place"):
        mn.save(potential, tmp_path)  # a folder


class Noting:
    """Stands for the event that stops a training; it is asked before every step."""

    def __init__(self, seen):
        self.seen = seen

    def is_set(self):
        self.seen.append(1)
        return False

    def set(self):
        pass


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    """The file of the epoch before stays, the weights are the best so far, and one sentence says what happened."""
    from mininnip import saving

    path, original, left = tmp_path / "training", saving.bytes_of, [4]

    def until_full(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return original(*args, **kwargs)

    monkeypatch.setattr(saving, "bytes_of", until_full)
    with pytest.raises(OSError, match=r"training cannot be written \(No space left on device\)"):
        run(path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["training"]
    expected, whole = run(None)
    history, potential = run(path)
    assert history.epochs == expected.epochs
    assert all(torch.equal(weights(potential)[name], tensor) for name, tensor in weights(whole).items())
    assert np.isfinite(history.best["force_rmse"])
