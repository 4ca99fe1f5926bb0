"""The simulated annotator at work: through the queue and the services, with every second counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labeling.errors import Invalid
from labeling.ml.simulating import COSTS, Verdict, make_annotator
from labeling.models import Annotation, Image, Lease, Mark, ModelVersion, Proposal
from labeling.simulation.learning import trust_unmeasured
from labeling.simulation.stage import Stage, set_stage
from labeling.simulation.work import Worker, truth_of
from labeling.storage import read
from models_zoo import LabelledFolder, decode_png
from tests.factories import make_model_proposal, make_version
from tests.models_zoo.toy_folder import make_folder

pytestmark = pytest.mark.django_db
MARKS_AN_IMAGE = 2  # background and square, a stroke each
VERDICT_S = 7.0
MARKED_S = MARKS_AN_IMAGE * COSTS.scribble + VERDICT_S  # the strokes, and a look at the mask that they made


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return set_stage(LabelledFolder.open(make_folder(tmp_path / "toy")), seed=0, strategy="uncertainty")


def worker_with(stage: Stage, action: str) -> Worker:
    """An annotator that judges every proposal alike."""

    class Decided:
        def verify(self, proposal: Any, truth: Any, *, patience_s: float) -> Verdict:
            if action == "repair" and patience_s < VERDICT_S:
                return Verdict("reject", COSTS.reject, None)
            mended = np.where(truth == 255, proposal, truth)
            return Verdict(action, VERDICT_S, {"accept": proposal, "repair": mended, "reject": None}[action])  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> Any:
            return getattr(make_annotator(0), name)

    return Worker(stage, Decided(), "scribbles")  # type: ignore[arg-type]


def propose_everywhere(stage: Stage) -> ModelVersion:
    version = make_version(stage.project, is_active=True)
    for image in stage.images():
        make_model_proposal(image, version)
    return version


def test_the_stage_holds_the_folder(stage: Stage) -> None:
    assert {image.name: image.split for image in stage.images()} == stage.folder.splits
    assert [row.name for row in stage.project.classes.all()] == ["background", "square"]
    assert stage.project.classes.get(index=0).is_background


def test_seeds_deal_different_orders(tmp_path: Path) -> None:
    folder = LabelledFolder.open(make_folder(tmp_path / "toy"))
    orders = []
    for seed in (0, 1):
        stage = set_stage(folder, seed=seed, strategy="random")
        rows = Image.objects.filter(project=stage.project).order_by("order_key")
        orders.append(list(rows.values_list("name", flat=True)))
    assert orders[0] != orders[1]
    assert stage.project.options.random_share == 1.0


def test_new_images_are_marked_and_paid_for(stage: Stage) -> None:
    worker = worker_with(stage, "accept")
    worker.work_round(quota=4)
    touched = Image.objects.filter(pk__in=worker.touched)
    assert touched.count() == Annotation.objects.count() == 4
    assert "test" not in set(touched.values_list("split", flat=True))
    assert Mark.objects.count() == 4 * MARKS_AN_IMAGE
    assert worker.tally.seconds == pytest.approx(4 * (COSTS.look + MARKED_S))
    assert worker.tally.full_seconds == pytest.approx(4 * (COSTS.look + 2 * COSTS.full_region))
    assert worker.tally.names == set(touched.values_list("name", flat=True))
    assert not Lease.objects.exists()


def test_a_second_round_takes_others_and_judges_what_was_offered(stage: Stage) -> None:
    worker = worker_with(stage, "accept")
    worker.work_round(quota=4)
    before, first = worker.tally.seconds, set(worker.touched)
    propose_everywhere(stage)
    worker.work_round(quota=2)
    assert len(worker.touched) == 6
    assert Image.objects.exclude(accepted_mask=None).count() == worker.tally.actions["accept"] == 6
    # Measuring images show no model's proposal before they are marked: new ones among them are marked first.
    new_val = Image.objects.filter(pk__in=worker.touched, split="val", annotations__isnull=False)
    marked = new_val.exclude(pk__in=first).count()
    assert worker.tally.seconds - before == pytest.approx(
        2 * (COSTS.look + VERDICT_S) + marked * MARKS_AN_IMAGE * COSTS.scribble
    )
    assert not Proposal.objects.filter(image__split="test").exclude(status="pending").exists()


def test_a_mended_mask_is_an_edit_of_the_proposal(stage: Stage) -> None:
    propose_everywhere(stage)
    worker_with(stage, "repair").work_round(quota=10)
    offered = Image.objects.exclude(accepted_mask=None).filter(annotations=None)  # the others were marked first
    accepted = offered.select_related("accepted_mask__parent")
    assert accepted.exists()
    for image in accepted:
        assert image.accepted_mask is not None
        assert image.accepted_mask.origin == "edited"
        assert image.accepted_mask.parent == Proposal.objects.get(image=image).mask


def test_mending_may_take_as_long_as_marking_anew_or_a_few_strokes(stage: Stage) -> None:
    asked: list[float] = []

    class Asked:
        def verify(self, proposal: Any, truth: Any, *, patience_s: float) -> Verdict:
            asked.append(patience_s)
            return Verdict("accept", VERDICT_S, proposal)

        def __getattr__(self, name: str) -> Any:
            return getattr(make_annotator(0), name)

    for strokes in (0, 1, 3):
        worker = Worker(stage, Asked(), "scribbles", mend_strokes=strokes)  # type: ignore[arg-type]
        worker.work_round(quota=1)
    assert sorted(set(asked)) == pytest.approx([0.0, MARKS_AN_IMAGE * COSTS.scribble, 3 * COSTS.scribble])


def test_what_takes_too_long_to_mend_is_marked_anew(stage: Stage) -> None:
    propose_everywhere(stage)
    worker = worker_with(stage, "repair")
    worker.mend_strokes = worker.corrections = 0
    worker.work_round(quota=10)
    assert not Image.objects.exclude(accepted_mask=None).exists()
    assert set(Proposal.objects.exclude(status="pending").values_list("status", flat=True)) == {"rejected"}
    assert Annotation.objects.count() == 10


def test_the_mask_under_the_pen_is_corrected_before_it_is_judged(stage: Stage) -> None:
    worker = worker_with(stage, "repair")
    worker.mend_strokes = 0
    worker.work_round(quota=4)
    corrected = [row for row in Annotation.objects.all() if row.marks.count() > MARKS_AN_IMAGE]
    assert corrected
    for annotation in corrected:
        first, last = Proposal.objects.filter(image=annotation.image).order_by("pk")
        assert (first.status, last.status) == ("superseded", "rejected")
        assert annotation.marks.count() <= MARKS_AN_IMAGE + 3
    assert worker.tally.actions["mark"] == Mark.objects.count()
    paid = Mark.objects.count() * COSTS.scribble + 4 * (COSTS.look + COSTS.reject) + len(corrected) * COSTS.look
    assert worker.tally.seconds == pytest.approx(paid)


def test_of_a_mask_that_is_rejected_the_right_regions_are_taken_where_something_was_drawn(stage: Stage) -> None:
    propose_everywhere(stage)
    worker = worker_with(stage, "reject")
    worker.corrections, worker.take_regions = 0, 8
    worker.work_round(quota=10)
    taken = Image.objects.exclude(accepted_mask=None).select_related("accepted_mask")
    assert worker.tally.actions["take"] == taken.count() > 0
    for image in taken:
        proposal = Proposal.objects.select_related("mask").get(image=image, status="accepted")
        assert image.accepted_mask is not None
        mask, offered = (decode_png(read(row.blob)) for row in (image.accepted_mask, proposal.mask))
        assert ((mask == offered) | (mask == 255)).all()
        assert (mask != 255).mean() >= 0.3
    # What the model offered before anything was drawn is judged as a whole.
    assert not Proposal.objects.filter(source="model", status="accepted").exists()


def test_a_rejected_proposal_is_followed_by_marks(stage: Stage) -> None:
    propose_everywhere(stage)
    worker = worker_with(stage, "reject")
    worker.corrections = 0
    worker.work_round(quota=10)
    assert not Image.objects.exclude(accepted_mask=None).exists()
    assert Annotation.objects.count() == 10
    assert worker.tally.actions["mark"] == 10 * MARKS_AN_IMAGE


def test_a_budget_beyond_the_pool_ends_with_the_pool(stage: Stage) -> None:
    worker = worker_with(stage, "accept")
    worker.work_round(quota=1_000)
    assert len(worker.touched) == len(stage.images("train", "val"))


def test_a_truth_of_another_size_is_refused(stage: Stage) -> None:
    image = stage.images()[0]
    image.width += 1
    with pytest.raises(Invalid, match="not of the picture's size"):
        truth_of(stage, image)


def test_mending_costs_a_squiggle() -> None:
    assert make_annotator(0).costs.corrective_click == COSTS.scribble


def test_a_person_trusts_the_newest_version_when_nothing_can_be_measured(stage: Stage) -> None:
    validation = {"value": None, "kind": "mark_accuracy", "n": 0}
    first = make_version(stage.project, is_active=True, metrics={"validation": validation})
    second = make_version(stage.project, metrics={"validation": validation})
    trust_unmeasured(stage, second)
    first.refresh_from_db()
    assert (first.is_active, second.is_active) == (False, True)
    third = make_version(stage.project, metrics={"validation": {**validation, "value": 0.1}})
    trust_unmeasured(stage, third)
    assert not third.is_active
