"""Write a frozen data set to an archive: one image in memory at a time, the same bytes for the same state."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction

from labeling import provenance, storage
from labeling.errors import PermanentError
from labeling.exporters.archive import Archive, dump, json_document
from labeling.exporters.dataset import Dataset, FrozenImage
from labeling.exporters.enlarging import enlarged_counts, picture_png
from labeling.exporters.registry import get_format
from labeling.models import ExportJob, Mask
from labeling.services import events, runs
from labeling.services.provenance import SOURCES
from models_zoo import IGNORE, decode_png, pixel_counts

Report = Callable[[int, int], None]  # images done, images in all; may raise Cancelled
_MANIFEST_FORMAT: Final = 1


def write_export(*, job: ExportJob, report: Report) -> None:
    """The work of a claimed job: the archive is stored as a whole or not at all, then the job succeeds."""
    scratch = Path(settings.SCRATCH_DIR) / f"export-{job.pk}-{job.attempt}"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        path = scratch / "archive.zip"
        _write_archive(job, path, scratch, report)
        blob = storage.put_file("exports", path, suffix="zip")
    except FileNotFoundError as error:
        raise PermanentError(
            "A stored picture or mask is missing, so the export would not be whole. Ask an administrator to restore "
            f"the storage, then export again ({error.filename or error})."
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PermanentError("The disk is full. Make room, then export again.") from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    with transaction.atomic():
        runs.succeed(
            job, file=blob.name, file_sha256=blob.sha256, file_size=blob.size, done=job.num_images, total=job.num_images
        )
        events.record(
            project=job.project, verb="export.ready", subject=job, actor=job.created_by, data={"export": job.pk}
        )


def file_name(job: ExportJob) -> str:
    """What the archive is called when it is downloaded: the snapshot's hash tells which state it holds."""
    return f"{job.project.slug}-{job.format}-{job.snapshot_hash[:12]}.zip"


def _write_archive(job: ExportJob, path: Path, scratch: Path, report: Report) -> None:
    local = scratch / "dataset.jsonl"
    storage.copy_to(job.snapshot, local)
    dataset = Dataset(local)
    with_images = bool(job.options.get("images"))
    notes = scratch / "manifest-images.jsonl"
    with Archive(path, scratch / "files.jsonl") as archive, notes.open("w", encoding="utf-8") as manifest:
        writer = get_format(job.format).writer(archive, dataset.header, scratch=scratch, with_images=with_images)
        for number, image in enumerate(dataset.images(), start=1):
            label_map = _label_map(image)
            writer.add(image, label_map)
            if with_images:
                _add_picture(archive, image)
            manifest.write(dump(_manifest_entry(image, label_map, with_images=with_images)) + "\n")
            report(number, job.num_images)
        writer.finish()
        manifest.flush()
        head = _manifest_head(job, dataset)
        lists = {"images": _lines(notes), "files": archive.noted_files()}
        archive.add_text("MANIFEST.json", json_document(head, lists))


def _label_map(image: FrozenImage) -> npt.NDArray[np.uint8]:
    label_map = decode_png(storage.read(image.mask_blob))
    if label_map.shape != (image.height, image.width):
        raise PermanentError(f"The stored mask of {image.name} does not fit its picture; reopen and accept it anew.")
    return label_map


def _add_picture(archive: Archive, image: FrozenImage) -> None:
    if image.mask_scale > 1:
        width, height = image.full_size
        pieces = picture_png(partial(storage.read_part, image.tiles), image.full_size)
        archive.add_pieces(image.export_picture, pieces, size=3 * width * height)
        return
    with storage.open_blob(image.file) as stream:
        stream.seek(0, 2)
        size = stream.tell()
        stream.seek(0)
        archive.add_stream(image.export_picture, stream, size=size)


def _manifest_head(job: ExportJob, dataset: Dataset) -> dict[str, object]:
    return {
        "manifest": _MANIFEST_FORMAT,
        "application": {"name": "Burnish", "version": metadata.version("burnish")},
        "format": job.format,
        "options": job.options,
        "project": {"name": dataset.header.project, "slug": dataset.header.slug},
        "snapshot": job.snapshot_hash,
        "num_images": job.num_images,
        "classes": [
            {
                "index": item.index,
                "name": item.name,
                "color": item.color,
                "is_background": item.is_background,
                "is_retired": item.is_retired,
            }
            for item in dataset.header.classes
        ],
        "ignore": IGNORE,
    }


def _manifest_entry(image: FrozenImage, label_map: npt.NDArray[np.uint8], *, with_images: bool) -> dict[str, object]:
    counts = _counts(image, label_map)
    return {
        "id": image.id,
        "name": image.name,
        "file": image.export_picture if with_images else None,
        "sha256": image.sha256,
        "width": image.full_size[0],
        "height": image.full_size[1],
        "split": image.split,
        "mask": {
            "sha256": image.mask_sha256,
            "origin": image.mask_origin,
            "by": image.mask_by,
            "method": image.method or None,
            "model_version": image.model_version,
            "pixels": {str(value): pixels for value, pixels in counts.items()},
            "scale": image.mask_scale,
        },
        "provenance": _pixel_sources(image, counts),
    }


def _counts(image: FrozenImage, label_map: npt.NDArray[np.uint8]) -> dict[int, int]:
    """Pixels per value at the size at which the mask leaves."""
    if image.mask_scale == 1:
        return pixel_counts(label_map)
    return enlarged_counts(label_map, image.mask_scale, image.full_size)


def _pixel_sources(image: FrozenImage, counts: Mapping[int, int]) -> dict[str, int]:
    """Pixels by who or what they came from, in the words of `labeling.provenance`."""
    if image.provenance:
        found = _counts(image, decode_png(storage.read(image.provenance)))
        return {provenance.NAMES.get(value, "unknown"): pixels for value, pixels in found.items()}
    ignored = counts.get(IGNORE, 0)
    source = provenance.NAMES[SOURCES[Mask.Origin(image.mask_origin)]]
    by_source = {source: sum(counts.values()) - ignored}
    if ignored:
        by_source["unknown"] = by_source.get("unknown", 0) + ignored
    return by_source


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield line.rstrip("\n")
