"""The mathematics of the random walker and of the geodesic distance, on images whose answer is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("cv2")
pytest.importorskip("scipy")

from models_zoo.interactive.geodesic import distances, step_costs
from models_zoo.interactive.random_walk import build_graph
from models_zoo.interactive.random_walker import walk
from models_zoo.interactive.seeded import seeds_of
from models_zoo.interactive.supervision import supervise
from models_zoo.marks import UNLABELLED, Box, WeakLabels

FloatArray = npt.NDArray[np.float32]
Seeds = npt.NDArray[np.int16]
HEIGHT, WIDTH = 12, 20


def flat(height: int = HEIGHT, width: int = WIDTH) -> FloatArray:
    return np.zeros((height, width, 3), np.float32)


def seeded(places: dict[tuple[int, int], int], height: int = HEIGHT, width: int = WIDTH) -> Seeds:
    seeds = np.full((height, width), -1, np.int16)
    for place, column in places.items():
        seeds[place] = column
    return seeds


def noisy() -> FloatArray:
    return np.random.default_rng(0).random((HEIGHT, WIDTH, 3)).astype(np.float32)


# --- random walker ------------------------------------------------------------------------------


def test_probabilities_sum_to_one_and_are_certain_on_seeds() -> None:
    seeds = seeded({(2, 3): 0, (9, 15): 1, (0, 19): 2})
    found = walk(build_graph(noisy()), seeds, 3)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-6)
    for column, place in enumerate(((2, 3), (9, 15), (0, 19))):
        assert found[column][place] == 1
    assert (found >= 0).all() and (found <= 1).all()


def test_on_a_constant_image_the_answer_is_harmonic() -> None:
    # Between two seeded columns the only harmonic function of the grid rises evenly.
    seeds = seeded({})
    seeds[:, 0], seeds[:, -1] = 0, 1
    found = walk(build_graph(flat()), seeds, 2)
    assert np.allclose(found[1], np.linspace(0, 1, WIDTH), atol=1e-5)


def test_each_free_cell_is_the_weighted_mean_of_its_neighbours() -> None:
    graph = build_graph(noisy())
    seeds = seeded({(2, 3): 0, (9, 15): 1})
    x = walk(graph, seeds, 2)[0].astype(np.float64)
    row, column = 6, 8
    neighbours = (
        graph.right[row, column] * x[row, column + 1]
        + graph.right[row, column - 1] * x[row, column - 1]
        + graph.down[row, column] * x[row + 1, column]
        + graph.down[row - 1, column] * x[row - 1, column]
        + graph.down_right[row, column] * x[row + 1, column + 1]
        + graph.down_right[row - 1, column - 1] * x[row - 1, column - 1]
        + graph.down_left[row, column - 1] * x[row + 1, column - 1]
        + graph.down_left[row - 1, column] * x[row - 1, column + 1]
    )
    assert neighbours / graph.degree[row, column] == pytest.approx(x[row, column], abs=1e-5)


def test_a_walker_seldom_crosses_a_wall() -> None:
    lab = flat()
    lab[:, 10] = 1.0
    found = walk(build_graph(lab), seeded({(6, 2): 0, (6, 17): 1}), 2)
    assert (found[0, :, :10] > 0.9).all() and (found[1, :, 11:] > 0.9).all()


def test_without_seeds_all_columns_are_alike_and_seeds_everywhere_stay() -> None:
    assert (walk(build_graph(flat()), seeded({}), 4) == 0.25).all()
    everywhere = np.ones((HEIGHT, WIDTH), np.int16)
    assert (walk(build_graph(flat()), everywhere, 2)[1] == 1).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_grids_of_one_row_or_column_work(shape: tuple[int, int]) -> None:
    seeds = seeded({(0, 0): 1}, *shape)
    assert np.allclose(walk(build_graph(flat(*shape)), seeds, 2)[1], 1)
    assert np.isfinite(distances(step_costs(flat(*shape)), seeds, 2)[1]).all()


# --- geodesic distance --------------------------------------------------------------------------


def chamfer(row: int, column: int) -> FloatArray:
    """Length of the shortest way on the eight neighbours, from the formula."""
    dy = np.abs(np.arange(HEIGHT)[:, None] - row)
    dx = np.abs(np.arange(WIDTH)[None] - column)
    return np.asarray(np.maximum(dy, dx) + (np.sqrt(2) - 1) * np.minimum(dy, dx), np.float32)


def test_with_no_share_for_colour_it_is_the_chamfer_distance() -> None:
    found = distances(step_costs(noisy(), 0.0), seeded({(3, 5): 0, (10, 18): 1}), 2)
    assert np.allclose(found[0], chamfer(3, 5), atol=1e-4)
    assert np.allclose(found[1], chamfer(10, 18), atol=1e-4)


def test_distances_are_those_of_the_cheapest_paths() -> None:
    from scipy.sparse import lil_array
    from scipy.sparse.csgraph import dijkstra

    right, down, down_right, down_left = costs = step_costs(noisy())
    graph = lil_array((HEIGHT * WIDTH, HEIGHT * WIDTH))
    cells = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    graph[cells[:, :-1], cells[:, 1:]] = right
    graph[cells[:-1], cells[1:]] = down
    graph[cells[:-1, :-1], cells[1:, 1:]] = down_right
    graph[cells[:-1, 1:], cells[1:, :-1]] = down_left
    expected = dijkstra(graph.tocsr(), directed=False, indices=cells[3, 5]).reshape(HEIGHT, WIDTH)
    assert np.allclose(distances(costs, seeded({(3, 5): 0}), 1)[0], expected, atol=1e-3)


def test_a_wall_is_gone_around_and_a_closed_one_costs_its_colour() -> None:
    lab = flat()
    lab[:, 10] = 1.0
    closed = distances(step_costs(lab), seeded({(6, 2): 0}), 1)[0]
    assert closed[6, 8] < 0.01 and closed[6, 12] == pytest.approx(2 * np.sqrt(3), abs=0.01)
    lab[0, 10] = 0.0
    gap = distances(step_costs(lab), seeded({(6, 2): 0}), 1)[0]
    assert gap[6, 12] < 0.01


def test_a_column_without_seeds_is_far_from_everything() -> None:
    found = distances(step_costs(flat()), seeded({(3, 5): 0}), 2)
    assert (found[1] == 1e6).all()


# --- from marks to seeds ------------------------------------------------------------------------


def test_outside_a_box_only_the_background_is_left_and_strokes_go_first() -> None:
    seeds = np.full((HEIGHT, WIDTH), UNLABELLED, np.uint8)
    seeds[5, 8] = 0
    labels = WeakLabels(seeds, boxes=(Box(1, 1, 4, 2, 12, 10),))
    plain = flat().reshape(-1, 3)
    supervision = supervise(labels, allowed=frozenset({0, 1}), background=0, plain=plain)
    assert supervision is not None
    found = seeds_of(supervision)
    ground, thing = supervision.classes.index(0), supervision.classes.index(1)
    assert (found[:2] == ground).all() and (found[:, 12:] == ground).all()
    assert found[5, 8] == ground and (found[2:10, 4:12] == thing).any()
