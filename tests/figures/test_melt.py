"""MeltFigure: errors and mean g(r) as given, a band between the references, an axis that grows and comes back."""

import numpy as np

from mininnip.figures.melt import MeltFigure

R = np.arange(0.05, 5.0, 0.1)


def test_it_shows_what_it_is_given_and_says_when_an_axis_changes():
    drawn = MeltFigure(1000.0, 4, R, [1 + 0 * R, 2 + 0 * R])
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
