"""The learned decoder's experiment, from a folder to weights, on a picture anyone can cut out."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as PILImage

pytest.importorskip("cv2")
pytest.importorskip("skimage")

from bench.annotators import first_strokes
from bench.interactive_tasks import names_left_out
from bench.live_decoder.cases import Cases, Example, add_cases, folder_examples
from bench.live_decoder.composites import Composer
from bench.live_decoder.strokes import middle_strokes, wandering_strokes
from bench.live_decoder.training import decoder_loss, load_cases, train
from models_zoo import Mark, encode_png, rasterize
from models_zoo.features import grid_size
from models_zoo.interactive import ImageContext
from models_zoo.interactive.live_decoder import decode, load_weights, padded, save_weights
from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.live_maps import CHANNELS, VALID


def disc(shade: int = 0) -> Example:
    """A red disc on grey ground with a little noise."""
    rows, columns = np.mgrid[:96, :128]
    truth = np.asarray((rows - 44) ** 2 + (columns - 60) ** 2 < 26**2)
    noise = np.random.default_rng(shade).normal(0, 4, (96, 128, 3))
    rgb = np.where(truth[..., None], (200, 40, 40 + shade), (120, 120, 120)) + noise
    return Example(f"discs/{shade}", np.clip(rgb, 0, 255).astype(np.uint8), truth, np.zeros_like(truth))


def write_set(folder: Path, count: int) -> Path:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        PILImage.fromarray(disc(number).rgb).save(folder / "images" / f"{number:02}.png")
        (folder / "masks" / f"{number:02}.png").write_bytes(encode_png(disc().truth.astype(np.uint8)))
    (folder / "classes.json").write_text(json.dumps({"classes": {"0": "background", "1": "disc"}}))
    return folder


def covered(marks: list[Mark], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    return rasterize(marks, width=shape[1], height=shape[0]).seeds


def test_no_measured_picture_is_trained_on(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "discs", 24)
    left = names_left_out(folder, 12, 8)
    assert len(left) == 4
    names = {example.name for example in folder_examples(folder, 60, 1, np.random.default_rng(0))}
    assert names == {f"discs/{name}" for name in left}


@pytest.mark.parametrize("dense", [False, True])
def test_crooked_strokes_keep_to_their_class(dense: bool) -> None:
    example = disc()
    marks = wandering_strokes(example.truth, example.ignore, np.random.default_rng(3), dense=dense)
    assert {mark.class_index for mark in marks} == {0, 1}
    assert len(marks) >= 8 if dense else len(marks) <= 4
    seeds = covered(marks, example.truth.shape)
    wrong = ((seeds == 1) & ~example.truth) | ((seeds == 0) & example.truth)
    assert np.count_nonzero(wrong) < 0.1 * np.count_nonzero(seeds != 254) + 5
    again = wandering_strokes(example.truth, example.ignore, np.random.default_rng(3), dense=dense)
    assert again == marks
    assert middle_strokes(example.truth, example.ignore, np.random.default_rng(3))


def test_a_perfect_answer_costs_nothing_and_what_is_ignored_never_does() -> None:
    truth = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    valid = torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
    sure = 40 * (2 * truth - 1)
    assert float(decoder_loss(sure, truth, valid)) == pytest.approx(0.0, abs=1e-6)
    wrong_where_ignored = sure.clone()
    wrong_where_ignored[0, 1, 1] = 40
    assert float(decoder_loss(wrong_where_ignored, truth, valid)) == pytest.approx(0.0, abs=1e-6)
    # All cells at even odds: cross entropy log 2 times 0.5 of balance, halved; both 1 of either 2.5.
    even = decoder_loss(torch.zeros_like(truth), truth, valid)
    assert float(even) == pytest.approx(0.5 * np.log(2) * (2 * 0.75 + 1.5) / 3 + 1 - 2 / 3.5, abs=1e-6)


def test_from_pictures_to_weights_that_answer(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = tmp_path / "ground.png"
    PILImage.fromarray(disc(7).rgb).save(picture)
    cases = Cases()
    for example in (disc(), Composer([[picture]], [disc().truth], rng).compose("composites/0")):
        add_cases(cases, example, None, rng)
    stored = cases.stacked()
    count = len(stored["name"])
    assert count and stored["maps"].shape == (count, CHANNELS, 64, 64) and stored["truth"].shape == (count, 128, 128)
    assert np.isfinite(stored["maps"].astype(np.float32)).all()
    columns, rows = grid_size(128, 96)
    inside = np.ones(((rows + 1) // 2, (columns + 1) // 2), np.float32)
    assert np.array_equal(stored["maps"][0, VALID], padded(inside, 64))
    np.savez(tmp_path / "cases.npz", **stored)
    networks = [train(load_cases([tmp_path / "cases.npz"]), steps=2, seed=1) for _ in range(2)]
    assert all(map(torch.equal, networks[0].state_dict().values(), networks[1].state_dict().values()))
    save_weights(networks[0], tmp_path / "decoder.f16")
    head = LiveHead(decode=partial(decode, load_weights(tmp_path / "decoder.f16")))
    head.set_image(ImageContext(rgb=disc().rgb, class_indices=(0, 1), background=0))
    answer = head.segment(first_strokes(disc().truth, disc().ignore), allowed=(0, 1)).label_map
    assert set(np.unique(answer)) <= {0, 1}
