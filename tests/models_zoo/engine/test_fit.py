"""The training loop: falls, repeats, resumes to the bit, stops when asked, explains itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models_zoo import Cancelled, Scribble, SnapshotSpec, TrainingError, get_method, parse_config, write_manifest
from models_zoo.engine import FitResult, SilentCallbacks, fit
from models_zoo.engine.fit import class_weights, rate_factor
from models_zoo.snapshot import read
from tests.models_zoo.toy import DISC, SETTINGS, make_snapshot

METHOD = "seeded_segmentation"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums come out the same only for the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit") / "snapshot"
    make_snapshot(folder, kinds=("scribble", "box"), num_masks=2)
    return folder


class Recorder:
    """Remembers progress; stops after a given step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.prepared = False
        self.last: dict[str, float] = {}
        self.stop_after = stop_after

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if not done:
            self.prepared = True
            return
        self.seen.append((done, total))
        self.last = metrics
        if done == self.stop_after:
            raise Cancelled


def _fit(
    snapshot: Path, work_dir: Path, callbacks: Recorder | None = None, seed: int = 3, **settings: object
) -> FitResult:
    config = parse_config(get_method(METHOD), {**SETTINGS, **settings})
    return fit(
        method=METHOD,
        config=config,
        snapshot_dir=snapshot,
        work_dir=work_dir,
        seed=seed,
        device="cpu",
        callbacks=callbacks or SilentCallbacks(),
    )


def _weights(result: FitResult) -> dict[str, torch.Tensor]:
    return dict(load_file(result.weights_dir / "weights.safetensors"))


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_writes_weights_with_a_manifest_and_reports_every_step(snapshot: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    result = _fit(snapshot, tmp_path, recorder)
    assert recorder.prepared
    assert recorder.seen == [(step, 6) for step in range(1, 7)]
    assert {"loss", "marks"} <= recorder.last.keys()
    manifest = json.loads((result.weights_dir / "manifest.json").read_text())
    assert manifest["method"] == METHOD
    assert [item["index"] for item in manifest["classes"]] == [0, DISC]
    assert manifest["config"]["steps"] == result.steps == 6
    assert len(manifest["sha256"]) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(snapshot: Path, tmp_path: Path) -> None:
    first = _weights(_fit(snapshot, tmp_path / "a"))
    assert _same(first, _weights(_fit(snapshot, tmp_path / "b")))
    assert not _same(first, _weights(_fit(snapshot, tmp_path / "c", seed=4)))


def test_a_stopped_run_resumes_to_the_same_bits(snapshot: Path, tmp_path: Path) -> None:
    whole = _fit(snapshot, tmp_path / "whole")
    with pytest.raises(Cancelled):
        _fit(snapshot, tmp_path / "parts", Recorder(stop_after=3))
    again = Recorder()
    resumed = _fit(snapshot, tmp_path / "parts", again)
    assert [done for done, _ in again.seen] == [4, 5, 6]
    assert _same(_weights(whole), _weights(resumed))
    assert whole.metrics == resumed.metrics


def test_a_damaged_checkpoint_is_not_trusted(snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        _fit(snapshot, tmp_path, Recorder(stop_after=3))
    weights = next(tmp_path.glob("checkpoint-*/weights.safetensors"))
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    again = Recorder()
    _fit(snapshot, tmp_path, again)
    assert again.seen[0] == (1, 6)


def test_a_checkpoint_of_other_settings_is_not_used(snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        _fit(snapshot, tmp_path, Recorder(stop_after=3))
    again = Recorder()
    _fit(snapshot, tmp_path, again, crf_weight=0.0)
    assert again.seen[0] == (1, 6)


def test_a_finished_run_is_not_trained_twice(snapshot: Path, tmp_path: Path) -> None:
    first = _fit(snapshot, tmp_path)
    second = Recorder()
    assert _fit(snapshot, tmp_path, second) == first
    assert second.seen == []


def test_a_run_can_start_from_an_earlier_model(snapshot: Path, tmp_path: Path) -> None:
    first = _fit(snapshot, tmp_path / "first")
    config = parse_config(get_method(METHOD), {**SETTINGS, "steps": 1, "learning_rate": 1e-6, "ema_decay": 0.0})
    second = fit(
        method=METHOD,
        config=config,
        snapshot_dir=snapshot,
        work_dir=tmp_path / "second",
        seed=1,
        device="cpu",
        callbacks=SilentCallbacks(),
        init_weights=first.weights_dir,
    )
    before, after = _weights(first), _weights(second)
    assert all(torch.allclose(before[name], after[name], atol=1e-4) for name in before)


def test_no_marks_is_explained(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "snapshot", kinds=())
    with pytest.raises(TrainingError, match="no marks in the train split"):
        _fit(tmp_path / "snapshot", tmp_path / "work")


def test_marks_of_one_class_only_are_explained(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot"
    make_snapshot(folder)
    old = read(folder)
    stroke = Scribble(DISC, 1, ((5.0, 5.0), (20.0, 5.0)), 3.0)
    images = tuple(replace(image, marks=(stroke,)) for image in old.images)
    write_manifest(folder, SnapshotSpec(classes=old.classes, images=images))
    with pytest.raises(TrainingError, match="only 'disc' has been marked"):
        _fit(folder, tmp_path / "work")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot"
    make_snapshot(folder)
    (folder / "images" / "2.png").unlink()
    with pytest.raises(TrainingError, match=r"2\.png cannot be read"):
        _fit(folder, tmp_path / "work")


def test_a_missing_snapshot_is_explained(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"manifest\.json is missing"):
        _fit(tmp_path, tmp_path / "work")


def test_rate_rises_then_falls() -> None:
    factors = [rate_factor(step, 100) for step in range(100)]
    assert factors[0] == pytest.approx(0.2)
    assert max(factors) == pytest.approx(1.0)
    assert factors[-1] < 0.02


def test_class_weights_average_one_over_pixels_and_are_capped() -> None:
    shares = np.array([0.7, 0.299, 0.001, 0.0])
    weights = class_weights(shares, 0.5)
    assert float((weights * shares).sum()) == pytest.approx(1.0)
    assert weights[2] / weights[0] < (0.7 / 0.001) ** 0.5
    assert weights[3] == 1.0
    assert class_weights(shares, 0.0).tolist() == [1.0] * 4
