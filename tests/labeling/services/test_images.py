"""Images come in one by one, once each, and leave with everything that hangs on them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.errors import Invalid, NotFound
from labeling.models import Event, Image, Mark, Mask, Proposal
from labeling.services import decisions
from labeling.services.images import (
    create_image_from_upload,
    delete_image,
    file_sha256,
    insert_image,
    store_picture,
)
from labeling.services.leases import take_lease
from labeling.transfer.splits import split_by_hash
from tests.conftest import Cast
from tests.factories import (
    make_annotation,
    make_image,
    make_interactive_proposal,
    make_model_proposal,
    make_project,
    make_version,
    photo,
    picture_bytes,
)
from tests.labeling.transfer import hostile


def test_the_same_bytes_come_once_per_project(cast: Cast) -> None:
    data = picture_bytes(photo())
    made = [
        create_image_from_upload(project=project, by=cast.ada, name=name, stream=io.BytesIO(data))
        for project, name in ((cast.project, "a.png"), (cast.project, "b.png"), (make_project(), "a.png"))
    ]
    assert [is_new for _, is_new in made] == [True, False, True]
    assert made[0][0] == made[1][0] != made[2][0]
    assert made[0][0].split == made[2][0].split, "the split hangs on the bytes alone"
    assert Event.objects.filter(verb="image.added").count() == 2


def test_two_who_are_equally_fast_make_one_image(cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(picture_bytes(photo()))
    stored = store_picture(path=path, sha256=file_sha256(path))
    first, is_new = insert_image(project=cast.project, name="a.png", stored=stored)
    assert is_new
    assert insert_image(project=cast.project, name="b.png", stored=stored) == (first, False)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("../a.png", picture_bytes(photo()), "bad_name"),
        ("a.png", hostile.svg(), "unsupported_image"),
        ("a.png", hostile.truncated_jpeg(), "bad_image"),
    ],
)
def test_a_bad_file_leaves_nothing(cast: Cast, name: str, data: bytes, code: str, settings: Any) -> None:
    with pytest.raises(Invalid) as refused:
        create_image_from_upload(project=cast.project, by=cast.ada, name=name, stream=io.BytesIO(data))
    assert refused.value.code == code
    assert not Image.objects.exists()
    assert not Path(settings.SCRATCH_DIR).exists() or not list(Path(settings.SCRATCH_DIR).iterdir())


def test_a_file_over_the_limit_is_cut_off_while_it_arrives(cast: Cast, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 100
    with pytest.raises(Invalid) as refused:
        create_image_from_upload(
            project=cast.project, by=cast.ada, name="a.png", stream=io.BytesIO(picture_bytes(photo()))
        )
    assert refused.value.code == "too_large"


def test_an_image_leaves_with_everything_that_hangs_on_it(cast: Cast) -> None:
    image, other = make_image(cast.project), make_image(cast.project)
    annotation = make_annotation(image, cast.ben, marks=2)
    make_interactive_proposal(annotation)
    make_model_proposal(image, make_version(cast.project))
    take_lease(image=image, user=cast.ben)
    pending = Proposal.objects.get(source="model")
    decisions.accept_proposal(proposal=pending, mask_sha256=pending.mask.sha256, by=cast.ben)
    delete_image(image=Image.objects.get(pk=image.pk), by=cast.ada)
    assert list(Image.objects.all()) == [other]
    assert not any(model.objects.exists() for model in (Mask, Proposal, Mark))
    event = Event.objects.get(verb="image.deleted")
    assert event.data == {"image": image.pk} and event.actor == cast.ada
    assert Event.objects.filter(image_id=image.pk).count() > 1, "its history is kept"


def test_an_image_is_locked_before_its_project(cast: Cast) -> None:
    """As decisions do it: in the other order, one who accepts and one who deletes would wait for each other."""
    image = make_image(cast.project)
    with CaptureQueriesContext(connection) as queries:
        delete_image(image=image, by=cast.ada)
    writes = [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "DELETE"))]
    is_project = ["labeling_project" in sql.split("SET")[0] for sql in writes]
    assert is_project.index(True) > max(i for i, sql in enumerate(writes) if '"labeling_image"' in sql)
    with pytest.raises(NotFound):
        delete_image(image=image, by=cast.ada)


def test_splits_by_hash_are_about_eight_to_one_to_one() -> None:
    import hashlib

    splits = [str(split_by_hash("", hashlib.sha256(str(n).encode()).hexdigest())) for n in range(5_000)]
    shares = {name: splits.count(name) / len(splits) for name in ("train", "val", "test")}
    assert abs(shares["train"] - 0.8) < 0.02 and abs(shares["val"] - 0.1) < 0.015
