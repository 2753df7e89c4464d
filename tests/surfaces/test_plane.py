"""A point of a plane as an atom."""

import pytest
import torch

from mininnip.data.dataset import Dataset
from mininnip.surfaces import double_well_2d, forces, plane


def test_points_come_back_and_labels_are_those_of_the_surface():
    points = torch.randn(7, 2, dtype=torch.float64)
    graph = plane.as_graph(points)
    assert graph.n_structures == graph.n_atoms == 7
    assert torch.equal(plane.as_points(graph), points)
    labels = plane.labeler(double_well_2d)(graph)
    assert torch.equal(labels["energy"], double_well_2d(points))
    assert torch.equal(labels["forces"][:, :2], forces(double_well_2d, points))
    assert not labels["forces"][:, 2].any()


def test_a_data_set_of_labels_is_the_graph_again():
    graph = plane.as_graph(torch.randn(5, 2, dtype=torch.float64))
    data = plane.as_data(plane.as_points(graph), double_well_2d)
    again = data.graph(None)
    for name in ("numbers", "positions", "cell", "pbc", "structure"):
        assert torch.equal(getattr(again, name), getattr(graph, name))
    assert len(data[:2] + data[3:]) == 4


@pytest.mark.parametrize("points", [torch.zeros(3), torch.zeros(3, 3), torch.zeros(0, 2)])
def test_points_of_another_shape_are_refused(points):
    with pytest.raises(ValueError, match=r"shape \(S, 2\)"):
        plane.as_graph(points)


def test_points_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        plane.as_graph(torch.tensor([[0.0, torch.nan]]))


def test_labels_of_another_shape_are_refused():
    graph = plane.as_graph(torch.zeros(2, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"need forces of the shape \(2, 3\), got \(2, 2\)"):
        Dataset.from_graph(graph, {"energy": torch.zeros(2), "forces": torch.zeros(2, 2)}, "x")
    with pytest.raises(ValueError, match="got none"):
        Dataset.from_graph(graph, {"energy": torch.zeros(2)}, "x")
