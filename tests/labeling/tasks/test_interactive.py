"""The interactive worker: real segmenters on small pictures, run in-process."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

from labeling import jobs, storage
from labeling.ml.segmenters import Segmenters, segmenters
from labeling.models import Event, Image, ImageFeature, LabelClass, Mask, ModelVersion, Proposal, ProposalRun
from labeling.selectors.annotations import zoo_marks
from labeling.services import decisions
from labeling.services.annotations import save_annotation
from labeling.services.provenance import read_label_map
from labeling.tasks import interactive
from labeling.tasks.encoding import encode_images, encode_missing
from tests.conftest import Cast
from tests.factories import make_image, make_prior

pytestmark = pytest.mark.django_db


def point(class_index: int, x: float, y: float) -> dict[str, Any]:
    geometry = {"x": x, "y": y}
    return {"id": str(uuid.uuid4()), "kind": "point", "class_index": class_index, "geometry": geometry}


SQUARE, GROUND = point(1, 16.0, 14.0), point(0, 42.0, 34.0)


@pytest.fixture
def image(cast: Cast) -> Image:
    return make_image(cast.project)  # 48 x 40 with a yellow square at 12..24 x 10..20


@pytest.fixture(autouse=True)
def forget_images() -> None:
    segmenters.__init__()  # type: ignore[misc]


def ask(image: Image, cast: Cast, revision: int, marks: list[Any], method: str = "live_head") -> ProposalRun:
    run = save_annotation(image=image, author=cast.ben, revision=revision, marks=marks, propose=method).run
    assert run is not None
    return run


@pytest.mark.parametrize("method", ["live_head", "grabcut"])
def test_marks_become_a_pending_proposal(cast: Cast, image: Image, method: str) -> None:
    run = ask(image, cast, 0, [SQUARE, GROUND], method)
    interactive.propose(run.pk)
    run.refresh_from_db()
    proposal = Proposal.objects.get()
    assert (run.status, run.done, run.total) == ("succeeded", 1, 1)
    assert (proposal.status, proposal.source, proposal.method) == ("pending", "interactive", method)
    assert proposal.source_revision == 1 and proposal.uncertainty is not None and 0 <= proposal.uncertainty <= 1
    label_map = read_label_map(proposal.mask)
    assert label_map.shape == (40, 48) and label_map[14, 16] == 1 and label_map[34, 42] == 0
    ready = Event.objects.get(verb="proposal.ready")
    assert ready.data == {
        "image": image.pk,
        "proposal": proposal.pk,
        "mask_sha256": proposal.mask.sha256,
        "source": "interactive",
        "source_revision": 1,
        "run": run.pk,
    }


def test_a_newer_answer_takes_the_place_of_the_older(cast: Cast, image: Image) -> None:
    interactive.propose(ask(image, cast, 0, [SQUARE]).pk)
    interactive.propose(ask(image, cast, 1, [SQUARE, GROUND]).pk)
    assert list(Proposal.objects.order_by("pk").values_list("status", flat=True)) == ["superseded", "pending"]
    assert ImageFeature.objects.count() == 1


def test_marks_that_moved_on_cancel_the_answer(cast: Cast, image: Image) -> None:
    run = ask(image, cast, 0, [SQUARE])
    save_annotation(image=image, author=cast.ben, revision=1, marks=[SQUARE, GROUND])
    interactive.propose(run.pk)
    run.refresh_from_db()
    assert run.status == "cancelled" and not Proposal.objects.exists()


def test_marks_that_move_while_the_method_is_busy_cancel_it_too(
    cast: Cast, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(image, cast, 0, [SQUARE])
    answer = Segmenters.answer

    def slow(self: Segmenters, **options: Any) -> Any:
        save_annotation(image=image, author=cast.ben, revision=1, marks=[SQUARE, GROUND])
        return answer(self, **options)

    monkeypatch.setattr(Segmenters, "answer", slow)
    interactive.propose(run.pk)
    run.refresh_from_db()
    assert run.status == "cancelled" and not Proposal.objects.exists() and not Mask.objects.exists()


def test_an_image_decided_meanwhile_gets_no_proposal_and_keeps_its_mask(
    cast: Cast, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(image, cast, 0, [SQUARE, GROUND])
    answer = Segmenters.answer

    def slow(self: Segmenters, **options: Any) -> Any:
        decisions.skip_image(image=image, by=cast.cleo, reason="other")
        return answer(self, **options)

    monkeypatch.setattr(Segmenters, "answer", slow)
    interactive.propose(run.pk)
    run.refresh_from_db()
    assert run.status == "cancelled" and not Proposal.objects.exists()


def test_a_second_delivery_does_nothing(cast: Cast, image: Image) -> None:
    run = ask(image, cast, 0, [SQUARE, GROUND])
    interactive.propose(run.pk)
    interactive.propose(run.pk)
    interactive.propose(10**9)
    assert Proposal.objects.count() == 1


def test_a_worker_taken_for_dead_cannot_store_its_answer(
    cast: Cast, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(image, cast, 0, [SQUARE, GROUND])
    answer = Segmenters.answer

    def slow(self: Segmenters, **options: Any) -> Any:
        ProposalRun.objects.filter(pk=run.pk).update(status="queued", attempt=5)
        return answer(self, **options)

    monkeypatch.setattr(Segmenters, "answer", slow)
    interactive.propose(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("queued", 5) and not Proposal.objects.exists()


def test_a_picture_that_is_gone_fails_the_run_with_what_to_do(cast: Cast, image: Image) -> None:
    run = ask(image, cast, 0, [SQUARE])
    storage.delete(image.file)
    interactive.propose(run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and "import the image again" in run.error
    interactive.prepare(image.pk)
    interactive.prepare(10**9)


def test_features_that_cannot_be_read_are_computed_again(cast: Cast, image: Image) -> None:
    encode_images(image.pk)
    storage.delete(ImageFeature.objects.get().blob)
    interactive.propose(ask(image, cast, 0, [SQUARE, GROUND]).pk)
    assert Proposal.objects.count() == 1 and storage.read(ImageFeature.objects.get().blob)


def test_an_answer_leans_on_what_the_model_in_use_sees(cast: Cast, image: Image) -> None:
    """A point on the ground alone: the square is what the model says, while there is one that says it."""
    prior = make_prior(image)  # class 1 on the left half
    interactive.propose(ask(image, cast, 0, [GROUND]).pk)
    with_model = read_label_map(Proposal.objects.latest("pk").mask)
    assert with_model[14, 16] == 1 and with_model[34, 42] == 0
    storage.delete(prior.blob)
    segmenters.__init__()  # type: ignore[misc]
    interactive.propose(ask(image, cast, 1, [GROUND, SQUARE]).pk)
    assert Proposal.objects.latest("pk").source_revision == 2
    ModelVersion.objects.update(is_active=False)
    interactive.propose(ask(image, cast, 2, [GROUND]).pk)
    assert read_label_map(Proposal.objects.latest("pk").mask)[14, 16] != 1


def test_images_are_encoded_once_and_a_bad_one_does_not_stop_the_rest(cast: Cast, image: Image) -> None:
    broken = make_image(cast.project)
    storage.delete(broken.file)
    encode_images(broken.pk, image.pk, 10**9)
    first = ImageFeature.objects.get()
    encode_images(broken.pk, image.pk)
    assert ImageFeature.objects.get() == first and first.image == image
    assert (first.encoder, first.size) == ("efficientnet_lite0", len(storage.read(first.blob)))


def test_images_whose_message_was_lost_are_asked_for_again(
    cast: Cast, image: Image, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    late = make_image(cast.project)
    encode_images(image.pk)
    sent: list[Any] = []
    monkeypatch.setattr(jobs, "_send", lambda *message: sent.append(message))
    with django_capture_on_commit_callbacks(execute=True):
        encode_missing()
    assert sent == [("encoding.encode_images", (late.pk,))]


def test_a_set_image_is_kept_and_the_least_used_one_goes(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from labeling.ml import segmenters as module

    made: list[int] = []
    set_image = module._with_image

    def counted(image: Image, key: Any) -> Any:
        made.append(image.pk)
        return set_image(image, key)

    monkeypatch.setattr(module, "_with_image", counted)
    classes = list(LabelClass.objects.filter(project=cast.project))
    first, second, third = (make_image(cast.project) for _ in range(3))
    for cache in (Segmenters(capacity=2), Segmenters(max_pixels=2 * 48 * 40)):
        made.clear()
        for image in (first, second, first, third, first, second):
            cache.prepare(image=image, method="grabcut", classes=classes)
        assert made == [first.pk, second.pk, third.pk, second.pk]


def test_a_picture_larger_than_the_cache_is_still_answered(cast: Cast, image: Image) -> None:
    cache = Segmenters(max_pixels=1)
    classes = list(LabelClass.objects.filter(project=cast.project))
    for _ in range(2):
        cache.prepare(image=image, method="grabcut", classes=classes)


def test_marks_of_a_retired_class_are_passed_over(cast: Cast, image: Image) -> None:
    run = ask(image, cast, 0, [SQUARE, GROUND])
    LabelClass.objects.filter(project=cast.project, index=1).update(is_retired=True)
    interactive.propose(run.pk)
    assert set(np.unique(read_label_map(Proposal.objects.get().mask))) <= {0, 255}
    assert len(zoo_marks(Proposal.objects.get().annotation_id)) == 2


def test_the_names_services_enqueue_are_tasks() -> None:
    from celery import current_app

    import labeling.tasks  # noqa: F401

    assert {"interactive.propose", "interactive.prepare", "encoding.encode_images", "encoding.encode_missing"} <= set(
        current_app.tasks
    )
