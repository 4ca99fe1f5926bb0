"""Adaptive Gaussian mixtures: which cells they start from, and their parts of the loss."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from models_zoo import get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.losses.box_projection import GridBox
from models_zoo.methods.agmm.seeds import initial_labels, surest
from models_zoo.methods.agmm.task import AdaptiveMixtures
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.seeded_segmentation.task import Judged
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, make_snapshot

INFO = get_method("agmm")
MIXTURE = {"mixture_labels", "mixture", "separation"}


def _task(*, num_classes: int = 2, **settings: object) -> AdaptiveMixtures:
    torch.manual_seed(0)
    context = TaskContext(num_classes=num_classes, class_weights_C=torch.ones(num_classes), seed=0, background=0)
    task = load_entry(INFO.entry)(parse_config(INFO, {**SETTINGS, "encoder": "resnet18", **settings}), context)
    assert isinstance(task, AdaptiveMixtures)
    return task


def _batch(folder: Path, progress: float, **snapshot: object) -> Batch:
    make_snapshot(folder, count=2, **snapshot)  # type: ignore[arg-type]
    dataset = TrainingSet(read(folder), image_size=64, accepts=INFO.accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def _empty(num_classes: int = 3, side: int = 10) -> Batch:
    """One image about which nobody said anything."""
    cells, classes = (1, num_classes, side, side), (1, num_classes)
    return Batch(
        rgb_BHWC=torch.zeros(1, 4 * side, 4 * side, 3, dtype=torch.uint8),
        jittered_BHWC=torch.zeros(1, 4 * side, 4 * side, 3, dtype=torch.uint8),
        targets_BChw=torch.zeros(cells),
        excluded_BChw=torch.zeros(cells, dtype=torch.bool),
        present_BC=torch.zeros(classes, dtype=torch.bool),
        absent_BC=torch.zeros(classes, dtype=torch.bool),
        plausible_BC=torch.ones(classes, dtype=torch.bool),
        valid_Bhw=torch.ones(1, side, side, dtype=torch.bool),
        is_full_B=torch.tensor([False]),
        items_Bhw=torch.full((1, side, side), -1),
        boxes=(),
        progress=0.5,
    )


@pytest.mark.parametrize("kind", ["point", "scribble"])
def test_what_is_drawn_makes_a_mixture_that_teaches_after_warm_up(tmp_path: Path, kind: str) -> None:
    task, batch = _task(), _batch(tmp_path, 0.0, kinds=(kind,))
    first, later = task.losses(batch), task.losses(dataclasses.replace(batch, progress=0.9))
    assert first.parts.keys() & MIXTURE == MIXTURE - {"mixture"} and later.parts.keys() >= MIXTURE
    assert all(math.isfinite(value) for value in later.parts.values())
    assert "absence" not in later.parts  # both classes are named


def test_accepted_masks_need_no_mixture(tmp_path: Path) -> None:
    assert not _task().losses(_batch(tmp_path, 0.9, num_masks=2)).parts.keys() & MIXTURE


def test_a_weight_of_zero_turns_its_part_off(tmp_path: Path) -> None:
    batch = _batch(tmp_path, 0.9)
    made = _task(mixture_weight=0.0).losses(batch).parts
    assert made.keys() & MIXTURE == {"separation"}
    assert not _task(mixture_weight=0.0, separation_weight=0.0).losses(batch).parts.keys() & MIXTURE


def test_without_mutual_supervision_the_network_moves_no_mixture(tmp_path: Path) -> None:
    batch = _batch(tmp_path, 0.9)
    features = torch.randn(2, 96, *batch.valid_Bhw.shape[1:], generator=torch.Generator().manual_seed(0))
    features.requires_grad_()
    logits = torch.randn(batch.targets_BChw.shape, generator=torch.Generator().manual_seed(1))
    moved = [
        _task(mutual=mutual).parts(logits, features, Judged(batch))["mixture"].requires_grad for mutual in (True, False)
    ]
    assert moved == [True, False]


@pytest.mark.parametrize("chosen", [{"em_rounds": 0}, {"mutual": False}])
def test_the_published_mixture_and_one_that_only_teaches_learn_too(tmp_path: Path, chosen: dict[str, Any]) -> None:
    task = _task(**chosen)
    losses = task.losses(_batch(tmp_path, 0.9))
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.student.decoder.fuse.parameters())


def test_classes_nobody_named_are_taught_to_be_absent_and_named_ones_out_of_sight_are_not(tmp_path: Path) -> None:
    task = _task(num_classes=3)
    with torch.no_grad():  # an answer that depends on nothing but the head
        task.student.head.classify.weight.zero_()
        task.student.head.classify.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))  # type: ignore[union-attr]
    two = torch.tensor([[True, True, False]])
    batch = dataclasses.replace(_empty(side=16), plausible_BC=two)
    share = math.exp(2) / (1 + math.exp(1) + math.exp(2))
    assert task.losses(batch).parts["absence"] == pytest.approx(-math.log(1 - share), rel=1e-4)
    assert "absence" not in _task(num_classes=3, absence_weight=0.0).losses(batch).parts


def test_half_precision_around_it_changes_nothing_of_the_mixture(tmp_path: Path) -> None:
    task, batch = _task(), _batch(tmp_path, 0.9)
    features = torch.randn(2, 96, *batch.valid_Bhw.shape[1:], generator=torch.Generator().manual_seed(0))
    logits = torch.randn(batch.targets_BChw.shape, generator=torch.Generator().manual_seed(1))
    plain = task.parts(logits, features, Judged(batch))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = task.parts(logits, features, Judged(batch))
    assert all(torch.equal(plain[name], halved[name]) for name in MIXTURE)


def test_cells_of_which_all_classes_but_one_are_ruled_out_are_of_that_one() -> None:
    batch = _empty(2)
    batch.excluded_BChw[0, 1, :, 5:] = True  # outside of the only box
    made = initial_labels(batch, None)
    assert made[0, 0, :, 5:].all() and not made[0, :, :, :5].any()
    batch.valid_Bhw[0, 0] = False
    batch.targets_BChw[0, 1, 9, 9] = 0.5  # what is drawn stays as it is
    made = initial_labels(batch, None)
    assert not made[0, :, 0].any() and made[0, :, 9, 9].tolist() == [0, 0.5]


def test_a_boxed_class_starts_from_the_fifth_of_its_box_that_is_believed_most() -> None:
    batch = dataclasses.replace(_empty(2), boxes=(GridBox(0, 1, 2, 2, 7, 6),))
    believed = torch.zeros(1, 2, 10, 10)
    believed[0, 1, 3, 2:6] = torch.tensor([0.4, 0.3, 0.2, 0.1])
    believed[0, 1, 9] = 0.9  # outside
    made = initial_labels(batch, believed)
    assert made.sum() == 4 and made[0, 1, 3, 2:6].all()
    batch.targets_BChw[0, 1, 0, 0] = 1  # labelled already
    assert initial_labels(batch, believed).sum() == 1
    assert initial_labels(dataclasses.replace(batch, targets_BChw=torch.zeros(1, 2, 10, 10)), None).sum() == 0


def test_a_tagged_class_starts_where_the_network_calls_cells_by_it() -> None:
    batch = _empty(2)
    batch.present_BC[0, 1] = True
    believed = torch.full((1, 2, 10, 10), 0.5)
    believed[0, 0], believed[0, 1, 4, :3] = 0.6, 0.9
    made = initial_labels(batch, believed)  # of the 5 surest cells, 3 are called so
    assert made.sum() == 3 and made[0, 1, 4, :3].all()


def test_nothing_is_surest_of_an_empty_area() -> None:
    believed, nowhere = torch.rand(3, 3), torch.zeros(3, 3, dtype=torch.bool)
    assert not surest(believed, nowhere, 0.2).any()
    nowhere[1, 1] = True
    assert surest(believed, nowhere, 0.2).nonzero().tolist() == [[1, 1]]
