"""Proposals for the pool: everybody gets one, nobody's decision is touched, and twice is as once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labeling import provenance, storage
from labeling.errors import Cancelled, TransientError
from labeling.ml import predicting, ranking
from labeling.models import (
    AcquisitionScore,
    Event,
    Image,
    ImageFeature,
    ImagePrior,
    JobStatus,
    Mask,
    ModelVersion,
    Project,
    Proposal,
    ProposalRun,
    TrainingRun,
)
from labeling.services import runs
from labeling.services.model_versions import activate_version, request_pool_proposals
from labeling.services.offers import Offer, offer_proposals
from labeling.tasks.proposing import propose_pool
from labeling.tasks.training import train
from models_zoo import LabelMapError, decode_png, list_acquisitions
from models_zoo.acquisition import QUESTIONS
from models_zoo.interactive.prior import MAX_SIDE, decode_prior
from tests.conftest import Cast
from tests.factories import make_image, make_mask, make_model_proposal, make_prior, make_version
from tests.labeling.training_cast import make_pictures, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def version(cast: Cast) -> ModelVersion:
    """A trained version in use, with its pool run still queued."""
    make_pictures(cast)
    train(start(cast).pk)
    return ModelVersion.objects.get()


def finished(run: ProposalRun) -> ProposalRun:
    propose_pool(run.pk)
    run.refresh_from_db()
    return run


def accept(image: Image) -> Mask:
    mask = make_mask(image)
    Image.objects.filter(pk=image.pk).update(accepted_mask=mask, accepted_at=mask.created_at)
    return mask


def test_every_open_image_gets_a_proposal_and_scores(cast: Cast, version: ModelVersion) -> None:
    accepted, skipped = make_image(cast.project), make_image(cast.project, skip_reason="unclear")
    accept(accepted)
    run = finished(ProposalRun.objects.get())
    assert (run.status, run.error, run.done, run.total) == ("succeeded", "", 5, 5)
    offered = set(Proposal.objects.filter(status="pending").values_list("image_id", flat=True))
    assert offered == set(Image.objects.exclude(pk__in=[accepted.pk, skipped.pk]).values_list("pk", flat=True))
    scores = AcquisitionScore.objects.filter(model_version=version, function="entropy")
    assert scores.count() == 5
    assert all(0 <= score.score <= 1 for score in scores)
    assert Event.objects.latest("seq").data == {"model_version": version.pk}
    assert Event.objects.latest("seq").verb == "queue.reordered"


def test_a_proposal_keeps_the_marks_and_says_where_pixels_come_from(cast: Cast, version: ModelVersion) -> None:
    finished(ProposalRun.objects.get())
    proposal = Proposal.objects.filter(image__annotations__isnull=False, image__split="train").earliest("pk")
    label_map = decode_png(storage.read(proposal.mask.blob))
    source = decode_png(storage.read(proposal.mask.provenance))
    assert label_map.shape == (40, 48)
    for mark in proposal.image.annotations.get().marks.select_related("label_class"):
        x, y = int(mark.geometry["x"]), int(mark.geometry["y"])
        assert (label_map[y, x], source[y, x]) == (mark.label_class.index, provenance.PERSON)
    assert set(np.unique(source)) <= {provenance.PERSON, provenance.MODEL, provenance.POLISHED}
    assert (proposal.mask.origin, proposal.mask.model_version) == ("polished", version)
    assert sum(proposal.mask.pixel_counts.values()) == 40 * 48
    assert storage.read(proposal.uncertainty_blob).startswith(b"\x89PNG")
    assert proposal.uncertainty is not None and 0 <= proposal.uncertainty <= 1


def test_the_live_solver_gets_what_the_version_sees(cast: Cast, version: ModelVersion) -> None:
    finished(ProposalRun.objects.get())
    priors = list(ImagePrior.objects.all())
    assert {prior.image_id for prior in priors} == set(Image.objects.values_list("pk", flat=True))
    assert {prior.model_version for prior in priors} == {version}
    for prior in priors:
        data = storage.read(prior.blob)
        found = decode_prior(data)
        assert set(found.classes) <= set(version.class_indices) and max(found.maps.shape[1:]) <= MAX_SIDE
        sums = found.maps.astype(int).sum(axis=0)
        assert len(found.classes) < len(version.class_indices) or (abs(sums - 255) <= len(found.classes)).all()


def test_another_version_sees_anew(cast: Cast, version: ModelVersion) -> None:
    image = Image.objects.filter(split="train").earliest("pk")
    older = make_prior(image, make_version(cast.project))
    finished(ProposalRun.objects.get())
    newer = ImagePrior.objects.get(image=image)
    assert newer.model_version == version and newer.sha256 != older.sha256


def test_unmarked_measuring_images_are_not_announced(cast: Cast, version: ModelVersion) -> None:
    finished(ProposalRun.objects.get())
    told = set(Event.objects.filter(verb="proposal.ready").values_list("image_id", flat=True))
    hidden = Image.objects.get(split="test").pk
    assert Proposal.objects.filter(image=hidden).exists()
    assert told == set(Image.objects.exclude(pk=hidden).values_list("pk", flat=True))


def test_a_second_delivery_and_a_second_run_add_nothing(cast: Cast, version: ModelVersion) -> None:
    run = finished(ProposalRun.objects.get())
    finished(run)
    again = finished(request_pool_proposals(version=version, by=cast.ada))
    assert (again.status, again.done, again.total) == ("succeeded", 5, 5)
    per_image = sum(not info.needs_embeddings for info in list_acquisitions()) + 2  # and the question with its value
    counts = (Proposal.objects.count(), Mask.objects.count(), AcquisitionScore.objects.count())
    assert counts == (5, 5, 5 * per_image)


def test_a_resumed_run_computes_only_what_is_missing(
    cast: Cast, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "BATCH_IMAGES", 2)
    run = ProposalRun.objects.get()
    seen: list[int] = []
    offers = predicting.Proposer.offers

    def counted(self: Any, images: list[Image], marks: Any, **rest: Any) -> list[Offer]:
        if len(seen) == 2:
            seen.append(-1)
            raise OSError("storage is away")
        seen.extend(image.pk for image in images)
        return offers(self, images, marks, **rest)

    monkeypatch.setattr(predicting.Proposer, "offers", counted)
    with pytest.raises(OSError, match="away"):
        propose_pool(run.pk)
    ProposalRun.objects.filter(pk=run.pk).update(status=JobStatus.QUEUED, finished_at=None)
    finished(run)
    assert sorted(pk for pk in seen if pk > 0) == sorted(Image.objects.values_list("pk", flat=True))
    assert (run.status, Proposal.objects.count()) == ("succeeded", 5)


def test_older_proposals_give_way_and_rejected_ones_stay(cast: Cast, version: ModelVersion) -> None:
    older = make_version(cast.project)
    pending = make_model_proposal(Image.objects.filter(split="train").earliest("pk"), older)
    rejected = make_model_proposal(
        Image.objects.filter(split="train").latest("pk"),
        older,
        status="rejected",
        decided_by=cast.ben,
        decided_at=pending.created_at,
    )
    finished(ProposalRun.objects.get())
    pending.refresh_from_db()
    rejected.refresh_from_db()
    assert (pending.status, rejected.status) == ("superseded", "rejected")
    told = Event.objects.get(verb="proposal.superseded")
    assert told.data == {"image": pending.image_id, "proposals": [pending.pk]}


def test_images_decided_meanwhile_are_left_alone(cast: Cast, version: ModelVersion) -> None:
    image = Image.objects.filter(split="train").earliest("pk")
    accepted = accept(image)
    run = ProposalRun.objects.get()
    offer = Offer(
        image_id=image.pk,
        blob="b",
        sha256="0" * 64,
        pixel_counts={},
        provenance="",
        uncertainty=0.5,
        uncertainty_blob="",
        scores={"entropy": 0.5},
    )
    assert offer_proposals(run=run, offers=[offer]) == 0
    image.refresh_from_db()
    assert (image.accepted_mask, Proposal.objects.count(), AcquisitionScore.objects.count()) == (accepted, 0, 0)


def test_a_cancelled_run_keeps_what_it_had(cast: Cast, version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "BATCH_IMAGES", 2)
    run = ProposalRun.objects.get()
    offers = predicting.Proposer.offers

    def offers_then_cancel(*args: Any, **rest: Any) -> list[Offer]:
        made = offers(*args, **rest)
        if not Proposal.objects.exists():
            runs.request_cancel(ProposalRun.objects.get(pk=run.pk), by=cast.ada)
        return made

    monkeypatch.setattr(predicting.Proposer, "offers", offers_then_cancel)
    finished(run)
    assert (run.status, Proposal.objects.count()) == ("cancelled", 2)


def test_a_version_out_of_use_computes_nothing(cast: Cast, version: ModelVersion) -> None:
    run = ProposalRun.objects.get()
    ModelVersion.objects.update(is_active=False)
    finished(run)
    assert (run.status, Proposal.objects.count()) == ("failed", 0)
    assert "not in use" in run.error


def test_activating_another_version_replaces_its_predecessors_proposals(cast: Cast, version: ModelVersion) -> None:
    finished(ProposalRun.objects.get())
    train(start(cast, seed=1).pk)
    second = ModelVersion.objects.get(number=2)
    if not second.is_active:
        activate_version(version=second, by=cast.ada)
    finished(ProposalRun.objects.get(model_version=second))
    assert set(Proposal.objects.filter(status="pending").values_list("model_version", flat=True)) == {second.pk}
    assert Proposal.objects.filter(status="superseded", model_version=version).count() == 5


def test_one_bad_picture_does_not_stop_the_rest(cast: Cast, version: ModelVersion) -> None:
    bad = make_image(cast.project, file=storage.put("images", b"no picture", suffix="png").name)
    run = finished(ProposalRun.objects.get())
    assert run.status == "succeeded"
    assert set(Image.objects.exclude(proposals__isnull=False)) == {bad}


def test_a_lost_picture_does_not_stop_the_rest_but_lost_storage_does(cast: Cast, version: ModelVersion) -> None:
    lost = Image.objects.filter(split="train").earliest("pk")
    storage.delete(lost.file)
    proposer = predicting.Proposer(version)
    offers = proposer.offers(list(Image.objects.all()), {}, check=lambda: None)
    assert {offer.image_id for offer in offers} == set(Image.objects.exclude(pk=lost.pk).values_list("pk", flat=True))
    for image in Image.objects.exclude(pk=lost.pk):
        storage.delete(image.file)
    with pytest.raises(TransientError, match="none of the pictures"):
        proposer.offers(list(Image.objects.all()), {}, check=lambda: None)


def test_a_check_inside_a_batch_may_stop_it(cast: Cast, version: ModelVersion) -> None:
    def check() -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        predicting.Proposer(version).offers(list(Image.objects.all()), {}, check=check)
    assert TrainingRun.objects.get().status == "succeeded"


def test_batches_are_bounded_by_pixels_and_number() -> None:
    small = [Image(width=10, height=10) for _ in range(70)]
    large = [Image(width=8_000, height=8_000) for _ in range(2)]
    assert [len(batch) for batch in predicting.batches(small)] == [32, 32, 6]
    assert [len(batch) for batch in predicting.batches(large)] == [1, 1]


def test_a_function_over_the_whole_pool_ranks_what_has_features(
    cast: Cast, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.objects.update(settings_json={"acquisition": "core_set"})
    images = list(Image.objects.filter(split="train").order_by("pk"))
    vectors = {images[0].pk: np.array([0, 0], np.float32), images[1].pk: np.array([3, 4], np.float32)}
    monkeypatch.setattr(ranking, "current_feature", lambda pk: pk if pk in vectors else None)
    monkeypatch.setattr(ranking, "_embedding", vectors.get)
    finished(ProposalRun.objects.get())
    scores = AcquisitionScore.objects.filter(function="core_set")
    assert set(scores.values_list("image", flat=True)) == set(vectors)
    assert set(scores.values_list("score", flat=True)) == {5.0}


def scored(function: str) -> dict[int, float]:
    return dict(AcquisitionScore.objects.filter(function=function).values_list("image", "score"))


@pytest.mark.parametrize("function", [info.name for info in list_acquisitions() if info.needs_embeddings])
def test_every_function_over_the_pool_is_computed_where_it_is_chosen(
    cast: Cast, version: ModelVersion, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    Project.objects.update(settings_json={"acquisition": function})
    rng = np.random.default_rng(0)
    vectors = {pk: rng.normal(size=3).astype(np.float32) for pk in Image.objects.values_list("pk", flat=True)}
    monkeypatch.setattr(ranking, "current_feature", lambda pk: pk)
    monkeypatch.setattr(ranking, "_embedding", vectors.get)
    assert finished(ProposalRun.objects.get()).status == "succeeded"
    assert scored(function).keys() == vectors.keys()
    others = [info.name for info in list_acquisitions() if info.needs_embeddings and info.name != function]
    assert not AcquisitionScore.objects.filter(function__in=others).exists()


def test_an_order_that_is_chosen_later_comes_from_what_was_stored(
    cast: Cast, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(ProposalRun.objects.get())
    vectors = {pk: np.array([pk, 1], np.float32) for pk in Image.objects.values_list("pk", flat=True)}
    monkeypatch.setattr(ranking, "current_feature", lambda pk: pk)
    monkeypatch.setattr(ranking, "_embedding", vectors.get)
    for function in ("value_per_second", "badge"):
        Project.objects.update(settings_json={"acquisition": function})
        finished(request_pool_proposals(version=version, by=cast.ada))
        assert scored(function).keys() == vectors.keys()


def test_an_image_whose_proposal_is_lost_follows_in_the_random_order(
    cast: Cast, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(ProposalRun.objects.get())
    vectors = {pk: np.array([pk, 1], np.float32) for pk in Image.objects.values_list("pk", flat=True)}
    monkeypatch.setattr(ranking, "current_feature", lambda pk: pk)
    monkeypatch.setattr(ranking, "_embedding", vectors.get)
    lost, damaged, *_ = Proposal.objects.order_by("pk")
    storage.delete(lost.uncertainty_blob)
    monkeypatch.setattr(ranking, "decode_png", lambda data: _damaged_if(data, damaged))
    Project.objects.update(settings_json={"acquisition": "badge"})
    finished(request_pool_proposals(version=version, by=cast.ada))
    gone = set(Proposal.objects.filter(uncertainty_blob=lost.uncertainty_blob).values_list("image", flat=True))
    gone |= set(Proposal.objects.filter(mask__blob=damaged.mask.blob).values_list("image", flat=True))
    assert scored("badge").keys() == vectors.keys() - gone


def _damaged_if(data: bytes, proposal: Proposal) -> Any:
    if data == storage.read(proposal.mask.blob):
        raise LabelMapError("damaged", "cut short")
    return decode_png(data)


def test_features_that_hold_no_numbers_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SimpleNamespace(embedding=np.array([1, np.nan], np.float32))
    monkeypatch.setattr(ranking, "decode_features", lambda data: broken)
    monkeypatch.setattr(storage, "read", lambda name: b"")
    assert ranking._embedding(ImageFeature(blob="any")) is None


def test_the_question_looks_at_what_is_marked_already(cast: Cast, version: ModelVersion) -> None:
    finished(ProposalRun.objects.get())
    asked = {pk: QUESTIONS[int(place)] for pk, place in scored("question").items()}
    assert asked.keys() == set(Image.objects.values_list("pk", flat=True))
    pointed = set(Image.objects.filter(annotations__marks__kind="point").values_list("pk", flat=True))
    assert pointed and not {asked[pk] for pk in pointed} & {"tag", "point"}
    assert all(value >= 0 for value in scored("question_value").values())


def test_embeddings_of_an_older_encoder_are_left_out() -> None:
    vectors = {1: np.zeros(3, np.float32), 2: np.zeros(2, np.float32), 3: np.zeros(3, np.float32)}
    assert set(ranking._of_one_length(vectors)) == {1, 3}
    assert ranking._of_one_length({}) == {}
