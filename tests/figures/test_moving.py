"""Artists that move: they stand where they were placed last."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from mininnip.figures.moving import NumberedAtoms, Stems


def test_atoms_stand_where_they_are_placed_with_numbers_above_and_lines_between():
    axes = Figure().subplots()
    atoms = NumberedAtoms(axes, 2, size=100, raised=0.5)
    for xy in ([(0.0, 0.0), (1.0, 0.0)], [(0.2, 0.3), (0.8, 0.9)]):
        atoms.place(np.array(xy), [xy], [4.0], ["red", "white"])
    lines, dots, *numbers = atoms.artists
    np.testing.assert_array_equal(dots.get_offsets(), xy)
    np.testing.assert_array_equal(dots.get_facecolors(), [to_rgba("red"), to_rgba("white")])
    np.testing.assert_array_equal(lines.get_segments(), [xy])
    assert lines.get_linewidths() == [4.0]
    assert [(number.get_text(), *number.get_position()) for number in numbers] == [("1", 0.2, 0.8), ("2", 0.8, 1.4)]


def test_stems_rise_from_zero_to_their_height_in_the_picture():
    figure = Figure(figsize=(2, 2), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 2), ylim=(0, 1))
    axes.set_axis_off()
    stems = Stems(axes, colors="red", linewidths=10)
    stems.place([0.5, 1.5], [1.0, 0.25])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    red = np.asarray(canvas.buffer_rgba())[:, :, 2] < 128
    np.testing.assert_allclose(red[:, [50, 150, 100]].sum(axis=0), [200, 50, 0], atol=1)
