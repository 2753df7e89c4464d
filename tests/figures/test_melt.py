"""MeltFigure: errors and mean g(r) as given, a band between the references, an axis that grows and comes back."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from mininnip.figures.melt import MeltFigure, end_in_words, melt_in_words, to_look_at, training_in_words

R = np.arange(0.05, 5.0, 0.1)


def test_it_shows_what_it_is_given_and_says_when_an_axis_changes():
    drawn = MeltFigure(1000.0, 4, [R, 1 + 0 * R, 2 + 0 * R])
    assert not drawn.show([900.0, 500.0], [], "3000 K") and np.isnan(drawn._g.get_ydata()).all()
    assert not drawn.show([900.0, 500.0], [R, 3 * R], "3000 K, 1 ps")
    assert np.array_equal(drawn._error.get_data(), [[0, 1], [900, 500]])
    assert np.array_equal(drawn._g.get_data(), (R, 2 * R)) and drawn._words.get_text() == "3000 K, 1 ps"
    assert not drawn.show([900.0] * 5, [], "") and drawn.above.get_xlim() == (0, 4)
    assert drawn.show([900.0] * 10, [], "") and drawn.above.get_xlim() == (0, 16)
    assert not drawn.show([900.0] * 11, [], "")
    assert drawn.show([], [], "") and drawn.above.get_xlim() == (0, 4)
    (band,) = drawn.figure.axes[1].collections
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert heights.min() == 1 and heights.max() == 2 and np.allclose(drawn.figure.axes[1].get_xlim(), (1, 5))


@pytest.fixture
def frame():
    """Eight atoms of silicon of which 2 and 5 are near, and the last one is unknown to a network."""
    atoms = bulk("Si", cubic=True)
    atoms.positions[5] = atoms.positions[2] + [1.1, 0, 0]
    atoms.calc = SinglePointCalculator(atoms)
    atoms.calc.results["extrapolation"] = np.arange(8) // 7
    atoms.info |= {"temperature": 1234.5, "time": 0.25}
    return atoms


def test_atoms_outside_the_data_or_too_near_are_looked_at_and_said(frame):
    assert np.flatnonzero(to_look_at(frame, 2.0)).tolist() == [2, 5, 7]
    assert np.flatnonzero(to_look_at(frame, 1.0)).tolist() == [7]
    said = melt_in_words(frame, 2.0, True, False)
    assert said.startswith("Melt at 1234 K: 1 of 8 atoms outside. <b>Atoms 2 and 5 are 1.10 Å apart</b>")
    assert melt_in_words(frame, 1.0, False, True) == "Melt at 1234 K with ZBL: it knows no training data yet"
    assert training_in_words([500.0, 200.0, 100.4]) == "2 epochs, force error 100 meV/Å"
    assert training_in_words([]) == "an untrained network"


def test_why_a_melt_has_ended(frame):
    fused = end_in_words(frame, 2.0, False, ValueError("atoms 2 and 5 met"))
    assert (
        "collapsed" in fused and "after 0.25 ps: atoms 2 and 5, drawn red, fuse; 1.10 Å" in fused and "2.00 Å" in fused
    )
    assert end_in_words(frame, 2.0, True, ValueError("atom 3 left")) == "The melt has ended: atom 3 left."
    frame.positions[5] += [1.0, 0, 0]
    assert "collapsed" not in end_in_words(frame, 2.0, False, ValueError("atom 3 left"))


def test_a_reference_needs_a_distribution():
    with pytest.raises(ValueError, match="at least one"):
        MeltFigure(1.0, 4, [R])
