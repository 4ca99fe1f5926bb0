"""The parts of seeded segmentation that are its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from models_zoo import get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.seeded_segmentation.task import SeededSegmentation
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, make_snapshot

INFO = get_method("seeded_segmentation")


def _task(*, num_classes: int = 2, **settings: object) -> SeededSegmentation:
    torch.manual_seed(0)
    context = TaskContext(num_classes=num_classes, class_weights_C=torch.ones(num_classes), seed=0)
    task = load_entry(INFO.entry)(parse_config(INFO, {**SETTINGS, **settings}), context)
    assert isinstance(task, SeededSegmentation)
    return task


def _batch(folder: Path, progress: float, **snapshot: object) -> Batch:
    make_snapshot(folder, count=2, **snapshot)  # type: ignore[arg-type]
    dataset = TrainingSet(read(folder), image_size=64, accepts=INFO.accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def test_nothing_trusts_the_network_during_warm_up(tmp_path: Path) -> None:
    parts = _task().losses(_batch(tmp_path, 0.0)).parts
    assert "crf" not in parts and "pseudo" not in parts


def test_colours_and_pseudo_labels_join_after_warm_up(tmp_path: Path) -> None:
    parts = _task().losses(_batch(tmp_path, 0.9)).parts
    assert parts["crf"] > 0
    assert "pseudo" in parts


def test_the_tree_joins_if_wanted_and_counts_by_its_weight(tmp_path: Path) -> None:
    batch = _batch(tmp_path, 0.9)
    assert "tree" not in _task().losses(batch).parts
    losses = _task(tree_weight=0.4).losses(batch)
    assert losses.parts["tree"] > 0 and torch.isfinite(losses.total)
    assert _task(tree_weight=0.8).losses(batch).parts["tree"] == pytest.approx(2 * losses.parts["tree"], rel=1e-4)
    losses.total.backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("refiner", ["tree_filter", "none"])
def test_pseudo_labels_can_follow_another_refiner(tmp_path: Path, refiner: str) -> None:
    batch = _batch(tmp_path, 0.9)
    made = {
        name: _task(refiner=name, pseudo_label_threshold=0.5).losses(batch).parts["pseudo"] for name in ("par", refiner)
    }
    assert all(math.isfinite(value) for value in made.values())
    assert made["par"] != made[refiner]


def test_accepted_masks_leave_nothing_to_guess(tmp_path: Path) -> None:
    parts = _task().losses(_batch(tmp_path, 0.9, num_masks=2)).parts
    assert set(parts) == {"marks", "dice"}


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("crf_weight", "crf"),
        ("pseudo_label_weight", "pseudo"),
        ("tag_weight", "tags"),
        ("box_weight", "boxes"),
        ("dice_weight", "dice"),
    ],
)
def test_a_weight_of_zero_turns_its_part_off(tmp_path: Path, setting: str, part: str) -> None:
    batch = _batch(tmp_path, 0.9, kinds=("tag", "scribble", "box"))
    assert part in _task().losses(batch).parts
    without: dict[str, Any] = {setting: 0.0}
    assert part not in _task(**without).losses(batch).parts


def test_teacher_follows_in_closed_form_and_takes_no_gradient() -> None:
    task = _task(ema_decay=0.5)
    name, parameter = next((n, p) for n, p in task.student.named_parameters() if p.requires_grad)
    ours = dict(task.teacher.named_parameters())[name]
    start = ours.clone()
    with torch.no_grad():
        parameter.fill_(2.0)
    for step in range(20, 23):
        task.after_step(step)
    torch.testing.assert_close(ours.data, 0.125 * start + 0.875 * torch.full_like(start, 2.0))
    assert not any(p.requires_grad for p in task.teacher.parameters())


def test_teacher_equals_student_without_averaging() -> None:
    task = _task(ema_decay=0.0)
    with torch.no_grad():
        for parameter in task.student.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    task.after_step(1)
    pairs = zip(task.teacher.parameters(), task.student.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_early_stages_stay_as_they_came() -> None:
    stages = _task().student.encoder.stages
    learning = [any(p.requires_grad for p in stage.parameters()) for stage in stages]
    assert learning == [False, False, True, True, True]


def test_many_classes_on_few_images_get_more_steps() -> None:
    steps = [_task(num_classes=number, steps=0, effort="normal").schedule(20).steps for number in (2, 12, 23)]
    assert steps == [250, 600, 1150]


@pytest.mark.parametrize(
    ("effort", "steps", "num_images", "expected"),
    [("normal", 77, 10, 77), ("quick", 0, 1, 100), ("normal", 0, 10**6, 2400)],
)
def test_schedule_stays_in_bounds(effort: str, steps: int, num_images: int, expected: int) -> None:
    assert _task(effort=effort, steps=steps).schedule(num_images).steps == expected
