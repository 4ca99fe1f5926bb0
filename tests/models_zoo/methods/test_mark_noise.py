"""Seeded segmentation with marks of which some are wrong: what is remembered of each, and what is let go."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models_zoo import get_method, parse_config
from models_zoo.data.dataset import MAX_PATCHES, TrainingSet, number_patches
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit, load_predictor
from models_zoo.errors import Cancelled
from models_zoo.losses.box_projection import GridBox
from models_zoo.marks import IGNORE, UNLABELLED
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.seeded_segmentation.noise import (
    ConfidenceDoubt,
    EarlyLearningDoubt,
    Marks,
    SmallLossDoubt,
)
from models_zoo.methods.seeded_segmentation.sifting import sift
from models_zoo.methods.seeded_segmentation.task import SeededSegmentation
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, disc_image, make_snapshot

INFO = get_method("seeded_segmentation")
NOISES = ("elr", "small_loss", "nested_dropout", "confidence")


def test_patches_are_the_connected_pieces_of_each_class() -> None:
    seeds = np.full((4, 6), UNLABELLED, np.uint8)
    seeds[0, :2] = seeds[1, 2] = 0  # diagonal neighbours are one piece
    seeds[0, 2] = 5
    seeds[3, 0] = 0
    seeds[3, 5] = IGNORE
    patches = number_patches(seeds)
    assert patches[0].tolist() == [1, 1, 3, 0, 0, 0]
    assert (patches[1, 2], patches[3, 0], patches[3, 5]) == (1, 2, 0)
    many = np.full((1, 2 * MAX_PATCHES + 9), UNLABELLED, np.uint8)
    many[0, ::2] = 1
    assert number_patches(many).max() == MAX_PATCHES


def _batch(targets_Chw: list[list[list[float]]], items_hw: list[list[int]], **more: Any) -> Batch:
    targets = torch.tensor([targets_Chw])
    classes, grid = targets.shape[1], targets.shape[2:]
    nobody = torch.zeros(1, classes, dtype=torch.bool)
    values: dict[str, Any] = {
        "rgb_BHWC": torch.zeros(1, 4, 4, 3, dtype=torch.uint8),
        "jittered_BHWC": torch.zeros(1, 4, 4, 3, dtype=torch.uint8),
        "targets_BChw": targets,
        "excluded_BChw": torch.zeros(1, classes, *grid, dtype=torch.bool),
        "present_BC": nobody,
        "absent_BC": nobody,
        "plausible_BC": ~nobody,
        "valid_Bhw": torch.ones(1, *grid, dtype=torch.bool),
        "is_full_B": torch.tensor([False]),
        "items_Bhw": torch.tensor([items_hw]),
        "boxes": (),
        "progress": 0.5,
    }
    return Batch(**{**values, **more})


def _two_marks() -> Batch:
    """Item 7 labels two cells (one only half) as class 1, item 3 one cell as class 0; one cell is nobody's."""
    return _batch([[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.5], [0.0, 0.0]]], [[7, 7], [3, -1]])


PROBS = torch.tensor([[[[0.2, 0.8], [0.9, 0.5]], [[0.8, 0.2], [0.1, 0.5]]]])


def test_a_mark_is_judged_as_a_whole_by_its_labelled_share() -> None:
    marks = Marks.of(_two_marks())
    assert marks.items_M.tolist() == [3, 7] and marks.labels_M.tolist() == [0, 1]
    pooled = marks.pooled(PROBS)
    torch.testing.assert_close(pooled, torch.tensor([[0.9, 0.1], [0.4, 0.6]]))  # (0.8 + 0.5 * 0.2) / 1.5
    torch.testing.assert_close(marks.of_label(pooled), torch.tensor([0.9, 0.6]))
    assert marks.spread(torch.tensor([0.0, 0.25])).tolist() == [[[0.25, 0.25], [0.0, 1.0]]]


def _marks(items: list[int], labels: list[int]) -> Any:
    """Marks whose cells nobody asks for."""
    found = SimpleNamespace(items_M=torch.tensor(items), labels_M=torch.tensor(labels))
    found.of_label = lambda values: values.gather(1, found.labels_M[:, None]).squeeze(1)
    return found


def test_elr_lets_go_of_a_mark_that_it_remembers_as_another_class() -> None:
    doubt = EarlyLearningDoubt(5, 2)
    said = torch.tensor([[0.9, 0.1], [0.9, 0.1]])
    marks = _marks([1, 4], [0, 1])
    assert doubt.trust(marks, [said], said, 0.5)[0].tolist() == [1, 1]  # seen once: too little to judge by
    torch.testing.assert_close(doubt.memory.memory_NC[4], 0.3 * said[1])
    assert doubt.trust(marks, [said], said, 0.1)[0].tolist() == [1, 1]  # during warm-up
    assert doubt.trust(marks, [said], said, 0.5)[0].tolist() == [1, 0]
    assert not doubt.memory.memory_NC[[0, 2, 3]].any()


def test_the_regulariser_is_elr_on_the_cells_with_the_memory_of_their_mark() -> None:
    batch = _two_marks()
    marks = Marks.of(batch)
    doubt = EarlyLearningDoubt(8, 2)
    doubt.memory.memory_NC[7] = torch.tensor([0.3, 0.6])
    doubt.memory.memory_NC[3] = torch.tensor([0.0, 0.0])
    loss = doubt.regulariser(PROBS.log(), marks)
    agreements = [0.2 * 0.3 + 0.8 * 0.6, 0.8 * 0.3 + 0.2 * 0.6, 0.0]
    assert loss is not None
    assert float(loss) == pytest.approx(3.0 * sum(math.log(1 - each) for each in agreements) / 3, rel=1e-5)


def test_small_loss_ranks_over_all_images_and_remembers() -> None:
    doubt = SmallLossDoubt(6, rate=0.5)
    right, wrong = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.2, 0.8]])
    assert doubt.trust(_marks([0], [0]), [right], right, 1.0)[0].tolist() == [1]
    assert doubt.trust(_marks([5], [0]), [wrong], wrong, 1.0)[0].tolist() == [0]
    assert doubt.trust(_marks([0], [0]), [right], right, 1.0)[0].tolist() == [1]
    doubt.trust(_marks([5], [0]), [right], right, 1.0)
    assert float(doubt.losses_KN[0, 5]) == pytest.approx(-0.7 * math.log(0.2) - 0.3 * math.log(0.9), rel=1e-5)
    assert SmallLossDoubt(6, rate=0.5).trust(_marks([0, 1], [0, 0]), [wrong.expand(2, 2)], wrong, 0.0)[0].all()


def test_a_class_that_is_hard_to_learn_keeps_its_share_of_marks() -> None:
    doubt = SmallLossDoubt(4, rate=0.5)
    said = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.8, 0.2], [0.9, 0.1]])
    trust = doubt.trust(_marks([0, 1, 2, 3], [0, 0, 1, 1]), [said], said, 1.0)[0]
    assert trust.tolist() == [1, 0, 1, 0]


def test_two_networks_choose_for_each_other() -> None:
    doubt = SmallLossDoubt(2, rate=0.5, networks=2)
    first, second = torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([[0.3, 0.7], [0.8, 0.2]])
    for_first, for_second = doubt.trust(_marks([0, 1], [0, 0]), [first, second], first, 1.0)
    assert for_first.tolist() == [0, 1] and for_second.tolist() == [1, 0]


def test_confidence_trusts_all_alike_at_first_and_then_against_the_mean_of_the_class() -> None:
    doubt = ConfidenceDoubt(2)
    believed = torch.tensor([[0.8, 0.2], [0.4, 0.6], [0.6, 0.4]])
    marks = _marks([0, 1, 2], [0, 0, 1])
    trusts = [doubt.trust(marks, [believed], believed, at)[0].tolist() for at in (0.2, 0.3, 0.4)]
    assert trusts == [[1, 1, 1], pytest.approx([1, 5 / 6, 1]), pytest.approx([1, 2 / 3, 1])]
    surer = torch.tensor([[0.0, 1.0]])
    doubt.trust(_marks([2], [1]), [surer], surer, 0.4)
    torch.testing.assert_close(doubt.means_C, torch.tensor([0.6, 0.95 * 0.4 + 0.05]))


def _said(present: list[bool], absent: list[bool], **more: Any) -> Batch:
    excluded = torch.tensor([absent])[:, :, None, None].expand(1, 2, 2, 2)
    tags = {"present_BC": torch.tensor([present]), "absent_BC": torch.tensor([absent]), "excluded_BChw": excluded}
    return replace(_two_marks(), **{**tags, **more})


def test_the_tag_that_the_network_contradicts_most_goes_with_all_that_it_ruled_out() -> None:
    trust = torch.ones(1, 2, 2)
    believed = torch.stack([torch.full((2, 2), 0.9), torch.full((2, 2), 0.1)])[None]
    kept = sift(_said([True, True], [False, False]), believed, 0.5, trust)
    assert kept.present_BC.tolist() == [[True, False]]
    named = _said([False, False], [True, True], plausible_BC=torch.zeros(1, 2, dtype=torch.bool))
    kept = sift(named, believed, 0.5, trust)
    assert kept.absent_BC.tolist() == [[False, True]]
    assert not kept.excluded_BChw[0, 0].any() and kept.excluded_BChw[0, 1].all()
    assert kept.plausible_BC.tolist() == [[True, False]]
    assert sift(named, believed, 0.0, trust).absent_BC.all()


def test_a_box_that_its_class_does_not_span_goes() -> None:
    boxes = (GridBox(0, 0, 0, 0, 2, 2), GridBox(0, 1, 0, 0, 2, 2))
    believed = torch.stack([torch.full((2, 2), 0.9), torch.full((2, 2), 0.1)])[None]
    kept = sift(replace(_two_marks(), boxes=boxes), believed, 0.5, torch.ones(1, 2, 2))
    assert kept.boxes == boxes[:1]


def test_doubted_marks_leave_every_class_plausible() -> None:
    named = replace(_two_marks(), plausible_BC=torch.tensor([[True, False]]))
    believed = torch.full((1, 2, 2, 2), 0.5)
    assert sift(named, believed, 0.2, torch.ones(1, 2, 2)).plausible_BC.tolist() == [[True, False]]
    assert sift(named, believed, 0.2, torch.full((1, 2, 2), 0.4)).plausible_BC.all()


def _task_and_batch(folder: Path, noise: str, step: int, **snapshot: Any) -> tuple[SeededSegmentation, Batch]:
    make_snapshot(folder, count=2, **snapshot)
    dataset = TrainingSet(read(folder), image_size=64, accepts=INFO.accepts)
    torch.manual_seed(0)
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, num_items=MAX_PATCHES * len(dataset))
    task = load_entry(INFO.entry)(parse_config(INFO, {**SETTINGS, "noise": noise}), context)
    assert isinstance(task, SeededSegmentation)
    return task.train(), Loader(dataset, batch_size=2, steps=10, seed=0).batch(step)


def test_each_stroke_has_a_number_of_its_own_and_masks_have_none(tmp_path: Path) -> None:
    _, batch = _task_and_batch(tmp_path, "elr", 0, num_masks=1)
    numbers = [set(items[items >= 0].tolist()) for items in batch.items_Bhw]
    full = batch.is_full_B.tolist().index(True)
    assert numbers[full] == set()
    assert len(numbers[1 - full]) == 2 and all(MAX_PATCHES <= n < 2 * MAX_PATCHES for n in numbers[1 - full])


@pytest.mark.parametrize("noise", NOISES)
def test_every_mixture_of_marks_and_masks_gives_finite_losses_and_gradients(tmp_path: Path, noise: str) -> None:
    task, batch = _task_and_batch(tmp_path, noise, 9, kinds=("tag", "scribble", "box", "negative"), num_masks=1)
    losses = task.losses(batch)
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert all(math.isfinite(value) for value in losses.parts.values())
    assert ("partner" in losses.parts) == (noise == "nested_dropout")
    assert ("early" in losses.parts) == (noise == "elr")
    learnt: list[Tensor] = [p.grad for g in task.parameter_groups() for p in g["params"] if p.grad is not None]  # type: ignore[attr-defined]
    assert learnt and all(torch.isfinite(grad).all() for grad in learnt)


@pytest.mark.parametrize("noise", NOISES)
def test_masks_alone_are_learnt_as_without_doubt(tmp_path: Path, noise: str) -> None:
    task, batch = _task_and_batch(tmp_path, noise, 9, num_masks=2)
    assert set(task.losses(batch).parts) <= {"marks", "dice", "partner"}


def test_the_teacher_answers_with_all_channels_while_the_student_trains(tmp_path: Path) -> None:
    task, batch = _task_and_batch(tmp_path, "nested_dropout", 0)
    assert task.student.head.order.training and not task.teacher.head.order.training
    assert torch.equal(task.predict(batch.rgb_BHWC), task.predict(batch.rgb_BHWC))
    assert task.student.head.classify.bias is None


class _StopAt(SilentCallbacks):
    def __init__(self, step: int) -> None:
        self.step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self.step:
            raise Cancelled("stop")


@pytest.mark.parametrize("noise", ["elr", "nested_dropout"])
def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path, noise: str) -> None:
    make_snapshot(tmp_path / "s", count=3)
    common: dict[str, Any] = {
        "method": INFO.name,
        "config": parse_config(INFO, {**SETTINGS, "noise": noise, "steps": 5}),
        "snapshot_dir": tmp_path / "s",
        "seed": 0,
        "device": "cpu",
    }
    whole = fit(work_dir=tmp_path / "whole", callbacks=SilentCallbacks(), **common)
    with pytest.raises(Cancelled):
        fit(work_dir=tmp_path / "cut", callbacks=_StopAt(3), **common)
    cut = fit(work_dir=tmp_path / "cut", callbacks=SilentCallbacks(), **common)
    name = "weights.safetensors"
    assert (cut.weights_dir / name).read_bytes() == (whole.weights_dir / name).read_bytes()
    (prediction,) = load_predictor(cut.weights_dir, "cpu").predict_batch([disc_image(1, 64, 48)[0]])
    assert np.isfinite(prediction.probabilities).all()
