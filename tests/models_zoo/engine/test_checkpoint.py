"""Checkpoints: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models_zoo.engine import checkpoint


def test_round_trip_with_manifest(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6).reshape(2, 3).t(), "b": torch.tensor(2.5)}
    checkpoint.save_folder(tmp_path / "x", tensors, {"step": 7})
    loaded, about = checkpoint.load_folder(tmp_path / "x")
    assert torch.equal(loaded["a"], tensors["a"])
    assert torch.equal(loaded["b"], tensors["b"])
    assert about["step"] == 7


def test_saving_replaces_a_leftover_of_a_crash(tmp_path: Path) -> None:
    (tmp_path / "x.tmp").mkdir()
    (tmp_path / "x.tmp" / "weights.safetensors").write_bytes(b"half")
    checkpoint.save_folder(tmp_path / "x", {"a": torch.ones(1)}, {})
    assert checkpoint.load_folder(tmp_path / "x")[0]["a"].item() == 1.0
    assert not (tmp_path / "x.tmp").exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "manifest.json"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    checkpoint.save_folder(tmp_path / "x", {"a": torch.ones(100)}, {})
    path = tmp_path / "x" / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(checkpoint.CheckpointError, match="train again"):
        checkpoint.load_folder(tmp_path / "x")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    checkpoint.save_folder(tmp_path / "x", {"a": torch.ones(1)}, {"format": 99})
    with pytest.raises(checkpoint.CheckpointError, match="format"):
        checkpoint.load_folder(tmp_path / "x")


def test_only_the_newest_step_of_the_same_run_is_kept_and_found(tmp_path: Path) -> None:
    for step in (5, 12):
        checkpoint.save_step(tmp_path, step, {"s": torch.tensor(step)}, {"run_key": "mine"})
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000012"]
    found = checkpoint.load_latest(tmp_path, "mine")
    assert found is not None
    assert found[0]["s"].item() == found[1]["step"] == 12
    assert checkpoint.load_latest(tmp_path, "another") is None


def test_files_hold_no_pickle(tmp_path: Path) -> None:
    checkpoint.save_step(tmp_path, 1, {"s": torch.ones(2)}, {"run_key": "k"})
    names = sorted(path.name for path in (tmp_path / "checkpoint-00000001").iterdir())
    assert names == ["manifest.json", "weights.safetensors"]
