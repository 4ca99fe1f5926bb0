"""Progressive patch learning: cutting and stitching, what a piece sees, and whose turn it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from models_zoo import get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.ppl.pieces import Cut, PatchClassifier, split, stitch
from models_zoo.methods.ppl.task import PplTraining, parse_cuts
from models_zoo.networks.encoders import STRIDES, Encoder, build_encoder
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, make_snapshot

D = 512


def _classifier(*cuts: Cut, at_once: bool = False, encoder: Encoder | None = None) -> PatchClassifier:
    torch.manual_seed(0)
    return PatchClassifier(encoder or build_encoder("resnet18"), 2, cuts, at_once=at_once).eval()


def _blind_encoder() -> Encoder:
    """No cell of it ever looks beside itself."""
    convs: dict[int, nn.Module] = {2: nn.Conv2d(3, 4, 2, 2)}
    convs |= {stride: nn.Sequential(nn.Conv2d(4, 4, 2, 2), nn.Tanh()) for stride in STRIDES[1:-1]}
    convs[32] = nn.Conv2d(4, 6, 1)
    return Encoder("blind", convs, {2: 4, 4: 4, 8: 4, 16: 4, 32: 6}, mean=(0, 0, 0), std=(1, 1, 1))


@pytest.mark.parametrize(("size", "multiple"), [((8, 12), 1), ((5, 7), 1), ((10, 9), 2), ((1, 3), 1)])
@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (3, 2), (4, 4)])
def test_stitching_what_was_split_changes_nothing(size: tuple[int, int], multiple: int, grid: tuple[int, int]) -> None:
    features = torch.randn(2, 3, *size)
    pieces = split(features, grid, multiple=multiple)
    assert len(pieces) == 2 * grid[0] * grid[1]
    assert pieces.shape[2] % multiple == 0 and pieces.shape[3] % multiple == 0
    assert torch.equal(stitch(pieces, grid, size), features)


def test_pieces_come_row_by_row() -> None:
    features = torch.arange(24.0).view(1, 1, 4, 6)
    pieces = split(features, (2, 3))
    assert pieces[:, 0].tolist()[1] == [[2, 3], [8, 9]]
    assert pieces[:, 0].tolist()[3] == [[12, 13], [18, 19]]


@torch.no_grad()
def test_one_piece_is_the_whole_to_the_bit() -> None:
    classifier = _classifier(Cut(8, 1))
    logits, layers = classifier(torch.randn(1, 3, 128, 96))
    assert layers[32].shape[1] == 2 * D and torch.equal(layers[32][:, :D], layers[32][:, D:])
    whole, pieces = classifier.parted_maps(layers)
    torch.testing.assert_close((whole + pieces).mean(dim=(2, 3)), logits)


@torch.no_grad()
@pytest.mark.parametrize("cut", [Cut(4, 3), Cut(8, 2), Cut(16, 4)])
def test_where_no_cell_looks_beside_itself_pieces_make_no_difference(cut: Cut) -> None:
    classifier = _classifier(cut, encoder=_blind_encoder())
    _, layers = classifier(torch.randn(2, 3, 256, 224))
    torch.testing.assert_close(layers[32][:, :6], layers[32][:, 6:])


@torch.no_grad()
def test_a_piece_knows_nothing_of_its_place() -> None:
    classifier = _classifier(Cut(8, 2))
    layers, _ = classifier.encoder.chain(torch.randn(1, 3, 128, 128))
    made = classifier.from_pieces(layers, classifier.cuts[0])
    moved = classifier.from_pieces({**layers, 8: layers[8].roll(8, dims=3)}, classifier.cuts[0])
    torch.testing.assert_close(moved, made.roll(4, dims=3))
    assert not torch.allclose(layers[32], made)


@torch.no_grad()
def test_no_piece_is_smaller_than_four_cells() -> None:
    classifier = _classifier(Cut(16, 4))
    seen: list[int] = []
    classifier.encoder.stages[-1].register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    classifier(torch.randn(1, 3, 128, 224))
    # The whole, then 2 x 3 pieces: the last map has 8 x 14 cells.
    assert seen == [1, 6]


def test_cuts_looked_at_all_at_once_do_not_teach_what_lies_before_them() -> None:
    classifier = _classifier(Cut(8, 2), Cut(16, 2), at_once=True)
    with torch.no_grad():
        classifier.classify.weight[:, :D] = 0
    classifier(torch.randn(1, 3, 128, 128))[0].sum().backward()
    taught = [
        any(p.grad is not None and p.grad.any() for p in stage.parameters()) for stage in classifier.encoder.stages
    ]
    # The cut after 8 teaches the stages 16 and 32, the one after 16 the last.
    assert taught == [False, False, False, True, True]
    assert classifier.classify.weight.shape[1] == 3 * D


def test_settings_say_where_and_how_often_is_cut() -> None:
    assert parse_cuts("16", "2 4") == (Cut(16, 2),)
    assert parse_cuts("4 8 16", "4 2") == (Cut(4, 4), Cut(8, 2), Cut(16, 2))


def _task(**settings: object) -> PplTraining:
    torch.manual_seed(0)
    info = get_method("ppl")
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0)
    chosen = {**SETTINGS, "encoder": "resnet18", "scales": "1", **settings}
    task = load_entry(info.entry)(parse_config(info, chosen), context)
    assert isinstance(task, PplTraining)
    return task


def _batch(folder: Path, progress: float) -> Batch:
    dataset = TrainingSet(read(folder), image_size=64, accepts=get_method("ppl").accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def test_cuts_take_turns_from_early_to_late_and_the_last_one_stays(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    task = _task(cuts="8 16")
    turns = []
    for progress in (0.0, 0.24, 0.26, 0.49, 0.9):
        parts = task.losses(_batch(tmp_path, progress)).parts
        turns.append(task.classifier.turn)
    assert turns == [0, 0, 1, 1, 1] and "seeds" in parts


@pytest.mark.parametrize("chosen", [{}, {"fusion": "explicit", "class_map": "grad_cam"}])
def test_consistency_grows_with_the_training_and_maps_come_of_all_parts(
    tmp_path: Path, chosen: dict[str, object]
) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    task = _task(**chosen)
    assert set(task.losses(_batch(tmp_path, 0.0)).parts) == {"tags"}
    losses = task.losses(_batch(tmp_path, 0.4))
    assert set(losses.parts) == {"tags", "consistency"} and losses.parts["consistency"] >= 0
    losses.total.backward()  # type: ignore[no-untyped-call]
    weight = task.classifier.classify.weight
    assert weight.grad is not None and all(part.any() for part in weight.grad.chunk(weight.shape[1] // D, dim=1))
    assert "seeds" in task.losses(_batch(tmp_path, 0.9)).parts


def test_without_weight_there_is_no_consistency(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    assert set(_task(consistency_weight=0).losses(_batch(tmp_path, 0.4)).parts) == {"tags"}
