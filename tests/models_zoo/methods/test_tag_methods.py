"""What the methods from tags share, and the walk of `affinity`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from models_zoo import Cancelled, SnapshotSpec, Tag, get_method, parse_config, write_manifest
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit
from models_zoo.engine.checkpoint import load_folder
from models_zoo.marks import IGNORE
from models_zoo.methods.affinity.task import AffinityTraining, walk
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.tag_training import TagTraining
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import CLASSES, SETTINGS, make_snapshot

CHEAP = {**SETTINGS, "encoder": "resnet18", "scales": "1"}


def _task(method: str, **settings: object) -> TagTraining:
    torch.manual_seed(0)
    info = get_method(method)
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0)
    task = load_entry(info.entry)(parse_config(info, {**CHEAP, **settings}), context)
    assert isinstance(task, TagTraining)
    return task


def _batch(folder: Path, progress: float, **snapshot: object) -> Batch:
    make_snapshot(folder, count=2, **snapshot)  # type: ignore[arg-type]
    return _of(folder, progress)


def _of(folder: Path, progress: float) -> Batch:
    dataset = TrainingSet(read(folder), image_size=64, accepts=get_method("cam").accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def test_tags_come_first_and_masks_from_where_the_classifier_looked(tmp_path: Path) -> None:
    task = _task("cam")
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    assert set(task.losses(_of(tmp_path, 0.0)).parts) == {"tags"}
    first = {name: value.clone() for name, value in task.teacher.state_dict().items()}
    task.after_step(1)
    assert all(torch.equal(value, first[name]) for name, value in task.teacher.state_dict().items())
    parts = task.losses(_of(tmp_path, 0.9)).parts
    assert "seeds" in parts and "tags" not in parts
    assert 0 <= parts["ignored_share"] <= 1


def test_affinities_are_learnt_between_tags_and_masks(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    task = _task("affinity")
    losses = task.losses(_of(tmp_path, 0.5))
    assert set(losses.parts) == {"pairs"} and math.isfinite(losses.parts["pairs"])
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert isinstance(task, AffinityTraining)
    assert any(p.grad is not None and p.grad.any() for p in task.head.parameters())
    assert all(p.grad is None for p in task.classifier.parameters())


@pytest.mark.parametrize("chosen", [{"affinity": "features"}, {"walk_steps": 0}])
def test_the_other_ways_to_walk_teach_too(tmp_path: Path, chosen: dict[str, object]) -> None:
    parts = _task("affinity", **chosen).losses(_batch(tmp_path, 0.9, kinds=("tag", "scribble"))).parts
    assert math.isfinite(parts["seeds"]) and parts["marks"] > 0


def test_masks_leave_nothing_to_guess(tmp_path: Path) -> None:
    parts = _task("cam").losses(_batch(tmp_path, 0.9, num_masks=2)).parts
    assert parts["marks"] > 0 and parts["seeds"] == 0


def test_an_absent_class_is_nowhere_and_the_background_is_what_it_leaves(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    snapshot = read(tmp_path)
    images = tuple(
        type(image)(**{**vars(image), "marks": (Tag(3, -1),)}) if image.split == "train" else image
        for image in snapshot.images
    )
    write_manifest(tmp_path, SnapshotSpec(classes=CLASSES, images=images))
    task, batch = _task("cam"), _of(tmp_path, 0.9)
    nobody = torch.zeros(2, 2, dtype=torch.bool)
    labels = task.labels(batch, nobody, batch.absent_BC.clone())
    assert (labels[batch.valid_Bhw] == 0).all()
    unknown = task.labels(batch, nobody, nobody)
    assert (unknown == IGNORE).all()


def test_the_averaged_segmenter_stays_in_evaluation_mode() -> None:
    task = _task("cam").train()
    assert task.student.training and not task.teacher.training


def test_a_wall_keeps_two_seeds_apart_and_without_it_they_mix() -> None:
    borders = np.zeros((9, 12), np.float32)
    borders[:, 6] = 1
    scores = np.zeros((2, 9, 12), np.float32)
    scores[0, 4, 1] = scores[1, 4, 10] = 1
    nothing, nowhere = np.zeros_like(scores), np.zeros((9, 12), np.bool_)
    apart = walk(scores, borders, nothing, nowhere, steps=60, beta=8.0)
    assert (apart[0, :, :6] > apart[1, :, :6]).all() and (apart[1, :, 7:] > apart[0, :, 7:]).all()
    assert not apart[1, :, :6].any() and not apart[0, :, 7:].any()
    assert walk(scores, np.zeros_like(borders), nothing, nowhere, steps=60, beta=8.0)[0, :, 7:].min() > 0


def test_marks_hold_their_place_on_the_walk() -> None:
    scores = np.random.default_rng(0).random((2, 6, 6)).astype(np.float32)
    marked, where = np.zeros_like(scores), np.zeros((6, 6), np.bool_)
    marked[1, 2, 3], where[2, 3] = 1, True
    made = walk(scores, np.zeros((3, 6, 6), np.float32), marked, where, steps=5, beta=2.0)
    assert made[:, 2, 3].tolist() == [0, 1]


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def __init__(self, step: int) -> None:
        self.step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self.step:
            raise Cancelled


@pytest.mark.parametrize(("method", "stop_at"), [("affinity", 2), ("affinity", 4), ("bas", 2), ("ppl", 2)])
def test_a_run_stopped_in_either_part_goes_on_and_ends_in_the_same_bits(
    tmp_path: Path, method: str, stop_at: int
) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=("tag",))
    more = {"walk_steps": 4} if method == "affinity" else {}
    config = parse_config(get_method(method), {**SETTINGS, "scales": "1", **more})

    def run(folder: str, callbacks: SilentCallbacks) -> dict[str, torch.Tensor]:
        made = fit(
            method=method, config=config, snapshot_dir=tmp_path / "s", work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        )  # fmt: skip
        return load_folder(made.weights_dir)[0]

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt(stop_at))
    parted = run("parted", SilentCallbacks())
    assert all(torch.equal(value, parted[name]) for name, value in whole.items())
