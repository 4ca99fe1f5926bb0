"""Background activation suppression: what erasing leaves, and who learns from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models_zoo import get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.losses.background_suppression import background_suppression
from models_zoo.methods.bas.foreground import GENERATOR_STRIDE, erased_logits
from models_zoo.methods.bas.task import BasTraining, draw_class
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.networks.tag_classifier import TagClassifier
from models_zoo.registry import load_entry
from models_zoo.seeds.class_maps import to_unit_peak
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, make_snapshot


def _task(num_classes: int = 2, **settings: object) -> BasTraining:
    torch.manual_seed(0)
    info = get_method("bas")
    context = TaskContext(num_classes=num_classes, class_weights_C=torch.ones(num_classes), seed=0, background=0)
    chosen = {**SETTINGS, "encoder": "resnet18", "scales": "1", **settings}
    task = load_entry(info.entry)(parse_config(info, chosen), context)
    assert isinstance(task, BasTraining)
    return task


def _batch(folder: Path, progress: float) -> Batch:
    make_snapshot(folder, count=2, kinds=("tag",))
    dataset = TrainingSet(read(folder), image_size=64, accepts=get_method("bas").accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def _features(classifier: TagClassifier) -> tuple[Tensor, dict[int, Tensor]]:
    made: tuple[Tensor, dict[int, Tensor]] = classifier(torch.randn(2, 3, 64, 64))
    return made


def test_erasing_nothing_leaves_the_logit_and_erasing_all_that_of_nothing() -> None:
    classifier = _task().classifier.eval()
    logits, features = _features(classifier)
    middle = features[GENERATOR_STRIDE]
    kept = erased_logits(classifier, middle, torch.zeros(2, 4, 4))
    torch.testing.assert_close(kept, logits)
    whole = logits.detach().abs() + 1  # any sure class
    assert float(background_suppression(whole[:, 1], whole[:, 1])) == pytest.approx(1)
    gone = erased_logits(classifier, middle, torch.ones(2, 4, 4))
    nothing = classifier.encoder.onward(torch.zeros_like(middle), after=GENERATOR_STRIDE)
    torch.testing.assert_close(gone, classifier.class_maps(nothing).mean(dim=(2, 3)))


def test_what_is_erased_teaches_the_generator_only() -> None:
    task = _task().train()
    _, features = _features(task.classifier)
    statistics = [buffer.clone() for buffer in task.classifier.buffers()]
    parts = task.foreground(features, torch.tensor([[0.0, 2.0]] * 2), torch.tensor([1, 1]), torch.zeros(2, 2).bool())
    torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert set(parts) == {"suppression", "guidance", "area"}
    weight = task.generator.conv.weight
    assert weight.grad is not None and weight.grad[1].any() and not weight.grad[0].any()
    assert all(parameter.grad is None for parameter in task.classifier.parameters())
    assert all(torch.equal(now, then) for now, then in zip(task.classifier.buffers(), statistics, strict=True))


def test_the_foreground_waits_until_the_classifier_sees_the_class(tmp_path: Path) -> None:
    task, batch = _task(), _batch(tmp_path, 0.0)
    with torch.no_grad():
        task.classifier.classify.weight.zero_()
    assert set(task.losses(batch).parts) == {"tags"}
    with torch.no_grad():
        task.classifier.classify.weight.fill_(1.0)
    assert set(task.losses(batch).parts) == {"tags", "suppression", "guidance", "area"}


def test_one_present_class_is_drawn_and_each_has_its_turn() -> None:
    torch.manual_seed(0)
    present = torch.tensor([[False, True, False, True], [False, False, True, False]])
    drawn = torch.stack([draw_class(present) for _ in range(40)])
    assert set(drawn[:, 0].tolist()) == {1, 3} and set(drawn[:, 1].tolist()) == {2}
    assert draw_class(torch.zeros(1, 3).bool()).tolist() == [0]


@pytest.mark.parametrize("chosen", [{}, {"class_map": "grad_cam"}, {"add_class_maps": False}])
def test_maps_are_of_allowed_classes_and_reach_one(tmp_path: Path, chosen: dict[str, object]) -> None:
    task, batch = _task(num_classes=3, **chosen).eval(), _batch(tmp_path, 0.9)
    images = task.classifier.encoder.normalise(batch.rgb_BHWC)
    with torch.no_grad():
        maps = task.maps(batch, images, torch.tensor([[False, True, False], [False, False, True]]))
    assert maps.shape == (2, 3, *batch.valid_Bhw.shape[1:])
    assert maps[0, 1].max() == pytest.approx(1, abs=1e-3) and maps[1, 2].max() == pytest.approx(1, abs=1e-3)
    assert not maps[0, 2].any() and not maps[1, 1].any() and not maps[:, 0].any()


@torch.no_grad()
def test_both_kinds_of_map_come_of_one_pass(tmp_path: Path) -> None:
    task, batch = _task(scales="1 0.5").eval(), _batch(tmp_path, 0.9)
    images = task.classifier.encoder.normalise(batch.rgb_BHWC)
    allowed, size = torch.tensor([[False, True]] * 2), (int(batch.valid_Bhw.shape[1]), int(batch.valid_Bhw.shape[2]))
    found = to_unit_peak(task.over_views(task.foreground_maps, images, size), allowed)
    expected = to_unit_peak(found + task.class_maps(images, allowed, size), allowed)
    torch.testing.assert_close(task.maps(batch, images, allowed), expected)
