"""Levels of one coordinate against textbooks: the oscillator, the box, the double well, a mass that changes."""

import numpy as np
import pytest

from mininnip.surfaces import quantum_levels
from mininnip.surfaces.quantum_levels import HBAR_SQUARED, PLANCK


def mass_of(value: float):
    return lambda x: np.full_like(x, value)


def test_an_oscillator_has_even_steps_that_begin_with_half_of_one():
    stiffness, mass = 20.0, 2.0
    quantum = np.sqrt(HBAR_SQUARED * stiffness / mass)
    levels = quantum_levels(lambda x: 0.5 * stiffness * x**2, mass_of(mass), (-1, 1), n_grid=4001)
    np.testing.assert_allclose(levels, quantum * (np.arange(4) + 0.5), rtol=1e-5)


def test_levels_of_a_box_grow_like_squares_with_an_error_that_falls_like_the_square_of_the_spacing():
    exact = HBAR_SQUARED * np.pi**2 / (2 * 1.0) * np.arange(1, 5) ** 2
    errors = []
    for n in (199, 399):
        edge = 0.5 - 1 / (n + 1)  # the walls of the grid stand one spacing outside its ends
        levels = quantum_levels(np.zeros_like, mass_of(1.0), (-edge, edge), n_grid=n)
        errors.append(abs(levels / exact - 1).max())
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.01)


def test_two_valleys_give_pairs_and_a_heavier_particle_swings_more_slowly():
    def double_well(x):
        return 0.25 * ((x / 0.4) ** 2 - 1) ** 2

    light, heavy = (quantum_levels(double_well, mass_of(m), (-0.9, 0.9), n_grid=2001) for m in (2.5, 4.5))
    for levels in (light, heavy):
        assert levels[1] - levels[0] < 0.05 * (levels[2] - levels[1])
    assert (light[1] - light[0]) > 5 * (heavy[1] - heavy[0]) > 0


def test_a_mass_that_changes_is_a_stretched_coordinate():
    """With m = (1 + x)² the length is s = x + x²/2: the box in x is a box in s."""
    end = 0.5 + 0.5**2 / 2
    levels = quantum_levels(np.zeros_like, lambda x: (1 + x) ** 2, (0, 0.5), n_grid=3001)
    np.testing.assert_allclose(levels, HBAR_SQUARED * np.pi**2 / (2 * end**2) * np.arange(1, 5) ** 2, rtol=2e-3)


def test_constants_agree_with_those_of_ase():
    from ase import units

    np.testing.assert_allclose(HBAR_SQUARED, units._hbar**2 / (units._amu * units._e * 1e-20), rtol=1e-6)
    np.testing.assert_allclose(PLANCK, 2 * np.pi * units._hbar / units._e, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ends": (1.0, -1.0)}, "ascending"),
        ({"mass": mass_of(0.0)}, "positive"),
        ({"energy": lambda x: x / 0}, "finite"),
        ({"n_levels": 900}, "cannot hold"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_bad_input_is_refused_in_a_sentence(change, says):
    arguments = {"energy": np.square, "mass": mass_of(1.0), "ends": (-1.0, 1.0)} | change
    with pytest.raises(ValueError, match=says):
        quantum_levels(**arguments)
