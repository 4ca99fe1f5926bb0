"""Which rows a training run learns from: chosen images with their marks and accepted masks, never the test split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from labeling.models import LabelClass, Mark, Project, Review, Split
from models_zoo import Mark as ZooMark
from models_zoo import MarkKind, SnapshotClass, SnapshotImage, parse_mark


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a run will see. `blobs` maps a file of the snapshot folder to the stored blob that fills it.

    The counts are of what somebody said something about in the train split: the val images are there to measure, not to
    learn from.
    """

    classes: tuple[SnapshotClass, ...]
    images: tuple[SnapshotImage, ...]
    blobs: dict[str, str]
    num_images: int
    num_marks: int


def choose_training_rows(
    project: Project, *, mark_kinds: Collection[str], splits: Collection[str], unmarked: bool = False
) -> Choice:
    """Images of `splits` (plus val, for validation) with a mark of these kinds or an accepted mask.

    `unmarked` adds the images of the train split that have neither, for methods that teach themselves on those.

    Marks of several people on one image come together, each person's in drawing order, the person who saved last
    at the end: a later mark wins where two disagree, and of two tags of one class the later one stays. Left out:
    test images, skipped images, marks of retired classes, and masks whose last review asked for changes.
    """
    classes = project.classes.filter(is_retired=False).order_by("index")
    wanted = {Split.TRAIN, *(Split(name) for name in splits), Split.VAL} - {Split.TEST}
    marks = marks_by_image(project, kinds=mark_kinds)
    images, blobs = [], {}
    for row in _images(project, wanted, unmarked=unmarked):
        found = marks.get(row.pk, ())
        mask = row.accepted_mask if row.last_verdict != Review.Verdict.CHANGES_REQUESTED else None
        if not found and mask is None and not (unmarked and row.split == Split.TRAIN):
            continue
        file = f"images/{PurePosixPath(row.file).name}"
        blobs[file] = row.file
        if mask is not None:
            blobs[f"masks/{mask.sha256}.png"] = mask.blob
        images.append(
            SnapshotImage(
                id=f"{row.pk:012d}",
                sha256=PurePosixPath(row.file).name.split(".")[0],
                file=file,
                width=row.width,
                height=row.height,
                split=row.split,
                marks=tuple(found),
                mask=None if mask is None else f"masks/{mask.sha256}.png",
                mask_origin=None if mask is None else mask.origin,
            )
        )
    training = [image for image in images if image.split == Split.TRAIN and (image.marks or image.mask)]
    return Choice(
        classes=tuple(_class(row) for row in classes),
        images=tuple(images),
        blobs=blobs,
        num_images=len(training),
        num_marks=sum(len(image.marks) for image in training),
    )


def _images(project: Project, splits: Collection[str], *, unmarked: bool) -> QuerySet[Any]:
    """Not skipped, with their accepted mask and the last verdict on it, by id."""
    verdicts = Review.objects.filter(mask=OuterRef("accepted_mask")).order_by("-id").values("verdict")[:1]
    said = Q(accepted_mask__isnull=False) | Q(annotations__marks__isnull=False)
    if unmarked:
        said |= Q(split=Split.TRAIN)
    return (
        project.images.filter(said, split__in=[str(name) for name in splits], skip_reason="")
        .select_related("accepted_mask")
        .annotate(last_verdict=Subquery(verdicts))
        .order_by("id")
        .distinct()
    )


def marks_by_image(
    project: Project, *, kinds: Collection[str] | None = None, images: Collection[int] | None = None
) -> dict[int, list[ZooMark]]:
    """Everybody's marks in the order in which they win, by image id, without those of retired classes.

    `kinds` and `images` narrow it down; each mark is checked as if it came from outside.
    """
    classes = dict(project.classes.filter(is_retired=False).values_list("pk", "index"))
    rows = Mark.objects.filter(annotation__image__project=project, label_class__in=list(classes))
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    if images is not None:
        rows = rows.filter(annotation__image__in=list(images))
    by_image: dict[int, list[ZooMark]] = defaultdict(list)
    ordered = rows.order_by("annotation__updated_at", "annotation_id", "pk")
    columns = ordered.values_list("annotation__image_id", "label_class_id", "kind", "sign", "geometry")
    for image_id, class_id, kind, sign, geometry in columns.iterator(chunk_size=2_000):
        mark = parse_mark(kind=kind, class_index=classes[class_id], sign=sign, geometry=geometry)
        by_image[image_id].append(mark)
    return {image_id: list(_latest_tags(found)) for image_id, found in by_image.items()}


def _latest_tags(marks: list[ZooMark]) -> Iterable[ZooMark]:
    """All marks, but of the tags of one class only the last."""
    last = {mark.class_index: number for number, mark in enumerate(marks) if mark.kind is MarkKind.TAG}
    for number, mark in enumerate(marks):
        if mark.kind is not MarkKind.TAG or last[mark.class_index] == number:
            yield mark


def _class(row: LabelClass) -> SnapshotClass:
    red, green, blue = (int(row.color[start : start + 2], 16) for start in (1, 3, 5))
    return SnapshotClass(index=row.index, name=row.name, color=(red, green, blue), is_background=row.is_background)
