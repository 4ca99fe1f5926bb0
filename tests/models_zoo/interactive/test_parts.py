"""The parts of the live head: colours, the fixed shuffle, the random walk, unmarked regions, the enlargement."""

import numpy as np
import pytest

from models_zoo.interactive.pixel_features import lab_image, position_hash, some_of

pytest.importorskip("cv2")

from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.live_regions import without_unmarked
from models_zoo.interactive.random_walk import build_graph, random_walk
from models_zoo.interactive.supervision import Supervision, supervise
from models_zoo.marks import UNLABELLED, Box, WeakLabels


def test_the_fixed_shuffle_is_fixed_and_looks_random() -> None:
    # Written down: another language must give the same (see the module).
    numbers = position_hash(np.arange(20_000))
    assert numbers[:3].tolist() == [3295776176, 504138147, 2591616400]
    assert len(np.unique(numbers)) == len(numbers)
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03


def test_one_cell_more_changes_at_most_one_choice() -> None:
    cells = np.arange(5000)
    chosen = some_of(cells[:-1], 96)
    assert len(chosen) == 96 and (np.diff(chosen) > 0).all()
    assert len(np.setdiff1d(some_of(cells, 96), chosen)) <= 1
    assert some_of(cells[:50], 96).tolist() == cells[:50].tolist()


def test_colours_are_those_of_the_standard() -> None:
    rgb = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]], np.uint8)
    lab = lab_image(rgb, 4, 1)[0] * (100, 60, 60)
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    assert lab == pytest.approx(np.array(expected), abs=0.05)


def flat(height: int = 12, width: int = 20) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.zeros((height, width, 3), np.float32)


def test_scores_sum_to_one_and_seeds_stay() -> None:
    rng = np.random.default_rng(0)
    graph = build_graph(rng.random((12, 20, 3)).astype(np.float32))
    scores = rng.random((3, 12, 20)).astype(np.float32)
    scores /= scores.sum(axis=0)
    seeds = np.full((12, 20), -1)
    seeds[3, 4], seeds[8, 15] = 2, 0
    spread = random_walk(graph, scores, seeds)
    assert np.allclose(spread.sum(axis=0), 1, atol=1e-4)
    assert spread[2, 3, 4] == pytest.approx(1, abs=1e-5) and spread[0, 8, 15] == pytest.approx(1, abs=1e-5)


def test_even_scores_without_seeds_stay_as_they_are() -> None:
    scores = np.full((2, 12, 20), 0.5, np.float32)
    assert np.allclose(random_walk(build_graph(flat()), scores, np.full((12, 20), -1)), 0.5, atol=1e-4)


def test_a_wall_of_another_colour_stops_the_walk() -> None:
    lab = flat()
    lab[:, 10] = 1.0
    seeds = np.full((12, 20), -1)
    seeds[6, 2] = 0
    spread = random_walk(build_graph(lab), np.full((2, 12, 20), 0.5, np.float32), seeds, steps=60)
    assert spread[0, 6, 8] > spread[0, 6, 12] + 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_grids_of_one_row_or_column_work(shape: tuple[int, int]) -> None:
    scores = np.full((2, *shape), 0.5, np.float32)
    spread = random_walk(build_graph(flat(*shape)), scores, np.full(shape, -1))
    assert spread.shape == scores.shape and np.isfinite(spread).all()


def test_one_class_alone_has_it_all() -> None:
    scores = np.ones((1, 4, 4), np.float32)
    assert (random_walk(build_graph(flat(4, 4)), scores, np.full((4, 4), -1)) == 1).all()


def halves(width: int, at: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Scores of two classes: the second from column ``at`` on, a share in the cell that holds it."""
    share = np.clip(np.arange(1, width + 1) - np.float32(at), 0, 1).astype(np.float32)
    return np.tile(np.stack([1 - share, share])[:, None], (1, width, 1))


@pytest.mark.parametrize(
    ("picture", "marked", "stays"),
    [
        ("##..##.#", [0], True),
        ("##..##..", [0], False),  # one thing is no crowd
        ("##..++.+", [0], False),  # less like the class than what is marked
        ("#######..##.#", [0, 2], True),
        ("#######..##.#", [0, 2, 4], False),  # who strokes one thing three times means that one
        ("#" * 21 + ".#.#", [0], False),  # specks beside it
        ("##..##..", [0, 4], True),  # two are marked: all of their kind are meant
    ],
)
def test_unmarked_regions_stay_if_they_are_a_crowd_as_clear_as_the_marked_one(
    picture: str, marked: list[int], stays: bool
) -> None:
    score = np.array([[{"#": 0.75, "+": 0.625, ".": 0.25}[letter] for letter in picture]], np.float32)
    seeds = np.full(score.shape, -1, np.int16)
    seeds[0, marked] = 0
    nothing = np.zeros(0, np.intp)
    given = Supervision(
        classes=(1, 0),
        seeds=seeds,
        excluded=np.zeros((2, *score.shape), np.bool_),
        cells=nothing,
        targets=np.zeros((0, 2), np.float32),
        weights=np.zeros(0, np.float32),
        boxes=(),
        is_guess=False,
    )
    scores = np.stack([score, 1 - score])
    far = np.array([letter != "." and at > picture.index(".") for at, letter in enumerate(picture)])
    expected = scores if stays else np.where(far, np.array([[[0.0]], [[1.0]]]), scores)
    assert np.allclose(without_unmarked(scores, given, 1), expected)


def test_borders_follow_the_images_edge_not_the_cells() -> None:
    rgb = np.full((64, 64, 3), 30, np.uint8)
    rgb[:, 30:] = 220
    scores = halves(16, 7.5)
    labels = np.where(scores[1] > 0.5, 5, 0).astype(np.uint8)
    enlarged = Enlarger(rgb, lab_image(rgb, 16, 16)).enlarge(labels, scores, (0, 5))
    truth = np.where(np.arange(64) >= 30, 5, 0)
    assert (enlarged == truth).mean() > 0.99


@pytest.mark.parametrize("at", [7.25, 7.5, 7.75])
def test_on_flat_ground_scores_say_where_in_a_cell_the_border_lies(at: float) -> None:
    rgb = np.full((64, 64, 3), 90, np.uint8)
    scores = halves(16, at)
    labels = np.where(scores[1] > 0.5, 5, 0).astype(np.uint8)
    enlarged = Enlarger(rgb, lab_image(rgb, 16, 16)).enlarge(labels, scores, (0, 5))
    assert abs(float((enlarged == 0).sum(axis=1).mean()) - 4 * at) <= 1


def test_a_cell_decided_otherwise_counts_for_its_label() -> None:
    rgb = np.full((32, 32, 3), 90, np.uint8)
    labels = np.zeros((8, 8), np.uint8)
    labels[:, 4:] = 255
    scores = np.zeros((1, 8, 8), np.float32)
    scores[0] = 0.9
    enlarged = Enlarger(rgb, lab_image(rgb, 8, 8)).enlarge(labels, scores, (0,))
    assert (enlarged[:, :14] == 0).all() and (enlarged[:, 18:] == 255).all()


def test_a_map_of_one_class_is_enlarged_to_one_class() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (33, 57, 3)).astype(np.uint8)
    labels, scores = np.full((8, 14), 255, np.uint8), np.zeros((1, 8, 14), np.float32)
    enlarged = Enlarger(rgb, lab_image(rgb, 14, 8)).enlarge(labels, scores, (3,))
    assert enlarged.shape == (33, 57) and (enlarged == 255).all()


def test_thousands_of_boxes_cost_no_more_rows_than_a_few() -> None:
    boxes = tuple(Box(1, 1, x, y, x + 1.5, y + 1.5) for x in range(0, 128, 2) for y in range(0, 128, 4))
    labels = WeakLabels(np.full((128, 128), UNLABELLED, np.uint8), boxes=boxes)
    taught = supervise(labels, allowed=frozenset({0, 1}), background=0, plain=np.zeros((128 * 128, 4), np.float32))
    assert taught is not None and len(taught.boxes) == len(boxes)
    assert len(taught.cells) <= 300
