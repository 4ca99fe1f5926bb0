"""Token contrast: what teaches when, whose word counts, and where pieces are cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models_zoo import Cancelled, get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit
from models_zoo.engine.checkpoint import load_folder
from models_zoo.marks import IGNORE
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.toco.heads import Projection, largest, mean
from models_zoo.methods.toco.pieces import (
    GROUND,
    THING,
    UNSURE,
    cut_pieces,
    draw_corners,
    may_show_things,
    piece_side,
    sureness,
)
from models_zoo.methods.toco.task import Seen, TocoTraining
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, make_snapshot

INFO = get_method("toco")
CHEAP = {**SETTINGS, "pieces": 2}


def _task(**settings: object) -> TocoTraining:
    torch.manual_seed(0)
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0)
    task = load_entry(INFO.entry)(parse_config(INFO, {**CHEAP, **settings}), context)
    assert isinstance(task, TocoTraining)
    return task.train()


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagged")
    make_snapshot(folder, count=2, kinds=("tag",))
    return folder


def _batch(folder: Path, progress: float) -> Batch:
    dataset = TrainingSet(read(folder), image_size=64, accepts=INFO.accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def _seen(batch: Batch, earlier: float, *, is_there: bool = True) -> Seen:
    """Maps of class 1 that are as high everywhere."""
    maps = torch.zeros_like(batch.targets_BChw)
    maps[:, 1] = earlier
    allowed = torch.tensor([[False, is_there]] * len(maps))
    return Seen(allowed, maps, torch.zeros(len(maps), 3))


@pytest.mark.parametrize("encoder", ["efficientnet_lite0", "vit_tiny"])
def test_tags_come_first_and_then_everything_at_once(tagged: Path, encoder: str) -> None:
    task = _task(encoder=encoder, warm_up=0.3)
    assert set(task.losses(_batch(tagged, 0.29)).parts) == {"tags", "earlier_tags", "marks"}
    losses = task.losses(_batch(tagged, 0.3))
    assert set(losses.parts) == {"tags", "earlier_tags", "marks", "seeds", "patches", "pieces", "ignored_share"}
    losses.total.backward()  # type: ignore[no-untyped-call]
    learning = (task.student.encoder, task.student.head, task.classifiers, task.projection)
    assert all(any(p.grad is not None and p.grad.any() for p in part.parameters()) for part in learning)
    assert task.student.training and not task.teacher.training


def test_an_absent_tag_teaches_with_the_labels_and_a_negative_mark_by_itself(tagged: Path) -> None:
    batch = _batch(tagged, 0.0)
    excluded = torch.zeros_like(batch.excluded_BChw)
    excluded[:, 1] = True
    absent = torch.tensor([[False, True]] * 2)
    untagged = dataclasses.replace(batch, excluded_BChw=excluded, present_BC=torch.zeros_like(absent))
    assert "excluded" in _task().losses(untagged).parts
    assert "excluded" not in _task().losses(dataclasses.replace(untagged, absent_BC=absent)).parts


def test_weights_of_nothing_turn_a_part_off(tagged: Path) -> None:
    parts = _task(patch_contrast=0, piece_contrast=0).losses(_batch(tagged, 0.9)).parts
    assert "seeds" in parts and not {"patches", "pieces"} & set(parts)


def test_the_averaged_projection_starts_as_the_learning_one_and_only_follows(tagged: Path) -> None:
    task = _task()
    pairs = list(zip(task.averaged_projection.parameters(), task.projection.parameters(), strict=True))
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    task.losses(_batch(tagged, 0.9)).total.backward()  # type: ignore[no-untyped-call]
    assert all(ours.grad is None and not ours.requires_grad for ours, _ in pairs)
    with torch.no_grad():
        task.projection.directions.add_(1.0)
    before = task.averaged_projection.directions.clone()
    task.after_step(1000)
    torch.testing.assert_close(task.averaged_projection.directions, before + 0.1)


def test_the_projection_gives_cosines() -> None:
    torch.manual_seed(0)
    made = Projection(6)(100 * torch.randn(3, 6))
    assert made.shape == (3, 256) and made.abs().max() <= 1 + 1e-5


def test_the_largest_and_the_mean_value_are_those_inside_the_picture() -> None:
    layer = torch.tensor([[[[1.0, 5.0, 9.0]], [[-3.0, -1.0, 2.0]]]])
    inside, nowhere = torch.tensor([[[True, True, False]]]), torch.zeros(1, 1, 3, dtype=torch.bool)
    assert largest(layer, inside).tolist() == [[5.0, -1.0]]
    assert mean(layer, inside).tolist() == [[3.0, -2.0]]
    assert largest(layer, nowhere).tolist() == [[9.0, 2.0]]
    assert mean(layer, nowhere)[0].tolist() == pytest.approx([5.0, -2 / 3])


@pytest.mark.parametrize(("encoder", "pool"), [("resnet18", mean), ("vit_tiny", largest)])
def test_transformers_are_asked_for_their_largest_values_and_convolutions_for_their_mean(
    encoder: str, pool: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    task = _task(encoder=encoder).eval()
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    valid[:, 3] = False
    with torch.no_grad():
        layers, _ = task.student.encoder.chain(torch.randn(1, 3, 64, 64))
        earlier, last = task.classifiers(layers, valid)
        expected = [pool(layers[16], valid) @ task.classifiers.earlier.weight[:, :, 0, 0].T]
        expected.append(pool(layers[32], valid) @ task.classifiers.last.weight[:, :, 0, 0].T)
    torch.testing.assert_close(earlier, expected[0])
    torch.testing.assert_close(last, expected[1])


def test_token_labels_are_what_the_earlier_maps_say_outside_of_marks(tagged: Path) -> None:
    task, batch = _task(), _batch(tagged, 0.9)
    nobody = torch.zeros(2, 2, dtype=torch.bool)
    valid = batch.valid_Bhw[:, 2::4, 2::4]
    for height, expected in ((0.9, 1), (0.5, IGNORE), (0.1, 0)):
        labels = task.token_labels(batch, _seen(batch, height), nobody)
        assert (labels[valid] == expected).all() and (labels[~valid] == IGNORE).all()
    drawn = batch.targets_BChw.clone()
    drawn[:, 0, :2, :2] = 1
    marked = dataclasses.replace(batch, targets_BChw=drawn)
    labels = task.token_labels(marked, _seen(batch, 0.9), nobody)
    assert (labels[:, 0, 0] == 0).all() and (labels[:, 1, 1:][valid[:, 1, 1:]] == 1).all()


def test_a_picture_without_things_teaches_no_pairs(tagged: Path) -> None:
    task, batch = _task(), _batch(tagged, 0.9)
    absent = torch.tensor([[False, True]] * 2)
    seen = _seen(batch, 0.0, is_there=False)
    assert (task.token_labels(batch, seen, absent) == IGNORE).all()
    # The segmenter still learns that it is all background.
    assert (task.cut_labels(seen.maps_BChw, batch, seen.allowed_BC, absent)[batch.valid_Bhw] == 0).all()


def test_what_was_drawn_is_sure() -> None:
    height = torch.tensor([[[0.1, 0.5, 0.9, 0.9, 0.1]]])
    targets = torch.zeros(1, 2, 1, 5)
    targets[0, 0, 0, 3] = targets[0, 1, 0, 4] = 0.5
    low, high = torch.tensor([[[0.25]]]), torch.tensor([[[0.7]]])
    code = sureness(height, targets, low=low, high=high, background=0)
    assert code.tolist() == [[[GROUND, UNSURE, THING, GROUND, THING]]]
    assert sureness(height, targets, low=low, high=high, background=None).tolist()[0][0][3] == THING


def test_pieces_are_a_quarter_wide_and_fit_the_encoder() -> None:
    assert [piece_side(size) for size in (32, 64, 128, 192, 256, 512)] == [32, 32, 32, 64, 64, 128]


def test_pieces_lie_inside_the_picture_about_places_that_are_not_sure() -> None:
    torch.manual_seed(0)
    valid = torch.zeros(2, 16, 24, dtype=torch.bool)
    valid[:, 2:14, 3:20] = True
    code = torch.full((2, 16, 24), THING)
    code[0, 8, 10] = UNSURE
    corners = draw_corners(code, valid, 12, 32)
    assert corners.shape == (2, 12, 2)
    assert (corners[0] == torch.tensor([4, 6])).all()  # its middle is the one open place
    rows, columns = corners[1].unbind(dim=1)  # all sure: anywhere inside
    assert rows.min() >= 2 and rows.max() <= 6 and columns.min() >= 3 and columns.max() <= 12
    assert len(set(map(tuple, corners[1].tolist()))) > 3
    torch.manual_seed(0)
    assert torch.equal(draw_corners(code, valid, 12, 32), corners)
    # No piece fits in: as much of the picture as can be.
    valid[1] = False
    valid[1, 5:7, 5:7] = True
    rows, columns = draw_corners(code, valid, 12, 32)[1].unbind(dim=1)
    assert rows.max() <= 5 and columns.max() <= 5


def test_pieces_are_cut_where_their_corners_are_and_of_background_only_below_a_fifth() -> None:
    images = torch.arange(2.0 * 64 * 64).view(2, 1, 64, 64)
    corners = torch.tensor([[[0, 0], [8, 4]], [[2, 8], [8, 8]]])
    pieces = cut_pieces(images, corners, 32)
    assert pieces.shape == (4, 1, 32, 32)
    assert pieces[:, 0, 0, 0].tolist() == [0, 64 * 64 + 8 * 64 + 32, 32 * 64 + 16, 64 * 64 + 32 * 64 + 32]
    code = torch.zeros(2, 16, 16)
    code[0, 8:, 4:12] = UNSURE
    code[1, 2, 8] = THING  # 2 / 64 of a piece: too little
    valid = torch.ones(2, 16, 16, dtype=torch.bool)
    assert may_show_things(code, valid, corners, 32).tolist() == [[False, False], [True, False]]
    valid[1] = False
    valid[1, 2:4, 8:10] = True  # of what lies in the picture it is a half
    assert may_show_things(code, valid, corners, 32).tolist() == [[False, True], [True, False]]


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == 2:
            raise Cancelled


def test_a_run_that_was_stopped_ends_in_the_same_bits(tagged: Path, tmp_path: Path) -> None:
    config = parse_config(INFO, {**CHEAP, "steps": 4})

    def run(folder: str, callbacks: SilentCallbacks) -> dict[str, torch.Tensor]:
        made = fit(
            method="toco", config=config, snapshot_dir=tagged, work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        )  # fmt: skip
        return load_folder(made.weights_dir)[0]

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt())
    parted = run("parted", SilentCallbacks())
    assert all(torch.equal(value, parted[name]) for name, value in whole.items())
