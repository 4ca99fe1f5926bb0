"""Ask for an export: the data set is frozen at the click, whatever happens to the project while it is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TextIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from labeling import storage
from labeling.errors import Invalid
from labeling.exporters.dataset import DatasetHeader, FrozenClass, FrozenImage, header_line, image_line
from labeling.exporters.registry import get_format
from labeling.models import ExportJob, Image, Mask, Project, Split
from labeling.selectors.images import with_state
from labeling.services import runs
from labeling.transfer.names import stem

_CHUNK: Final = 500


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What goes along; `approved_only` leaves out masks that wait for a review, where the project asks for one."""

    images: bool = False
    splits: tuple[str, ...] = tuple(Split.values)
    approved_only: bool = True

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "splits": list(self.splits)}


def request_export(*, project: Project, format_name: str, options: ExportOptions, by: User) -> ExportJob:
    """Freeze the accepted masks of the project and queue the writing.

    Raises Invalid: `unknown_format`, or `nothing_to_export` when no image qualifies.
    """
    get_format(format_name)
    settings.SCRATCH_DIR.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=settings.SCRATCH_DIR, prefix="freeze-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            num_images = _freeze(project, options, out)
        if not num_images:
            raise Invalid(
                _("There is nothing to export: no image of these splits has an accepted mask yet."),
                code="nothing_to_export",
            )
        blob = storage.put_file("snapshots", Path(name), suffix="jsonl")
    finally:
        Path(name).unlink(missing_ok=True)
    with transaction.atomic():
        job = ExportJob.objects.create(
            project=project,
            created_by=by,
            format=format_name,
            options=options.to_json(),
            snapshot=blob.name,
            snapshot_hash=blob.sha256,
            num_images=num_images,
            total=num_images,
        )
        runs.queue(job)
    return job


def _freeze(project: Project, options: ExportOptions, out: TextIO) -> int:
    """Write classes and images as they are now; the images are read by one statement, so of one moment."""
    classes = tuple(
        FrozenClass(
            index=row.index,
            name=row.name,
            color=row.color,
            is_background=row.is_background,
            is_retired=row.is_retired,
        )
        for row in project.classes.order_by("index")
    )
    out.write(header_line(DatasetHeader(project=project.name, slug=project.slug, classes=classes)))
    number = 0
    for image in _frozen_images(_exported(project, options)):
        out.write(image_line(image))
        number += 1
    return number


def _exported(project: Project, options: ExportOptions) -> QuerySet[Image]:
    states = ["accepted"] if options.approved_only else ["accepted", "in_review"]
    images = with_state(Image.objects.filter(project=project, split__in=options.splits, accepted_mask__isnull=False))
    return images.filter(Q(state__in=states)).select_related("accepted_mask__created_by").order_by("pk")


def _frozen_images(images: QuerySet[Image]) -> Iterator[FrozenImage]:
    taken: set[str] = set()
    chunk: list[Image] = []
    for image in images.iterator(chunk_size=_CHUNK):
        chunk.append(image)
        if len(chunk) == _CHUNK:
            yield from _frozen_chunk(chunk, taken)
            chunk = []
    yield from _frozen_chunk(chunk, taken)


def _frozen_chunk(images: Sequence[Image], taken: set[str]) -> Iterator[FrozenImage]:
    versions = _version_numbers([image.accepted_mask for image in images if image.accepted_mask is not None])
    for image in images:
        mask = image.accepted_mask
        assert mask is not None
        yield FrozenImage(
            id=image.pk,
            name=image.name,
            export_stem=_free_stem(image, taken),
            sha256=image.sha256,
            width=image.width,
            height=image.height,
            split=image.split,
            file=image.file,
            mask_sha256=mask.sha256,
            mask_blob=mask.blob,
            mask_origin=mask.origin,
            mask_by=mask.created_by.username if mask.created_by is not None else None,
            method=mask.method,
            model_version=versions[mask.pk],
            provenance=mask.provenance,
            pixel_counts=mask.pixel_counts,
            mask_scale=image.mask_scale,
            full_width=image.full_width,
            full_height=image.full_height,
            tiles=image.tiles,
        )


def _free_stem(image: Image, taken: set[str]) -> str:
    """The image's name without its ending, with the id added where another image has that already."""
    wanted = stem(image.name)
    # Archives are opened on systems that do not tell cases apart.
    if wanted.casefold() in taken:
        path = PurePosixPath(wanted)
        wanted = str(path.with_name(f"{path.name}-{image.pk}"))
    while wanted.casefold() in taken:
        wanted += "-"
    taken.add(wanted.casefold())
    return wanted


def _version_numbers(masks: Collection[Mask]) -> dict[int, int | None]:
    """Number of the model version behind each mask: its own, else that of the mask it was made from, and so on up."""
    found: dict[int, int | None] = {}
    above = {mask.pk: mask.pk for mask in masks}  # mask asked about -> mask to look at
    while above:
        fields = "pk", "parent_id", "model_version__number"
        rows = {row[0]: row for row in Mask.objects.filter(pk__in=set(above.values())).values_list(*fields)}
        following: dict[int, int] = {}
        for asked, at in above.items():
            _, parent, number = rows.get(at, (at, None, None))
            if number is not None or parent is None:
                found[asked] = number
            else:
                following[asked] = parent
        above = following
    return found
