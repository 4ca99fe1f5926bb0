"""A polisher mends what it has seen go wrong, changes nothing a person set, and refuses what it cannot use."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from models_zoo import IGNORE, Point, Scribble, TrainingError, get_method, parse_config
from models_zoo.engine import FitResult, Prediction, SilentCallbacks, checkpoint, fit
from models_zoo.methods.base import TaskContext
from models_zoo.methods.mask_polisher.error_model import Blobs, ErrorModel
from models_zoo.methods.mask_polisher.fitting import likeliest_temperature, train_polisher
from models_zoo.methods.mask_polisher.info import MaskPolisherConfig
from models_zoo.methods.mask_polisher.network import given_logits
from models_zoo.methods.mask_polisher.polisher import MaskPolisher, joined, load_polisher
from models_zoo.methods.mask_polisher.spoilt import ERRORS, MaskSet, SpoiltLoader
from models_zoo.methods.mask_polisher.training import MaskPolishing
from models_zoo.polish import polish
from models_zoo.snapshot import read
from tests.models_zoo.toy import DISC, disc_image, make_snapshot

TINY = {"steps": 2, "image_size": 64, "batch_size": 2}
FloatArray = npt.NDArray[np.float32]


def task() -> MaskPolishing:
    torch.manual_seed(0)
    config = MaskPolisherConfig(image_size=64, batch_size=4)
    return MaskPolishing(config, TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0))


def polisher_of(made: MaskPolishing) -> MaskPolisher:
    made.eval()
    return MaskPolisher(made.encoder, made.teacher, image_size=64, temperature=1.0, device=torch.device("cpu"))


def sure_of(labels: npt.NDArray[np.uint8], sureness: float = 0.9) -> FloatArray:
    there = (labels == DISC).astype(np.float32)
    return np.asarray(np.stack([1 - there, there]) * (2 * sureness - 1) + (1 - sureness), np.float32)


def test_untrained_it_leaves_every_mask_as_it_is() -> None:
    rgb, truth = disc_image(1, 64, 64)
    mended = polisher_of(task())(rgb, sure_of(truth))
    half = truth[::2, ::2]
    inner = np.isin(half, (0, DISC))
    assert ((mended.scores.argmax(axis=0) * DISC == half) & inner).mean() > 0.97
    assert mended.probabilities.sum(axis=0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("width", "height", "classes"), [(51, 37, 3), (1, 1, 2), (300, 20, 2)])
def test_any_size_and_any_number_of_classes(width: int, height: int, classes: int) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
    scores = rng.dirichlet(np.ones(classes), (9, 7)).transpose(2, 0, 1).astype(np.float32)
    mended = polisher_of(task())(rgb, scores)
    assert mended.scores.shape == mended.probabilities.shape and len(mended.scores) == classes
    assert np.isfinite(mended.scores).all()


def test_it_learns_to_mend_the_mistakes_it_was_shown(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=6, num_masks=6, kinds=())
    errors = dataclasses.replace(ErrorModel(), shift_mean=24.0, shift_spread=8.0, holes=Blobs(1.0, 0.4))
    (tmp_path / "s" / ERRORS).write_text(errors.to_json())
    dataset = MaskSet(read(tmp_path / "s"), image_size=64, accepts=frozenset())
    loader, made = SpoiltLoader(dataset, batch_size=4, steps=60, seed=0), task()
    optimizer = torch.optim.AdamW(made.student.parameters(), lr=3e-3)
    for step in range(60):
        losses = made.losses(loader.batch(step))
        optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        made.after_step(step + 1)
    batch = SpoiltLoader(dataset, batch_size=16, steps=60, seed=5).batch(0)
    with torch.no_grad():
        features = made.encoder(made.encoder.normalise(batch.rgb_BHWC))
        after, _ = made.teacher(features, batch.guides_B2yx)
    truth = batch.truth_Byx > 0.5
    wrong = [
        float(((logits > 0) != truth)[batch.known_Byx].float().mean())
        for logits in (given_logits(batch.guides_B2yx), after)
    ]
    assert wrong[1] < 0.6 * wrong[0]


def test_a_step_is_always_the_same_batch(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=3, num_masks=3, kinds=())
    dataset = MaskSet(read(tmp_path / "s"), image_size=64, accepts=frozenset())
    first, second = (SpoiltLoader(dataset, batch_size=2, steps=9, seed=3).batch(4) for _ in range(2))
    assert torch.equal(first.guides_B2yx, second.guides_B2yx) and torch.equal(first.truth_Byx, second.truth_Byx)


def test_the_encoder_does_not_learn(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, num_masks=2, kinds=())
    loader = SpoiltLoader(
        MaskSet(read(tmp_path / "s"), image_size=64, accepts=frozenset()), batch_size=2, steps=2, seed=0
    )
    made = task()
    made.losses(loader.batch(0)).total.backward()  # type: ignore[no-untyped-call]
    assert all(part.grad is None for part in (*made.encoder.parameters(), *made.teacher.parameters()))
    assert all(part.grad is not None for part in made.student.parameters())


# --- in proposals ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    scores: FloatArray
    probabilities: FloatArray


def everything_is_the_disc(rgb: npt.NDArray[np.uint8], scores: FloatArray) -> _Given:
    found = np.zeros((len(scores), 40, 60), np.float32)
    found[1] = 1.0
    return _Given(found, np.full_like(found, 0.5))


def test_a_polisher_never_changes_what_a_person_set_and_tells_what_it_changed() -> None:
    rgb, truth = disc_image(2, 90, 60)
    prediction = Prediction(sure_of(truth), (0, DISC))
    stroke = Scribble(0, 1, ((5.0, 5.0), (80.0, 5.0)), 6.0)
    made = polish(prediction, rgb, [stroke, Point(0, 1, 45.0, 57.0)], refiner="none", polisher=everything_is_the_disc)
    assert (made.label_map[3:7, 6:80] == 0).all() and made.label_map[57, 45] == 0
    assert (made.confidence[3:7, 6:80] == 255).all() and (made.replaced[3:7, 6:80] == IGNORE).all()
    assert (made.label_map[20:50] == DISC).all()
    changed = made.replaced != IGNORE
    assert (made.replaced[changed] == 0).all() and changed[20:50].sum() > 0
    assert not (changed & (truth == DISC) & (made.label_map == DISC) & (made.replaced == DISC)).any()
    assert made.confidence[30, 2] in range(126, 130)


def test_without_a_polisher_nothing_is_replaced() -> None:
    rgb, truth = disc_image(2, 90, 60)
    assert (polish(Prediction(sure_of(truth), (0, DISC)), rgb).replaced == IGNORE).all()


# --- from a model to a polisher ----------------------------------------------------------------------


def test_a_model_and_accepted_masks_make_a_polisher_with_its_gain(tmp_path: Path) -> None:
    snapshot = tmp_path / "s"
    make_snapshot(snapshot, count=8, num_masks=8, kinds=())
    model = _model(tmp_path)
    made = train_polisher(
        model=model.weights_dir,
        config=parse_config(get_method("mask_polisher"), TINY),
        snapshot_dir=snapshot,
        work_dir=tmp_path / "p",
        seed=0,
        callbacks=SilentCallbacks(),
        device="cpu",
    )
    assert made.gain is not None and made.validation["kind"] == "polished_miou"
    assert made.validation["value"] == pytest.approx(made.gain["after"])
    assert 0.3 < load_polisher(made.fitted.weights_dir, "cpu").temperature < 5
    theirs = checkpoint.load_folder(model.weights_dir)[0]["encoder.stages.4.0.expand.weight"]
    assert torch.equal(checkpoint.load_folder(made.fitted.weights_dir)[0]["encoder.stages.4.0.expand.weight"], theirs)


def _model(folder: Path) -> FitResult:
    return fit(
        method="seeded_segmentation",
        config=parse_config(get_method("seeded_segmentation"), TINY),
        snapshot_dir=folder / "s",
        work_dir=folder / "m",
        seed=0,
        callbacks=SilentCallbacks(),
        device="cpu",
    )


def test_the_temperature_of_logits_that_are_too_sure_is_found() -> None:
    rng = np.random.default_rng(0)
    true_logits = rng.normal(0, 2, 20000).astype(np.float32)
    logits = np.stack([-true_logits, true_logits])
    is_second = rng.random(20000) < joined(logits[:, None])[1, 0]
    truth = np.stack([~is_second, is_second])
    assert likeliest_temperature([(2 * logits, truth)]) == pytest.approx(2, rel=0.1)
    assert likeliest_temperature([]) == 1.0


# --- what cannot be used -----------------------------------------------------------------------------


def test_damaged_errors_stop_the_training_with_a_sentence(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, num_masks=2, kinds=())
    (tmp_path / "s" / ERRORS).write_text("{}")
    dataset = MaskSet(read(tmp_path / "s"), image_size=64, accepts=frozenset())
    with pytest.raises(TrainingError, match="measure the errors again"):
        SpoiltLoader(dataset, batch_size=2, steps=2, seed=0)


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ("seeded_segmentation", {}, "give those of a mask polisher"),
        ("mask_polisher", {"polish.fine.1.weight": torch.full((32, 1, 3, 3), float("nan"))}, "not numbers"),
        ("mask_polisher", {"polish.fine.1.weight": torch.zeros(3)}, "train it again"),
        (None, {}, "manifest.json is missing"),
    ],
)
def test_weights_that_are_none_are_refused(
    method: str | None, change: dict[str, torch.Tensor], message: str, tmp_path: Path
) -> None:
    if method is not None:
        about = {"method": method, "config": {"image_size": 64}, "image_size": 64}
        checkpoint.save_folder(tmp_path / "final", {**task().weights(), **change}, about)
    with pytest.raises(TrainingError, match=message):
        load_polisher(tmp_path / "final", "cpu")
