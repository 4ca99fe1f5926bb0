"""The shell commands, from a snapshot to ranked pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from models_zoo import decode_png, list_acquisitions
from models_zoo.cli import main
from tests.models_zoo.toy import DISC, make_snapshot


def _run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(arguments, out, err), out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    make_snapshot(folder / "snapshot", count=4)
    settings = ("image_size=64", "batch_size=2", "steps=4")
    options = [part for setting in settings for part in ("--set", setting)]
    status, out, _ = _run("train", str(folder / "snapshot"), "--out", str(folder / "run"), "--device", "cpu", *options)
    assert status == 0
    last = json.loads(out.splitlines()[-1])
    assert last["steps"] == 4
    assert last["validation"]["kind"] == "miou"
    return folder


def test_methods_are_listed_with_their_settings() -> None:
    status, out, _ = _run("methods")
    assert status == 0
    assert "seeded_segmentation" in out and "crf_weight" in out


def test_predict_writes_a_mask_for_every_picture(trained: Path, tmp_path: Path) -> None:
    pictures = trained / "snapshot" / "images"
    status, out, _ = _run("predict", str(trained / "run" / "final"), str(pictures), "--out", str(tmp_path))
    assert status == 0
    assert len(out.splitlines()) == len(list(tmp_path.iterdir())) == 9
    mask = decode_png((tmp_path / "0.png").read_bytes())
    assert mask.shape == (48, 64)
    assert set(np.unique(mask).tolist()) <= {0, DISC}


@pytest.mark.parametrize("function", [info.name for info in list_acquisitions()])
def test_rank_lists_the_budget_once_each(trained: Path, function: str) -> None:
    pictures = trained / "snapshot" / "images"
    weights = str(trained / "run" / "final")
    status, out, _ = _run("rank", weights, str(pictures), "--function", function, "--budget", "3")
    assert status == 0
    names = [line.split("\t")[0] for line in out.splitlines()]
    assert len(names) == len(set(names)) == 3
    assert set(names) <= {path.name for path in pictures.iterdir()}


def test_rank_says_what_to_ask_where_it_knows(trained: Path) -> None:
    pictures = trained / "snapshot" / "images"
    _, out, _ = _run("rank", str(trained / "run" / "final"), str(pictures), "--function", "value_per_second")
    assert {line.split("\t")[2] for line in out.splitlines()} <= {"tag", "point", "scribble", "box", "mask"}


def test_rank_needs_no_model_to_begin_with(trained: Path) -> None:
    pictures = str(trained / "snapshot" / "images")
    status, out, _ = _run("rank", "none", pictures, "--function", "typiclust", "--budget", "2")
    assert (status, len(out.splitlines())) == (0, 2)
    status, _, err = _run("rank", "none", pictures, "--function", "bald")
    assert status == 2 and "bald needs a model's predictions" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "nowhere", "--out", "{tmp}/run"), "manifest.json is missing"),
        (("train", "nowhere", "--out", "{tmp}/run", "--method", "magic"), "no method named"),
        (("train", "nowhere", "--out", "{tmp}/run", "--set", "steps=many"), "whole number"),
        (("train", "nowhere", "--out", "{tmp}/run", "--set", "steps"), "NAME=VALUE"),
        (("predict", "{tmp}", "{tmp}", "--out", "{tmp}/o"), "manifest.json is missing"),
    ],
)
def test_mistakes_end_with_one_line_and_status_two(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    status, _, err = _run(*(part.format(tmp=tmp_path) for part in arguments))
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_polisher_is_trained_for_a_model_and_mends_its_masks(trained: Path, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, num_masks=2)
    model, settings = str(trained / "run" / "final"), ("--set", "image_size=64", "--set", "steps=2", "--device", "cpu")
    out_folder = str(tmp_path / "p")
    status, out, err = _run("train-polisher", str(tmp_path / "s"), "--model", model, "--out", out_folder, *settings)
    assert (status, err) == (0, "")
    last = json.loads(out.splitlines()[-1])
    assert last["validation"]["kind"] == "polished_miou" and set(last["polishing"]) >= {"before", "after"}
    pictures = str(trained / "snapshot" / "images")
    arguments = ("predict", model, pictures, "--out", str(tmp_path / "m"), "--polisher", last["weights"])
    assert _run(*arguments)[0] == 0 and len(list((tmp_path / "m").iterdir())) == 9


def test_a_polisher_is_not_trained_without_a_model(trained: Path, tmp_path: Path) -> None:
    snapshot = str(trained / "snapshot")
    status, _, err = _run("train", snapshot, "--method", "mask_polisher", "--out", str(tmp_path / "p"))
    assert status == 2 and "use train-polisher" in err
    missing = str(tmp_path / "none")
    status, _, err = _run("train-polisher", snapshot, "--model", missing, "--out", str(tmp_path / "p"))
    assert status == 2 and "manifest.json is missing" in err


def test_boxes_are_measured(trained: Path) -> None:
    status, out, _ = _run("measure-boxes", str(trained / "run" / "final"), str(trained / "snapshot"))
    found = json.loads(out)
    assert status == 0 and found["n"] == 5 and 0 <= found["gt_known"] <= 1
