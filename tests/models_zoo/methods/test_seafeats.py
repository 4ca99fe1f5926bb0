"""SeaFeats: templates, the two-part rule, and what a grid learns from one label a picture."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from models_zoo import Cancelled, SnapshotSpec, Tag, get_method, parse_config, write_manifest
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit
from models_zoo.engine.checkpoint import load_folder
from models_zoo.marks import IGNORE
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.seafeats.task import SeaFeatsTraining
from models_zoo.methods.seafeats.templates import Templates, template_labels
from models_zoo.snapshot import read
from tests.models_zoo.toy import CLASSES, DISC, SETTINGS, make_snapshot

ONE_PRESENT = torch.tensor([[False, True]])
NOT_PURE = torch.tensor([False])


def _cosines(ground: list[float], thing: list[float]) -> torch.Tensor:
    return torch.tensor([ground, thing]).view(1, 2, 1, -1)


def _labels(cosines: torch.Tensor, threshold: float, background: int | None = 0) -> list[int]:
    found = template_labels(cosines, ONE_PRESENT, NOT_PURE, threshold=threshold, background=background)
    return [int(value) for value in found.flatten()]


def test_a_cell_is_background_if_it_is_more_like_it_and_like_it_enough() -> None:
    cosines = _cosines([0.9, 0.7, 0.5, 0.8], [0.8, 0.8, 0.3, 0.8])
    assert _labels(cosines, 0.6) == [0, 1, 1, 1]  # nearer and like enough; not nearer; not enough; a draw is the class


def test_a_threshold_of_one_leaves_no_background_and_of_minus_one_the_nearest_template() -> None:
    torch.manual_seed(0)
    cosines = torch.rand(1, 2, 4, 5) * 2 - 1
    assert set(_labels(cosines, 1.0)) == {1}
    assert _labels(cosines, -1.0) == (cosines[:, 0] <= cosines[:, 1]).int().flatten().tolist()


def test_pictures_of_background_only_are_background_and_unknown_ones_teach_nothing() -> None:
    nobody = torch.zeros(2, 2, dtype=torch.bool)
    pure = torch.tensor([True, False])
    cosines = _cosines([0.1], [0.9]).expand(2, 2, 1, 1)
    assert template_labels(cosines, nobody, pure, threshold=0.6, background=0).flatten().tolist() == [0, IGNORE]


def test_without_a_background_class_cells_take_the_most_alike_of_their_pictures_classes() -> None:
    cosines = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1)
    present = torch.tensor([[False, True, True]])
    assert template_labels(cosines, present, NOT_PURE, threshold=-1.0, background=None).item() == 2


def test_a_template_is_the_mean_of_unit_features_and_older_steps_fade() -> None:
    templates = Templates(2, 2)
    right, up = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1), torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    members = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    assert templates.cosines(right).flatten().tolist() == [-2, -2]
    templates.update(right, members, 0)
    templates.update(up, members, 0)
    older, newer = (float(templates.cosines(unit)[0, 1]) for unit in (right, up))
    assert older / newer == pytest.approx(0.98) and older**2 + newer**2 == pytest.approx(1)
    assert float(templates.cosines(right)[0, 0]) == -2  # a class never met


def test_how_like_its_template_background_is_comes_from_background_only() -> None:
    templates = Templates(2, 2)
    units = F.normalize(torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]), dim=0).view(1, 2, 1, 5)
    templates.update(units, torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 5), 0)
    low = torch.quantile(templates.cosines(units)[:, 0], 0.2)
    assert torch.isclose(templates.get_buffer("likeness"), low)
    templates.update(-units, torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 1, 5), 0)
    assert torch.isclose(templates.get_buffer("likeness"), low)


def _task(**settings: object) -> SeaFeatsTraining:
    torch.manual_seed(0)
    config = parse_config(get_method("seafeats"), {**SETTINGS, "encoder": "resnet18", **settings})
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0)
    return SeaFeatsTraining(config, context)  # type: ignore[arg-type]


def _of(folder: Path, progress: float) -> Batch:
    dataset = TrainingSet(read(folder), image_size=64, accepts=get_method("seafeats").accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def test_cells_know_themselves_before_they_learn_labels(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    task = _task(contrastive_share=0.25)
    early = task.losses(_of(tmp_path, 0.1))
    assert early.parts["contrast"] > 0 and "cells" not in early.parts
    early.total.backward()  # type: ignore[no-untyped-call]
    assert any(p.grad is not None and p.grad.any() for p in task.projection.parameters())
    task.zero_grad()
    late = task.losses(_of(tmp_path, 0.8))
    assert late.parts["cells"] > 0 and "contrast" not in late.parts
    late.total.backward()  # type: ignore[no-untyped-call]
    assert not any(p.grad is not None and p.grad.any() for p in task.student.encoder.parameters())
    assert any(p.grad is not None and p.grad.any() for p in task.student.head.parameters())
    assert "contrast" not in _task().losses(_of(tmp_path, 0.0)).parts


@pytest.mark.parametrize("cell", ["16", "32", "64"])
def test_every_grid_gives_probabilities_at_a_quarter_of_the_size(cell: str, tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, size=(90, 40))
    task = _task(cell=cell, contrastive_share=0.25)
    assert math.isfinite(float(task.losses(_of(tmp_path, 0.1)).total.detach()))
    found = task.predict(torch.zeros(1, 64, 96, 3, dtype=torch.uint8))
    assert found.shape == (1, 2, 16, 24)
    assert torch.allclose(found.sum(dim=1), torch.ones(1, 16, 24), atol=1e-5)


def test_strokes_teach_their_class_its_template_and_are_not_guessed_over(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag", "scribble"))
    task, batch = _task(), _of(tmp_path, 0.8)
    units = F.normalize(torch.randn(2, 256, 4, 4), dim=1)
    labels = task.labels(batch, units)
    drawn = F.avg_pool2d(batch.targets_BChw.sum(dim=1, keepdim=True), 4)[:, 0] > 0
    assert drawn.any() and (labels[drawn] == IGNORE).all()
    assert task.templates.get_buffer("mass_C")[0] > 0


def test_masks_leave_nothing_to_guess_and_a_picture_without_the_class_is_background(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "full", count=2, num_masks=2)
    units = F.normalize(torch.randn(2, 256, 4, 4), dim=1)
    assert (_task().labels(_of(tmp_path / "full", 0.8), units) == IGNORE).all()
    make_snapshot(tmp_path / "none", count=2, kinds=("tag",))
    images = tuple(
        type(image)(**{**vars(image), "marks": (Tag(DISC, -1),)}) if image.split == "train" else image
        for image in read(tmp_path / "none").images
    )
    write_manifest(tmp_path / "none", SnapshotSpec(classes=CLASSES, images=images))
    assert "excluded" not in _task().losses(_of(tmp_path / "none", 0.8)).parts
    labels = _task().labels(_of(tmp_path / "none", 0.8), units)
    assert set(labels.flatten().tolist()) <= {0, IGNORE} and (labels == 0).any()


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def __init__(self, step: int) -> None:
        self.step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self.step:
            raise Cancelled


@pytest.mark.parametrize("stop_at", [1, 4])
def test_a_run_stopped_in_either_part_goes_on_and_ends_in_the_same_bits(tmp_path: Path, stop_at: int) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=("tag",))
    config = parse_config(get_method("seafeats"), {**SETTINGS, "contrastive_share": 0.4})

    def run(folder: str, callbacks: SilentCallbacks) -> dict[str, torch.Tensor]:
        made = fit(
            method="seafeats", config=config, snapshot_dir=tmp_path / "s", work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        )  # fmt: skip
        return load_folder(made.weights_dir)[0]

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt(stop_at))
    parted = run("parted", SilentCallbacks())
    assert all(torch.equal(value, parted[name]) for name, value in whole.items())
