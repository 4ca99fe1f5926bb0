"""What every registered method must do: learn from each kind it declares, repeat itself, and say what it saw."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from models_zoo import MethodInfo, TrainingError, list_methods, parse_config
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit, label_map, load_predictor
from models_zoo.engine.fit import class_weights
from models_zoo.methods.base import TaskContext, TrainingTask
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, disc_image, make_snapshot

FINEST: dict[str, object] = {"tile": "32"}
"""Of methods with coarse maps: in pictures this small larger tiles would be all of it."""
MIXTURE = ("tag", "point", "scribble", "box", "negative")
by_method = pytest.mark.parametrize("info", list_methods(), ids=lambda info: info.name)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to connect fails the test."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("a method touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def _small(info: MethodInfo, **more: object) -> dict[str, object]:
    names = {field.name for field in dataclasses.fields(info.config)}
    return {name: value for name, value in {**SETTINGS, **FINEST, **more}.items() if name in names}


def _masks(info: MethodInfo, count: int) -> int:
    """How many of so many images need an accepted mask: all where marks teach nothing."""
    return 0 if info.accepts else count


def _task_and_loader(info: MethodInfo, folder: Path, steps: int = 10, **more: object) -> tuple[TrainingTask, Loader]:
    torch.manual_seed(0)
    snapshot = read(folder)
    loader: type[Loader] = load_entry(info.loader)  # type: ignore[assignment]
    dataset = loader.dataset_type(snapshot, image_size=64, accepts=info.accepts)
    weights_C = torch.from_numpy(class_weights(dataset.labelled_shares(), 0.5))
    context = TaskContext(num_classes=len(snapshot.classes), class_weights_C=weights_C, seed=0)
    task: TrainingTask = load_entry(info.entry)(parse_config(info, _small(info, **more)), context)
    return task, loader(dataset, batch_size=2, steps=steps, seed=0)


@by_method
@pytest.mark.parametrize("kind", ["tag", "point", "scribble", "box"])
def test_learns_from_each_kind_it_declares(info: MethodInfo, kind: str, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=(kind,))
    if kind not in (info.needs or info.accepts):
        with pytest.raises(TrainingError):
            _task_and_loader(info, tmp_path / "s")
        return
    task, loader = _task_and_loader(info, tmp_path / "s")
    batch = loader.batch(9)
    losses = task.losses(batch)
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(losses.total)
    assert any(value > 0 for value in losses.parts.values())


@pytest.mark.parametrize("info", [info for info in list_methods() if info.accepts], ids=lambda info: info.name)
def test_loss_falls_on_two_images_with_everything_at_once(info: MethodInfo, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=MIXTURE, num_masks=1)
    task, loader = _task_and_loader(info, tmp_path / "s", steps=40)
    optimizer = torch.optim.AdamW(task.parameter_groups())
    marks = []
    for step in range(14):
        losses = task.losses(loader.batch(step))
        optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        task.after_step(step + 1)
        marks.append(losses.parts["marks"])
    assert np.mean(marks[-3:]) < 0.7 * np.mean(marks[:3])


@by_method
@pytest.mark.parametrize("encoder", ["resnet18", "vit_tiny"])
def test_every_kind_of_encoder_builds_and_runs(info: MethodInfo, encoder: str, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=MIXTURE, num_masks=_masks(info, 2))
    task, loader = _task_and_loader(info, tmp_path / "s", encoder=encoder)
    assert torch.isfinite(task.losses(loader.batch(5)).total)


@by_method
def test_checkpoint_round_trip_gives_the_same_prediction(info: MethodInfo, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=MIXTURE, num_masks=_masks(info, 2))
    first, loader = _task_and_loader(info, tmp_path / "s")
    second, _ = _task_and_loader(info, tmp_path / "s")
    optimizer = torch.optim.AdamW(first.parameter_groups())
    first.losses(loader.batch(0)).total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    first.after_step(1)
    rgb = loader.batch(0).rgb_BHWC
    assert not torch.equal(first.predict(rgb), second.predict(rgb))
    second.restore(first.checkpoint())
    assert torch.equal(first.predict(rgb), second.predict(rgb))


@by_method
def test_odd_sized_images_train_and_give_masks_of_their_size(info: MethodInfo, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=3, size=(51, 37), kinds=MIXTURE, num_masks=_masks(info, 3))
    result = fit(
        method=info.name,
        config=parse_config(info, _small(info, steps=3)),
        snapshot_dir=tmp_path / "s",
        work_dir=tmp_path / "w",
        seed=0,
        device="cpu",
        callbacks=SilentCallbacks(),
    )
    rgb = disc_image(1, 51, 37)[0]
    (prediction,) = load_predictor(result.weights_dir, "cpu").predict_batch([rgb])
    assert label_map(prediction, 51, 37).shape == (37, 51)
