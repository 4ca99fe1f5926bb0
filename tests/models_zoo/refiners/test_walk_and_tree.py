"""Random walk, spanning tree and guided upsampling: their published identities, on numbers worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from models_zoo.refiners import affinity_walk, tree_filter
from models_zoo.refiners.affinity_walk import (
    Transitions,
    border_affinities,
    colour_borders,
    feature_affinities,
    half_plane,
    on_line,
)
from models_zoo.refiners.guided import enlarge_along
from models_zoo.refiners.pixel_adaptive import pamr_affinities
from models_zoo.refiners.running import Held
from models_zoo.refiners.spanning_tree import Tree, edge_gradient, from_root, minimum_tree, towards_root
from models_zoo.refiners.tree_filter import filter_along

Floats = npt.NDArray[np.float32]


@pytest.mark.parametrize(("radius", "count"), [(2, 4), (5, 34), (10, 152)])
def test_pairs_are_one_of_each_opposite_two_and_as_many_as_the_lattice_has(radius: int, count: int) -> None:
    offsets = half_plane(radius)
    assert len(offsets) == len(set(offsets)) == count
    assert not {(-dy, -dx) for dy, dx in offsets} & set(offsets)


def test_pixels_on_a_line_are_those_closer_than_one() -> None:
    assert on_line(0, 3) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert on_line(2, -2) == [(0, -1), (0, 0), (1, -2), (1, -1), (1, 0), (2, -2), (2, -1)]


def test_transitions_sum_to_one_and_keep_constants() -> None:
    borders = np.random.default_rng(0).random((9, 12)).astype(np.float32)
    offsets = half_plane(3)
    walk = Transitions(border_affinities(borders, offsets), offsets, beta=2)
    np.testing.assert_allclose(walk.step(np.full((2, 9, 12), 0.3, np.float32)), 0.3, atol=1e-6)


def test_without_borders_the_walk_is_a_box_blur_towards_even() -> None:
    offsets = half_plane(2)
    walk = Transitions(border_affinities(np.zeros((5, 5), np.float32), offsets), offsets, beta=10)
    start = np.zeros((1, 5, 5), np.float32)
    start[0, 2, 2] = 1
    once = walk.step(start)[0]
    np.testing.assert_allclose(once[1:4, 1:4], 1 / 9, atol=1e-6)
    assert once.sum() == pytest.approx(1)
    many = start
    for _ in range(200):
        many = walk.step(many)
    assert np.ptp(many) < 1e-4


def test_nothing_passes_a_wall() -> None:
    borders = np.zeros((8, 11), np.float32)
    borders[:, 5] = 1
    offsets = half_plane(5)
    walk = Transitions(border_affinities(borders, offsets), offsets, beta=10)
    scores = np.full((2, 8, 11), 0.5, np.float32)
    fixed = np.zeros_like(scores)
    fixed[0, 4, 1] = fixed[1, 4, 9] = 1
    walked = walk.walk(scores, Held(fixed), steps=100)
    assert (walked[0, :, :5] > 0.9).all() and (walked[1, :, 6:] > 0.9).all()
    one_sided = np.zeros((1, 8, 11), np.float32)
    one_sided[0, :, :5] = 1
    for _ in range(50):
        one_sided = walk.step(one_sided)
    assert (one_sided[0, :, 6:] == 0).all() and (one_sided[0, :, :5] == 1).all()


def test_like_features_have_affinity_one_and_others_less() -> None:
    features = np.zeros((2, 1, 3), np.float32)
    features[:, 0, 2] = (1, 3)
    made = feature_affinities(features, [(0, 1)])[0]
    np.testing.assert_allclose(made, [[1, np.exp(-2)]], rtol=1e-6)


def test_given_features_decide_where_the_colours_say_nothing() -> None:
    flat = np.full((16, 16, 3), 128, np.uint8)
    features = np.zeros((3, 8, 8), np.float32)
    features[:, :, 4:] = 5
    scores = np.full((2, 16, 16), 0.5, np.float32)
    fixed = np.zeros_like(scores)
    fixed[0, 8, 2] = fixed[1, 8, 13] = 1
    for refine in (affinity_walk.refine, tree_filter.refine):
        large = np.repeat(np.repeat(features, 2, axis=1), 2, axis=2)
        made = refine(flat, scores, Held(fixed), large)
        assert made[0, 2, 3] > 0.5 > made[0, 2, 12]


def test_a_colour_border_is_steep_and_a_flat_picture_has_none() -> None:
    rgb = np.full((12, 12, 3), 40, np.uint8)
    assert (colour_borders(rgb) == 0).all()
    rgb[:, 6:] = 220
    borders = colour_borders(rgb)
    assert (borders[:, 5:7] > 0.7).all() and (borders[:, :4] == 0).all()


def _tree(height: int = 6, width: int = 7, seed: int = 0) -> Tree:
    rng = np.random.default_rng(seed)
    return minimum_tree(rng.random((height, width - 1)), rng.random((height - 1, width)))


def _path_products(tree: Tree, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A (N, N) by walking every path."""
    count = len(tree.order)
    above: list[dict[int, float]] = []
    for node in range(count):
        chain, product, at = {node: 1.0}, 1.0, node
        while at:
            product *= float(weights[at])
            at = int(tree.parent[at])
            chain[at] = product
        above.append(chain)
    made = np.empty((count, count))
    for i, j in itertools.product(range(count), repeat=2):
        # The nearest shared ancestor has the highest position.
        shared = max(set(above[i]) & set(above[j]))
        made[i, j] = above[i][shared] * above[j][shared]
    return made


def test_a_tree_joins_all_nodes_with_the_cheapest_edges() -> None:
    right = np.array([[1.0, 9.0], [2.0, 3.0]])
    down = np.array([[5.0, 4.0, 1.0]])
    tree = minimum_tree(right, down)
    assert sorted(tree.order) == list(range(6)) and (np.diff(tree.parent[1:]) >= 0).all()
    edges = {frozenset((int(tree.order[i]), int(tree.order[tree.parent[i]]))) for i in range(1, 6)}
    assert edges == {frozenset(pair) for pair in ((0, 1), (3, 4), (4, 5), (1, 4), (2, 5))}


def test_ties_are_settled_the_same_way_every_time() -> None:
    first, second = (minimum_tree(np.zeros((5, 5)), np.zeros((4, 6))) for _ in range(2))
    assert first.order.tobytes() == second.order.tobytes() and first.parent.tobytes() == second.parent.tobytes()
    assert len(first.order) == 30


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 1), (6, 7)])
def test_two_passes_give_the_sums_along_all_paths(size: tuple[int, int]) -> None:
    tree = _tree(*size)
    rng = np.random.default_rng(1)
    weights, values = rng.random(len(tree.order)), rng.random((len(tree.order), 2))
    made = from_root(tree, weights, towards_root(tree, weights, values))
    np.testing.assert_allclose(made, _path_products(tree, weights) @ values, rtol=1e-10)


def test_the_derivative_by_an_edge_is_that_of_finite_differences() -> None:
    tree, rng = _tree(3, 4), np.random.default_rng(2)
    weights, values, upstream = rng.random(12), rng.random((12, 2)), rng.random((12, 2))

    def passes(edge: npt.NDArray[np.float64], what: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
        up = towards_root(tree, edge, what)
        return up, from_root(tree, edge, up)

    up_v, whole_v = passes(weights, values)
    up_g, whole_g = passes(weights, upstream)
    made = edge_gradient(tree, weights, (up_v, whole_v), (up_g, whole_g))
    for edge in range(1, 12):
        step = np.zeros(12)
        step[edge] = 1e-6
        change = (passes(weights + step, values)[1] - passes(weights - step, values)[1]) / 2e-6
        assert made[edge] == pytest.approx(float((upstream * change).sum()), rel=1e-5)
    assert made[0] == 0


def test_a_flat_guide_gives_the_mean_and_two_flat_halves_give_each_its_own() -> None:
    scores = np.random.default_rng(3).dirichlet([1, 1], (6, 8)).transpose(2, 0, 1).astype(np.float32)
    made = filter_along(np.zeros((3, 6, 8)), scores, sigma=0.02)
    np.testing.assert_allclose(made, np.broadcast_to(scores.mean(axis=(1, 2), keepdims=True), made.shape), atol=1e-6)
    halves = np.zeros((3, 6, 8))
    halves[:, :, 4:] = 10
    made = filter_along(halves, scores, sigma=0.02)
    for half in (np.s_[:, :, :4], np.s_[:, :, 4:]):
        mean = scores[half].mean(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(made[half], np.broadcast_to(mean, made[half].shape), atol=1e-6)
    np.testing.assert_allclose(made.sum(axis=0), 1, atol=1e-6)


def test_enlarging_puts_the_border_on_the_colours() -> None:
    rgb = np.full((16, 32, 3), 30, np.uint8)
    rgb[:, 18:] = 200  # the edge is not where cells of eight meet
    coarse_rgb = np.stack([rgb[::8, i : i + 8].mean(axis=1) for i in range(0, 32, 8)], axis=1).astype(np.uint8)
    coarse = np.zeros((2, 2, 4), np.float32)
    coarse[0, :, :2] = coarse[1, :, 2:] = 1
    made = enlarge_along(coarse, coarse_rgb, rgb)
    assert (made[0, :, :16] > 0.5).all() and (made[1, :, 18:] > 0.5).all()
    np.testing.assert_allclose(made.sum(axis=0), 1, atol=1e-6)


def test_weights_of_pamr_sum_to_one_and_fall_with_the_distance_of_colours() -> None:
    import torch

    rgb = torch.zeros(1, 3, 5, 6)
    rgb[..., 3:] = 1
    weights = pamr_affinities(rgb, (1,))
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(1, 5, 6))
    left, right = weights[3, 0, 2, 2], weights[4, 0, 2, 2]
    assert float(left) > 100 * float(right)
