"""A project trains a mask polisher on its accepted masks; where that helps, proposals pass through it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from django.utils import timezone

from labeling import provenance, storage
from labeling.errors import Conflict
from labeling.ml import predicting, weights
from labeling.models import Image, ModelVersion, Project, Proposal, ProposalRun
from labeling.selectors.interactive import polishing_version
from labeling.services.model_versions import Product, activate_version, publish_version
from labeling.tasks.proposing import propose_pool
from labeling.tasks.training import train
from models_zoo import TrainingError, decode_png
from tests.conftest import Cast
from tests.factories import make_image, make_mask, make_run, make_version
from tests.labeling.training_cast import make_pictures, start

# Heartbeats come from a thread with a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)

QUICK = {"steps": 2, "image_size": 64, "batch_size": 2}
GAIN = {"before": 0.7, "after": 0.75, "ece_before": 0.1, "ece_after": 0.05}


def accept(project: Project, *, split: str = "train", count: int = 1) -> list[Image]:
    images = [make_image(project, split=split) for _ in range(count)]
    for image in images:
        image.accepted_mask, image.accepted_at = make_mask(image), timezone.now()
        image.save()
    return images


def polisher_version(project: Project, gain: dict[str, float] | None) -> ModelVersion:
    run = make_run(project, method="mask_polisher", status="succeeded", finished_at="2026-01-01T00:00Z")
    return make_version(project, run=run, metrics={"polishing": gain} if gain else {})


def test_it_is_trained_for_the_model_in_use_and_is_never_active(cast: Cast) -> None:
    make_pictures(cast)
    train(start(cast).pk)
    accept(cast.project, count=2)
    accept(cast.project, split="val", count=3)
    run = start(cast, method="mask_polisher", config=QUICK)
    train(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("succeeded", "")
    version = ModelVersion.objects.get(number=2)
    assert not version.is_active and ModelVersion.objects.get(number=1).is_active
    assert version.metrics["validation"]["kind"] == "polished_miou" and version.metrics["validation"]["n"] == 3
    gained = version.metrics["polishing"]["after"] > version.metrics["polishing"]["before"]
    assert version.note.startswith("Mends proposals" if gained else "Not used")
    assert (polishing_version(cast.project) is not None) == gained


def test_without_a_model_in_use_the_run_says_what_to_do(cast: Cast) -> None:
    accept(cast.project, count=2)
    run = start(cast, method="mask_polisher", config=QUICK)
    train(run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and "train a model that makes proposals first" in run.error


def contrary(rgb: npt.NDArray[np.uint8], scores: npt.NDArray[np.float32]) -> SimpleNamespace:
    found = np.ascontiguousarray(scores[::-1])
    return SimpleNamespace(scores=found, probabilities=found)


@pytest.mark.parametrize(("gain", "mends"), [(GAIN, True), ({**GAIN, "after": 0.7}, False), (None, False)])
def test_proposals_are_mended_only_by_one_that_gained(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, gain: dict[str, float] | None, mends: bool
) -> None:
    make_pictures(cast)
    train(start(cast).pk)
    polisher = polisher_version(cast.project, gain)
    fetched = weights.fetch
    monkeypatch.setattr(weights, "fetch", lambda version: version if version == polisher else fetched(version))
    monkeypatch.setattr(predicting, "load_polisher", lambda folder, device: contrary)
    propose_pool(ProposalRun.objects.get().pk)
    proposals = Proposal.objects.filter(image__annotations__isnull=False)
    sources = [decode_png(storage.read(proposal.mask.provenance)) for proposal in proposals]
    assert sources and any((source == provenance.POLISHER).any() for source in sources) == mends
    for proposal, source in zip(proposals, sources, strict=True):
        label_map = decode_png(storage.read(proposal.mask.blob))
        for mark in proposal.image.annotations.get().marks.select_related("label_class"):
            x, y = int(mark.geometry["x"]), int(mark.geometry["y"])
            assert (label_map[y, x], source[y, x]) == (mark.label_class.index, provenance.PERSON)


def test_one_that_cannot_be_read_does_not_stop_proposals(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(cast)
    train(start(cast).pk)
    polisher_version(cast.project, GAIN)

    def broken(*arguments: Any, **more: Any) -> None:
        raise TrainingError("the mask polisher cannot be used")

    fetched = weights.fetch
    monkeypatch.setattr(weights, "fetch", lambda v: v if v.manifest == "none" else fetched(v))
    monkeypatch.setattr(predicting, "load_polisher", broken)
    propose_pool(ProposalRun.objects.get().pk)
    assert ProposalRun.objects.get().status == "succeeded" and Proposal.objects.exists()


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"polishing": GAIN}, "Mends proposals: mean IoU"),
        ({"polishing": {**GAIN, "after": 0.6}}, "Not used: mean IoU"),
        ({}, "too few accepted masks"),
    ],
)
def test_its_note_says_whether_it_is_used(cast: Cast, metrics: dict[str, Any], words: str) -> None:
    run = make_run(cast.project, method="mask_polisher")
    assert run.claim()
    product = Product(weights="w", manifest="m", class_indices=[0, 1], metrics=metrics)
    version = publish_version(run=run, product=product)
    assert words in version.note and not version.is_active


def test_nobody_can_activate_it(cast: Cast) -> None:
    with pytest.raises(Conflict) as caught:
        activate_version(version=polisher_version(cast.project, GAIN), by=cast.ada)
    assert caught.value.code == "mends_proposals"
