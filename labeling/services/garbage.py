"""Collect what nobody needs any more: files no row names, old superseded masks, uploads that were given up."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from labeling import storage
from labeling.exporters.dataset import Dataset
from labeling.models import (
    ACTIVE,
    Comment,
    ExportJob,
    Image,
    ImageFeature,
    ImagePrior,
    ImportJob,
    Mask,
    ModelVersion,
    Proposal,
    Review,
    TrainingRun,
    Upload,
)
from labeling.services.snapshots import named_blobs
from labeling.services.uploads import upload_path

# Every field that names a blob; a test compares this with the models.
REFERENCES: Final[tuple[tuple[type[models.Model], str], ...]] = (
    (Image, "file"),
    (Image, "thumb"),
    (Image, "original"),
    (Image, "tiles"),
    (ImageFeature, "blob"),
    (ImagePrior, "blob"),
    (Mask, "blob"),
    (Mask, "provenance"),
    (Proposal, "uncertainty_blob"),
    (TrainingRun, "snapshot"),
    (ModelVersion, "weights"),
    (ModelVersion, "manifest"),
    (ExportJob, "snapshot"),
    (ExportJob, "file"),
)
_OURS_TO_OFFER: Final = (Mask.Origin.MODEL, Mask.Origin.POLISHED, Mask.Origin.INTERACTIVE)
_SCRATCH: Final = re.compile(r"(?P<kind>import|export)-(?P<job>\d+)(-\d+)?|(picture|freeze)-\w+")
_CHUNK: Final = 500


@dataclass
class Collected:
    """How much was removed; `num_bytes` counts the blobs'."""

    num_blobs: int = 0
    num_bytes: int = 0
    num_masks: int = 0
    num_uploads: int = 0


def collect_garbage(*, grace: timedelta, only_count: bool = False) -> Collected:
    """Remove what has been garbage for longer than `grace`; with `only_count` tell of the files, remove nothing.

    The grace covers whatever is being written: files come before the rows that name them.
    """
    collected = Collected()
    if not only_count:
        collected.num_masks = _drop_superseded(grace)
        collected.num_uploads = _drop_uploads(grace)
        _clear_scratch(grace)
    _drop_blobs(collected, grace, only_count=only_count)
    return collected


def _drop_superseded(grace: timedelta) -> int:
    """Superseded proposals and the masks that were only ever offered by them; returns how many masks."""
    before = timezone.now() - grace
    # What somebody has checked is a person's work and stays.
    aside = Proposal.objects.filter(status=Proposal.Status.SUPERSEDED, created_at__lt=before, class_checks=None)
    for ids in _batches(aside):
        Proposal.objects.filter(pk__in=ids, status=Proposal.Status.SUPERSEDED).delete()
    unused = Mask.objects.filter(
        ~Exists(Proposal.objects.filter(mask=OuterRef("pk"))),
        ~Exists(Image.objects.filter(accepted_mask=OuterRef("pk"))),
        ~Exists(Mask.objects.filter(parent=OuterRef("pk"))),
        ~Exists(Review.objects.filter(mask=OuterRef("pk"))),
        ~Exists(Comment.objects.filter(proposed_mask=OuterRef("pk"))),
        origin__in=_OURS_TO_OFFER,
        created_by=None,
        created_at__lt=before,
    )
    removed = 0
    for ids in _batches(unused):
        with transaction.atomic():
            removed += unused.filter(pk__in=ids).delete()[0]
    return removed


def _batches(rows: models.QuerySet[models.Model]) -> Iterator[list[int]]:
    """Ids of the rows, some at a time; the caller removes them, or looks at each batch once."""
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_CHUNK]):
        yield ids
        last = ids[-1]


def _drop_uploads(grace: timedelta) -> int:
    """Uploads that nobody goes on with, and the bytes of those whose import is over; returns how many rows."""
    before = timezone.now() - grace
    running = ImportJob.objects.filter(uploads=OuterRef("pk"), status__in=ACTIVE)
    idle = Upload.objects.filter(~Exists(running), updated_at__lt=before)
    removed = 0
    for upload_id in list(idle.values_list("pk", flat=True)):
        removed += idle.filter(pk=upload_id).delete()[0] > 0
        upload_path(upload_id).unlink(missing_ok=True)
    for path in _old_entries(Path(settings.UPLOAD_DIR), grace):
        if path.suffix == ".part" and not Upload.objects.filter(pk=path.stem).exists():
            path.unlink(missing_ok=True)
    return removed


def _clear_scratch(grace: timedelta) -> None:
    """What workers that died left in the scratch folder."""
    for path in _old_entries(Path(settings.SCRATCH_DIR), grace):
        match = _SCRATCH.fullmatch(path.name)
        if match is None or (match["job"] and _is_active(match["kind"], int(match["job"]))):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_active(kind: str, job_id: int) -> bool:
    model = ImportJob if kind == "import" else ExportJob
    return model.objects.filter(pk=job_id, status__in=ACTIVE).exists()


def _old_entries(folder: Path, grace: timedelta) -> list[Path]:
    if not folder.is_dir():
        return []
    before = time.time() - grace.total_seconds()
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.stat(follow_symlinks=False).st_mtime < before]


def _drop_blobs(collected: Collected, grace: timedelta, *, only_count: bool) -> None:
    before = timezone.now() - grace
    wanted = frozen_blobs()
    for names in storage.shelves():
        for name in unreferenced(names, wanted):
            try:
                # The date is asked for last: whoever puts the same bytes again meanwhile has renewed it.
                size = storage.size_of(name)
                if storage.modified_at(name) >= before:
                    continue
            except FileNotFoundError:
                continue
            if not only_count:
                storage.delete(name)
            collected.num_blobs += 1
            collected.num_bytes += size


def unreferenced(names: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Those of the blobs that neither a row nor a running job names."""
    left = set(names) - set(wanted)
    for model, field in REFERENCES:
        for chunk in _chunks(sorted(left)):
            rows = model._default_manager.filter(**{f"{field}__in": chunk})
            left.difference_update(rows.values_list(field, flat=True))
    return sorted(left)


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))


def frozen_blobs() -> set[str]:
    """Blobs that running jobs read though their rows may be gone: a frozen state outlives what it was made of."""
    wanted: set[str] = set()
    for run in TrainingRun.objects.filter(status__in=ACTIVE).only("snapshot"):
        wanted |= _named_by(run.snapshot, is_export=False)
    for job in ExportJob.objects.filter(status__in=ACTIVE).only("snapshot"):
        wanted |= _named_by(job.snapshot, is_export=True)
    return wanted


def _named_by(snapshot: str, *, is_export: bool) -> set[str]:
    """What a frozen state names; nothing if it is itself gone, as then its job cannot succeed anyway."""
    try:
        if not is_export:
            return named_blobs(snapshot)
        Path(settings.SCRATCH_DIR).mkdir(parents=True, exist_ok=True)
        local = Path(settings.SCRATCH_DIR) / f"freeze-{os.getpid()}"
        storage.copy_to(snapshot, local)
        try:
            return {
                name
                for image in Dataset(local).images()
                for name in (image.file, image.tiles, image.mask_blob, image.provenance)
            }
        finally:
            local.unlink(missing_ok=True)
    except FileNotFoundError:
        return set()
