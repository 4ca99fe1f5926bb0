"""Starting a run: what is frozen, what is refused, and that refusing changes nothing."""

from __future__ import annotations

import json

import pytest

from labeling import storage
from labeling.errors import Conflict, Invalid
from labeling.models import Event, JobStatus, Mask, Review, TrainingRun
from labeling.selectors.snapshots import choose_training_rows
from labeling.services.training import MAX_CURVE_POINTS, note_progress, thinned
from models_zoo import MarkKind
from tests.conftest import Cast
from tests.factories import make_annotation, make_class, make_image, make_mark, make_mask, make_run
from tests.labeling.training_cast import make_pictures, start

KINDS = [kind.value for kind in MarkKind]


def chosen(cast: Cast, **options: object) -> dict[int, object]:
    choice = choose_training_rows(cast.project, **({"mark_kinds": KINDS, "splits": ["train"]} | options))  # type: ignore[arg-type]
    return {int(image.id): image for image in choice.images}


def accept(image: object, mask: Mask) -> None:
    image.accepted_mask, image.accepted_at = mask, mask.created_at  # type: ignore[attr-defined]
    image.save()  # type: ignore[attr-defined]


def test_a_run_freezes_data_at_the_click(cast: Cast) -> None:
    images = make_pictures(cast)
    run = start(cast, seed=7)
    make_annotation(images[2], cast.ada, marks=2)
    content = json.loads(storage.read(run.snapshot))
    assert (run.status, run.number, run.seed, run.num_images, run.num_marks) == ("queued", 1, 7, 2, 4)
    assert content["hash"] == run.snapshot_hash
    assert [int(item["id"]) for item in content["images"]] == [images[0].pk, images[1].pk, images[3].pk]
    assert [item["split"] for item in content["images"]] == ["train", "train", "val"]
    assert Event.objects.get(verb="run.queued").data == {"kind": "training_run", "id": run.pk, "status": "queued"}


def test_the_same_state_gives_the_same_snapshot(cast: Cast) -> None:
    make_pictures(cast)
    first = start(cast)
    TrainingRun.objects.filter(pk=first.pk).update(status=JobStatus.CANCELLED, finished_at=first.created_at)
    second = start(cast)
    assert (second.number, second.snapshot) == (2, first.snapshot)


def test_config_is_stored_whole(cast: Cast) -> None:
    make_pictures(cast)
    run = start(cast, config={"steps": "5"})
    assert run.config["steps"] == 5
    assert run.config["effort"] == "normal"


def test_test_images_skipped_images_and_retired_classes_stay_out(cast: Cast) -> None:
    images = make_pictures(cast)
    make_annotation(images[-1], cast.ben, marks=2)
    images[0].skip_reason = "unclear"
    images[0].save()
    retired = make_class(cast.project, index=2, is_retired=True)
    make_mark(images[1].annotations.get(), retired)
    found = chosen(cast)
    assert list(found) == [images[1].pk, images[3].pk]
    assert {mark.class_index for mark in found[images[1].pk].marks} == {0, 1}  # type: ignore[attr-defined]


def test_marks_of_several_people_are_merged_and_the_later_tag_stays(cast: Cast) -> None:
    image = make_image(cast.project)
    first, second = make_annotation(image, cast.ben), make_annotation(image, cast.ada)
    one = cast.project.classes.get(index=1)
    make_mark(first, one, kind="tag", geometry={})
    make_mark(first, one)
    make_mark(second, one, kind="tag", geometry={}, sign=-1)
    marks = chosen(cast)[image.pk].marks  # type: ignore[attr-defined]
    assert [(mark.kind.value, mark.sign) for mark in marks] == [("point", 1), ("tag", -1)]


def test_only_the_chosen_kinds_enter_and_accepted_masks_always_do(cast: Cast) -> None:
    tagged, masked = make_image(cast.project), make_image(cast.project)
    make_mark(make_annotation(tagged, cast.ben), cast.project.classes.get(index=1), kind="tag", geometry={})
    accept(masked, make_mask(masked))
    assert list(chosen(cast, mark_kinds=["point"])) == [masked.pk]
    assert list(chosen(cast, mark_kinds=[])) == [masked.pk]
    assert chosen(cast)[masked.pk].mask == f"masks/{masked.accepted_mask.sha256}.png"  # type: ignore[attr-defined,union-attr]


def test_a_mask_that_was_sent_back_does_not_teach(cast: Cast) -> None:
    image = make_image(cast.project)
    mask = make_mask(image)
    accept(image, mask)
    Review.objects.create(mask=mask, reviewer=cast.cleo, verdict="approved")
    assert list(chosen(cast)) == [image.pk]
    Review.objects.create(mask=mask, reviewer=cast.cleo, verdict="changes_requested")
    assert chosen(cast) == {}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"method": "magic"}, "unknown_method"),
        ({"config": {"steps": -1}}, "bad_config"),
        ({"config": {"colour": 1}}, "bad_config"),
        ({"mark_kinds": ["polygon"]}, "bad_marks"),
        ({"splits": ["train", "test"]}, "bad_splits"),
        ({"splits": ["val"]}, "bad_splits"),
        ({"mark_kinds": ["box"]}, "no_training_data"),
    ],
)
def test_what_cannot_be_trained_is_refused(cast: Cast, fields: dict[str, object], code: str) -> None:
    make_pictures(cast)
    with pytest.raises(Invalid) as caught:
        start(cast, **fields)
    assert caught.value.code == code
    assert not TrainingRun.objects.exists()
    assert not Event.objects.exists()


def test_bad_settings_are_named_one_by_one(cast: Cast) -> None:
    make_pictures(cast)
    with pytest.raises(Invalid) as caught:
        start(cast, config={"steps": -1, "effort": "huge"})
    assert set(caught.value.detail) == {"steps", "effort"}


def test_a_second_active_run_is_refused(cast: Cast) -> None:
    make_pictures(cast)
    run = start(cast)
    with pytest.raises(Conflict) as caught:
        start(cast)
    assert (caught.value.code, caught.value.detail) == ("run_active", {"training_run": run.pk})


def test_the_constraint_catches_the_click_that_the_check_missed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(cast)
    monkeypatch.setattr("labeling.services.training._refuse_second", lambda project: start_unseen(cast))
    with pytest.raises(Conflict) as caught:
        start(cast)
    assert caught.value.code == "run_active"
    assert TrainingRun.objects.count() == 1


def start_unseen(cast: Cast) -> None:
    make_run(cast.project)


def test_a_curve_keeps_its_ends_and_forgets_what_was_lost(cast: Cast) -> None:
    run = make_run(cast.project)
    run.claim()
    for step in range(1, 3 * MAX_CURVE_POINTS):
        note_progress(run=run, step=step, metrics={"loss": 1 / step, "bad": float("nan")})
    run.refresh_from_db()
    steps = [point["step"] for point in run.curve]
    assert len(steps) <= MAX_CURVE_POINTS
    assert steps == sorted(steps)
    assert steps[-1] == 3 * MAX_CURVE_POINTS - 1
    assert set(run.curve[-1]) == {"step", "loss"}
    note_progress(run=run, step=100, metrics={"loss": 0.5})
    assert run.curve[-1] == {"step": 100, "loss": 0.5}
    assert all(point["step"] < 100 for point in run.curve[:-1])


def test_a_lost_attempt_writes_no_curve(cast: Cast) -> None:
    run = make_run(cast.project)
    run.claim()
    TrainingRun.objects.filter(pk=run.pk).update(attempt=2)
    note_progress(run=run, step=1, metrics={"loss": 1.0})
    assert TrainingRun.objects.get(pk=run.pk).curve == []


def test_thinning_leaves_short_curves_alone() -> None:
    assert thinned([{"step": 1}]) == [{"step": 1}]
