"""Prediction and validation with trained weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from models_zoo import IGNORE, decode_png, encode_png, get_method, parse_config
from models_zoo.engine import Prediction, Predictor, SilentCallbacks, fit, label_map, load_predictor, validate
from models_zoo.engine.checkpoint import CheckpointError
from tests.models_zoo.toy import DISC, SETTINGS, disc_image, make_snapshot


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on discs with strokes; its work folder, holding snapshot/ and final/."""
    folder = tmp_path_factory.mktemp("evaluate")
    make_snapshot(folder / "snapshot", count=8)
    settings = {**SETTINGS, "steps": 30, "learning_rate": 3e-3}
    fit(
        method="seeded_segmentation",
        config=parse_config(get_method("seeded_segmentation"), settings),
        snapshot_dir=folder / "snapshot",
        work_dir=folder,
        seed=0,
        device="cpu",
        callbacks=SilentCallbacks(),
    )
    return folder


@pytest.fixture(scope="module")
def predictor(trained: Path) -> Predictor:
    return load_predictor(trained / "final", "cpu")


@pytest.mark.parametrize("size", [(64, 48), (37, 91), (1, 1), (200, 33)])
def test_any_size_is_predicted_whole(predictor: Predictor, size: tuple[int, int]) -> None:
    rgb = np.full((size[1], size[0], 3), 90, np.uint8)
    (prediction,) = predictor.predict_batch([rgb])
    assert prediction.class_indices == (0, DISC)
    assert prediction.probabilities.dtype == np.float32
    np.testing.assert_allclose(prediction.probabilities.sum(axis=0), 1.0, atol=1e-5)
    assert label_map(prediction, *size).shape == (size[1], size[0])


def test_a_batch_of_mixed_sizes_keeps_its_order(predictor: Predictor) -> None:
    images = [disc_image(number, *size)[0] for number, size in enumerate([(64, 48), (48, 64), (64, 48)])]
    together = predictor.predict_batch(images)
    for rgb, prediction in zip(images, together, strict=True):
        alone = predictor.predict_batch([rgb])[0]
        np.testing.assert_allclose(alone.probabilities, prediction.probabilities, atol=1e-4)


def test_a_mirrored_image_gives_the_mirrored_prediction(predictor: Predictor) -> None:
    rgb = disc_image(3, 64, 64)[0]
    plain, mirrored = predictor.predict_batch([rgb, np.ascontiguousarray(rgb[:, ::-1])])
    np.testing.assert_allclose(plain.probabilities, mirrored.probabilities[..., ::-1], atol=1e-4)


def test_the_settings_choose_the_refiner_of_proposals(predictor: Predictor, trained: Path, tmp_path: Path) -> None:
    assert predictor.refiner == "par"
    folder = shutil.copytree(trained / "final", tmp_path / "final")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["refiner"] = "dense_crf"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert load_predictor(folder, "cpu").refiner == "dense_crf"
    del manifest["config"]["refiner"]  # a version from before there was a choice
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert load_predictor(folder, "cpu").refiner == "par"


def test_discs_are_learnt_from_strokes(predictor: Predictor, trained: Path) -> None:
    found = validate(predictor, trained / "snapshot")
    assert found["kind"] == "miou"
    assert found["n"] == 5
    assert found["value"] is not None and found["value"] > 0.7
    assert set(found["per_class"]) == {0, DISC}


def test_pixels_of_a_retired_class_count_like_ignored_ones(predictor: Predictor, tmp_path: Path) -> None:
    """A mask accepted long ago may hold a class that today's snapshot no longer has."""
    values = []
    for value in (IGNORE, 77):
        make_snapshot(tmp_path / str(value))
        for path in (tmp_path / str(value) / "masks").iterdir():
            label_map = decode_png(path.read_bytes()).copy()
            label_map[:9] = value
            path.write_bytes(encode_png(label_map))
        values.append(validate(predictor, tmp_path / str(value))["value"])
    assert values[0] is not None and values[0] == values[1]


def test_without_masks_held_back_marks_are_used(predictor: Predictor, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "snapshot", val_masks=False)
    found = validate(predictor, tmp_path / "snapshot")
    assert found["kind"] == "mark_accuracy"
    assert found["n"] == 5
    assert found["value"] is not None and 0.5 < found["value"] <= 1.0


def test_nothing_to_validate_on_is_none_not_zero(predictor: Predictor, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "snapshot", kinds=("tag",), val_masks=False)
    assert validate(predictor, tmp_path / "snapshot")["value"] is None


def test_changed_weights_are_refused(trained: Path, tmp_path: Path) -> None:
    for path in (trained / "final").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (tmp_path / "weights.safetensors").open("r+b") as opened:
        opened.seek(-1, 2)
        opened.write(b"\x7f")
    with pytest.raises(CheckpointError, match="hash"):
        load_predictor(tmp_path)


def test_label_map_takes_the_likeliest_class_index() -> None:
    probabilities = np.zeros((2, 2, 2), np.float32)
    probabilities[0, :, 0] = probabilities[1, :, 1] = 1.0
    drawn = label_map(Prediction(probabilities, (4, 9)), 8, 4)
    assert drawn.tolist() == [[4] * 4 + [9] * 4] * 4


def test_prediction_needs_no_gradients(predictor: Predictor) -> None:
    predictor.predict_batch([np.zeros((32, 32, 3), np.uint8)])
    assert torch.is_grad_enabled()
