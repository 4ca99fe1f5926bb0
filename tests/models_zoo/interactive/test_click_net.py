"""The click network: how clicks are simulated, that it learns to follow them, and which files it refuses."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as PILImage

from models_zoo import Box, Cancelled, Mark, Point, Scribble, Tag, TrainingError, encode_png, get_method, parse_config
from models_zoo.cli import main
from models_zoo.engine import checkpoint, fit
from models_zoo.features import resize_rgb
from models_zoo.interactive import ImageContext, InteractiveSegmenter, SegmenterFileError, create_segmenter
from models_zoo.interactive.click_net.clicks import MAX_CLICKS, draw, first_clicks, next_click
from models_zoo.interactive.click_net.folder import make_snapshot as snapshot_of_folders
from models_zoo.interactive.click_net.measuring import click_through, clicks_needed, validate_clicks
from models_zoo.interactive.click_net.objects import ObjectLoader, ObjectSet, choose_object, largest_piece
from models_zoo.interactive.per_class import along, combine, prompt_of
from models_zoo.interactive.supervision import Supervision
from models_zoo.interactive.types import InteractiveResult
from models_zoo.marks import IGNORE
from models_zoo.snapshot import read
from tests.models_zoo.interactive.small_files import CLICKS, make_click_weights
from tests.models_zoo.toy import DISC, disc_image, make_snapshot

BoolArray = npt.NDArray[np.bool_]
GROUND, OBJECT = 0, 1


def blob(height: int = 40, width: int = 50, *, at: tuple[int, int] = (20, 25), radius: int = 9) -> BoolArray:
    rows, columns = np.mgrid[:height, :width]
    return np.asarray((rows - at[0]) ** 2 + (columns - at[1]) ** 2 < radius**2, np.bool_)


# --- clicks ---------------------------------------------------------------------------------------


def test_first_clicks_mean_what_they_lie_on_and_every_piece_gets_one() -> None:
    target = blob(radius=5, at=(10, 10)) | blob(radius=5, at=(30, 40))
    valid = np.ones_like(target)
    valid[:, -3:] = False
    for seed in range(40):
        clicks = first_clicks(np.random.default_rng(seed), target, valid, scale=4)
        on, off = (np.floor(places / 4).astype(int) for places in (clicks.positive, clicks.negative))
        assert 2 <= len(on) <= MAX_CLICKS and len(off) <= MAX_CLICKS
        assert target[on[:, 1], on[:, 0]].all() and not target[off[:, 1], off[:, 0]].any()
        assert valid[off[:, 1], off[:, 0]].all()
        assert (on[:, 0] < 20).any() and (on[:, 0] > 30).any()


def test_nothing_to_find_gets_no_positive_click() -> None:
    empty = np.zeros((8, 9), np.bool_)
    clicks = first_clicks(np.random.default_rng(1), empty, ~empty, scale=1)
    assert len(clicks.positive) == 0


def test_the_next_click_goes_to_the_middle_of_the_deeper_mistake() -> None:
    target, valid = blob(), np.ones((40, 50), np.bool_)
    found = next_click(np.zeros_like(target), target, valid)
    assert found is not None
    assert tuple(found[0]) == (25.5, 20.5) and found[1]
    extra = target | blob(at=(8, 8), radius=4)
    found = next_click(extra, target, valid)
    assert found is not None and tuple(found[0]) == (8.5, 8.5) and not found[1]
    assert next_click(target, target, valid) is None
    anywhere = next_click(np.zeros_like(target), target, valid, np.random.default_rng(0))
    assert anywhere is not None and target[int(anywhere[0][1]), int(anywhere[0][0])]


class _Fixed:
    """A segmenter that always gives the same mask."""

    def __init__(self, mask: BoolArray) -> None:
        self._mask = mask.astype(np.uint8)
        self.asked: list[Mark] = []

    def set_image(self, image: ImageContext) -> None:
        """Nothing to do."""

    def segment(self, marks: Any, *, allowed: Any, previous: Any = None) -> InteractiveResult:
        self.asked = list(marks)
        scores = np.zeros((1, 1, 1), np.float16)
        return InteractiveResult(self._mask, np.zeros_like(self._mask), scores, (OBJECT,))


def test_a_perfect_method_needs_one_click_and_one_that_finds_nothing_all_without_repeating_one() -> None:
    truth = blob()
    valid = np.ones_like(truth)
    assert clicks_needed(click_through(_Fixed(truth), truth, valid, clicks=20), 0.9) == 1
    blind = _Fixed(np.zeros_like(truth))
    scores = click_through(blind, truth, valid, clicks=20)
    assert scores == [0.0] * 20 and clicks_needed(scores, 0.85) == 20
    places = {(mark.x, mark.y) for mark in blind.asked if isinstance(mark, Point)}
    assert len(places) == 20


def test_clicks_are_drawn_as_discs_even_on_the_rim() -> None:
    clicks = first_clicks(np.random.default_rng(0), blob(), np.ones((40, 50), np.bool_), scale=1)
    maps = draw(clicks, 50, 40)
    assert maps.shape == (2, 40, 50) and set(np.unique(maps)) <= {0.0, 1.0}
    x, y = clicks.positive[0].astype(int)
    assert maps[0, y, x] == 1 and maps[0].sum() >= 60


# --- objects to learn from --------------------------------------------------------------------------


def test_an_object_is_a_piece_of_a_class_and_seldom_the_background() -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[5:20, 5:20], labels[5:20, 40:60], labels[40:55, 10:70] = 1, 1, 2
    labels[:, 75:] = IGNORE
    sizes = set()
    for seed in range(60):
        chosen = choose_object(np.random.default_rng(seed), labels, 0)
        assert not chosen[:, 75:].any() and not (chosen & (labels == 0)).any()
        sizes.add(int(chosen.sum()))
    assert {0, 225, 300, 525, 900} >= sizes >= {225, 300, 525, 900}
    only_ground = np.zeros((60, 80), np.uint8)
    assert any(choose_object(np.random.default_rng(seed), only_ground, 0).all() for seed in range(4))


def test_of_a_class_in_pieces_the_largest_is_what_a_click_means() -> None:
    small, large = blob(radius=4, at=(8, 8)), blob(radius=9, at=(25, 35))
    assert np.array_equal(largest_piece(small | large), large)


def test_a_batch_shows_one_object_each_and_is_the_same_every_time(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=4, num_masks=3, size=(90, 60))
    dataset = ObjectSet(read(tmp_path), image_size=64, accepts=frozenset())
    assert len(dataset) == 3, "images without an accepted mask teach nothing"
    loader = ObjectLoader(dataset, batch_size=3, steps=10, seed=5)
    batch, again = loader.batch(7), loader.batch(7)
    assert batch.rgb_BHWC.shape == (3, 64, 64, 3) and batch.targets_BChw.shape == (3, 2, 16, 16)
    torch.testing.assert_close(batch.targets_BChw, again.targets_BChw)
    assert batch.targets_BChw[:, 1].sum() > 0
    bright = batch.rgb_BHWC[..., 0].float()[:, ::4, ::4] > 100
    agree = bright == (batch.targets_BChw[:, 1] > 0.5)
    assert float(agree[batch.valid_Bhw].float().mean()) > 0.9


def test_without_an_accepted_mask_training_says_what_to_do(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2)
    with pytest.raises(TrainingError, match="accept some masks first"):
        ObjectSet(read(tmp_path), image_size=64, accepts=frozenset())


# --- marks to prompts --------------------------------------------------------------------------------


def supervision(seeds: npt.NDArray[np.int16], classes: tuple[int, ...], **more: Any) -> Supervision:
    nothing = np.zeros(0, np.float32)
    parts: dict[str, Any] = {
        "classes": classes,
        "seeds": seeds,
        "excluded": np.zeros((len(classes), *seeds.shape), np.bool_),
        "cells": np.zeros(0, np.intp),
        "targets": np.zeros((0, len(classes)), np.float32),
        "weights": nothing,
        "boxes": (),
        "is_guess": False,
    }
    return Supervision(**(parts | more))


def test_a_prompt_holds_what_later_marks_left_standing() -> None:
    seeds = np.full((10, 10), -1, np.int16)
    seeds[2, 2], seeds[7, 7], seeds[5, 5] = 0, 1, 1
    marks: list[Mark] = [
        Point(3, 1, 25, 25),
        Point(3, 1, 75, 75),  # another class was put there later
        Point(9, 1, 75, 75),
        Point(3, -1, 55, 55),
        Point(3, -1, 95, 5),
        Point(9, -1, 5, 95),
        Tag(9, 1),
    ]
    of_three = prompt_of(marks, supervision(seeds, (3, 9)), 0, (100, 100))
    assert of_three.positive.tolist() == [[25, 25]]
    assert of_three.negative.tolist() == [[75, 75], [55, 55], [95, 5]]
    of_nine = prompt_of(marks, supervision(seeds, (3, 9)), 1, (100, 100))
    assert of_nine.positive.tolist() == [[75, 75], [55, 55]], "not the one of two classes means the other"
    assert of_nine.negative.tolist() == [[25, 25], [5, 95]]


def test_a_stroke_counts_as_clicks_along_it() -> None:
    stroke = Scribble(1, 1, ((0, 10), (100, 10)), 4)
    places = along(stroke, 20)
    assert [x for x, _ in places] == pytest.approx([100 / 12 * (2 * k + 1) for k in range(6)])
    assert along(Scribble(1, 1, ((7, 3), (7, 3)), 4), 20) == [(7, 3)]
    assert len(along(Scribble(1, 1, ((0, 0), (9000, 0)), 4), 20)) == 8


def test_many_clicks_are_thinned_to_those_far_apart_with_the_newest() -> None:
    seeds = np.zeros((10, 10), np.int16)
    marks: list[Mark] = [Point(3, 1, x + 0.5, y + 0.5) for y in range(0, 100, 5) for x in range(0, 100, 5)]
    marks.append(Point(3, 1, 50.2, 50.2))
    kept = prompt_of(marks, supervision(seeds, (3,)), 0, (100, 100)).positive
    assert len(kept) == MAX_CLICKS and [50.2, 50.2] in kept.tolist()
    gaps = np.sqrt(((kept[:, None] - kept[None]) ** 2).sum(axis=2)) + 1000 * np.eye(len(kept))
    assert gaps.min() > 10


def test_scores_of_classes_found_one_by_one_sum_to_one_and_keep_the_seeds() -> None:
    seeds = np.full((2, 3), -1, np.int16)
    seeds[0, 0] = 1
    found = {0: np.full((2, 3), 0.9, np.float32), 1: np.full((2, 3), 0.2, np.float32)}
    scores = combine(supervision(seeds, (4, 7, IGNORE)), found)
    np.testing.assert_allclose(scores.sum(axis=0), 1, rtol=1e-6)
    assert scores[:, 0, 0].tolist() == [0, 1, 0]
    assert scores[:, 1, 1].argmax() == 0 and scores[2, 1, 1] == pytest.approx(0.1 / 1.2, rel=1e-3)
    both = combine(supervision(seeds, (4, 7)), found)
    assert both[0, 1, 1] == pytest.approx((0.9 + 0.8) / 2, rel=1e-3)


# --- learning ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_click_weights(tmp_path_factory.mktemp("clicks"))


def with_image(weights: Path, number: int) -> tuple[InteractiveSegmenter, BoolArray]:
    """A segmenter with a disc it has not seen, twice the size it learnt on."""
    rgb, labels = disc_image(number, 96, 72)
    segmenter = create_segmenter("click_net", {"weights": weights})
    segmenter.set_image(ImageContext(rgb=resize_rgb(rgb, 192, 144), class_indices=(0, 1), background=GROUND))
    return segmenter, np.kron(labels == DISC, np.ones((2, 2), np.bool_))


def test_it_learns_to_find_what_is_clicked(weights: Path) -> None:
    scores = []
    for number in range(100, 106):
        segmenter, truth = with_image(weights, number)
        scores.append(click_through(segmenter, truth, np.ones_like(truth), clicks=3, enough=0.95)[-1])
    assert np.mean(scores) > 0.85


def test_a_click_holds_and_a_negative_one_takes_back(weights: Path) -> None:
    segmenter, truth = with_image(weights, 100)
    (x, y), _ = next_click(np.zeros_like(truth), truth, np.ones_like(truth)) or (np.zeros(2), True)
    on: list[Mark] = [Point(OBJECT, 1, float(x), float(y))]
    mask = segmenter.segment(on, allowed=(GROUND, OBJECT)).label_map
    assert mask[int(y), int(x)] == OBJECT
    less = segmenter.segment([*on, Point(OBJECT, -1, float(x) + 20, float(y))], allowed=(GROUND, OBJECT)).label_map
    assert less[int(y), int(x) + 20] == GROUND


def test_a_mask_that_needs_no_change_stays(weights: Path) -> None:
    segmenter, truth = with_image(weights, 101)
    (x, y), _ = next_click(np.zeros_like(truth), truth, np.ones_like(truth)) or (np.zeros(2), True)
    marks: list[Mark] = [Point(OBJECT, 1, float(x), float(y))]
    again = segmenter.segment(marks, allowed=(GROUND, OBJECT), previous=truth.astype(np.uint8)).label_map == OBJECT
    assert np.count_nonzero(again & truth) / np.count_nonzero(again | truth) > 0.9


def test_a_box_is_enough(weights: Path) -> None:
    segmenter, truth = with_image(weights, 102)
    rows, columns = np.nonzero(truth)
    box = Box(OBJECT, 1, columns.min() - 2, rows.min() - 2, columns.max() + 3, rows.max() + 3)
    mask = segmenter.segment([box], allowed=(GROUND, OBJECT)).label_map == OBJECT
    assert np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth) > 0.8


def test_its_validation_is_the_overlap_after_three_clicks(weights: Path) -> None:
    found = validate_clicks(weights, weights.parents[1] / "snapshot")
    assert found["kind"] == "click_iou" and found["n"] == 5 and list(found["per_class"]) == [DISC]
    assert found["value"] == pytest.approx(found["per_class"][DISC])
    asked = []
    validate_clicks(weights, weights.parents[1] / "snapshot", check=lambda: asked.append(1))
    assert len(asked) == 5


class _StopAfter:
    def __init__(self, steps: int) -> None:
        self._steps = steps

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if metrics and done == self._steps:
            raise Cancelled("enough")


def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=4, num_masks=4)
    config = parse_config(get_method("click_net"), {**CLICKS, "steps": 4, "batch_size": 2})
    common: dict[str, Any] = {"method": "click_net", "config": config, "snapshot_dir": tmp_path / "s", "seed": 3}
    through = fit(work_dir=tmp_path / "a", device="cpu", callbacks=_StopAfter(-1), **common)
    with pytest.raises(Cancelled):
        fit(work_dir=tmp_path / "b", device="cpu", callbacks=_StopAfter(2), **common)
    resumed = fit(work_dir=tmp_path / "b", device="cpu", callbacks=_StopAfter(-1), **common)
    first, second = (checkpoint.load_folder(result.weights_dir)[0] for result in (through, resumed))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


# --- files -------------------------------------------------------------------------------------------


def _copy(weights: Path, to: Path, change: Any) -> Path:
    """The same weights with something wrong about them."""
    tensors, manifest = checkpoint.load_folder(weights)
    about = {name: value for name, value in manifest.items() if name not in ("format", "sha256")}
    change(tensors, about)
    checkpoint.save_folder(to, tensors, about)
    return to


def _not_a_number(tensors: dict[str, Any], about: dict[str, Any]) -> None:
    tensors["head.classify.bias"] = torch.tensor([float("nan")])


def _another_shape(tensors: dict[str, Any], about: dict[str, Any]) -> None:
    tensors["head.classify.bias"] = torch.zeros(5)


def _another_encoder(tensors: dict[str, Any], about: dict[str, Any]) -> None:
    about["config"]["encoder"] = "resnet18"


def _another_method(tensors: dict[str, Any], about: dict[str, Any]) -> None:
    about["method"] = "seeded_segmentation"


def _odd_settings(tensors: dict[str, Any], about: dict[str, Any]) -> None:
    about["config"] = {"colour": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_not_a_number, "not numbers"),
        (_another_shape, "another shape"),
        (_another_encoder, "another shape"),
        (_another_method, "seeded_segmentation"),
        (_odd_settings, "another shape"),
    ],
)
def test_weights_of_another_kind_are_refused(weights: Path, tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(SegmenterFileError, match=message):
        create_segmenter("click_net", {"weights": _copy(weights, tmp_path / "w", change)})


def test_damaged_or_missing_weights_are_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(SegmenterFileError, match=r"manifest\.json is missing"):
        create_segmenter("click_net", {"weights": tmp_path / "nowhere"})
    damaged = shutil.copytree(weights, tmp_path / "w")
    file = damaged / checkpoint.WEIGHTS
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(SegmenterFileError, match="do not match their hash"):
        create_segmenter("click_net", {"weights": damaged})


# --- folders with masks, and the shell ----------------------------------------------------------------


def make_folder(folder: Path, count: int, *, classes: object = None, first: int = 0) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(first, first + count):
        rgb, labels = disc_image(number, 64, 48)
        PILImage.fromarray(rgb).save(folder / "images" / f"{number}.png")
        (folder / "masks" / f"{number}.png").write_bytes(encode_png(labels))
    (folder / "images" / "without_a_mask.png").write_bytes(b"never opened")
    if classes is not None:
        (folder / "classes.json").write_text(json.dumps(classes))
    return folder


def test_folders_become_one_snapshot_with_classes_of_their_own(tmp_path: Path) -> None:
    plain = make_folder(tmp_path / "discs", 6)
    other = make_folder(tmp_path / "cells", 5, classes={"classes": {"0": "rest", "3": "background"}}, first=50)
    digest = snapshot_of_folders([plain, other], tmp_path / "s")
    snapshot = read(tmp_path / "s")
    assert snapshot.hash == digest and len(snapshot.images) == 11
    assert [item.name for item in snapshot.classes] == ["background", "discs 3", "cells 0"]
    assert snapshot.background == 0
    assert snapshot_of_folders([plain, other], tmp_path / "again") == digest


def _no_masks(folder: Path) -> None:
    shutil.rmtree(folder / "masks")


def _no_pairs(folder: Path) -> None:
    for path in (folder / "masks").iterdir():
        path.rename(path.with_name("x" + path.name))


def _colours(folder: Path) -> None:
    PILImage.new("RGB", (64, 48)).save(folder / "masks" / "1.png")


def _wrong_size(folder: Path) -> None:
    (folder / "masks" / "1.png").write_bytes(encode_png(np.zeros((5, 5), np.uint8)))


def _odd_names(folder: Path) -> None:
    (folder / "classes.json").write_text('{"classes": ["a"]}')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_no_masks, "has no masks/"),
        (_no_pairs, "no picture in images/ has a PNG"),
        (_colours, "mask 1.png cannot be read"),
        (_wrong_size, "not of its image's size"),
        (_odd_names, "classes.json must hold"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_by_name(change: Any, message: str, tmp_path: Path) -> None:
    change(make_folder(tmp_path / "f", 2))
    with pytest.raises(TrainingError, match=message):
        snapshot_of_folders([tmp_path / "f"], tmp_path / "s")


def test_the_shell_trains_on_a_folder_and_measures_on_another(tmp_path: Path) -> None:
    learn, held_out = make_folder(tmp_path / "a", 4), make_folder(tmp_path / "b", 2, first=30)
    out, err = io.StringIO(), io.StringIO()
    options = [part for name in ("image_size=64", "batch_size=2", "steps=2") for part in ("--set", name)]
    arguments = ["train-clicks", str(learn), "--out", str(tmp_path / "run"), "--device", "cpu", *options]
    assert main(arguments, out, err) == 0, err.getvalue()
    assert json.loads(out.getvalue().splitlines()[-1])["steps"] == 2
    out = io.StringIO()
    assert main(["measure-clicks", str(tmp_path / "run" / "final"), str(held_out)], out, err) == 0
    figures = json.loads(out.getvalue())
    assert figures["objects"] == 2 and 1 <= figures["noc85"] <= figures["noc90"] <= 20
    assert main(["measure-clicks", str(tmp_path), str(held_out)], out, err) == 2
    assert err.getvalue().count("\n") == 1 and "manifest.json is missing" in err.getvalue()
