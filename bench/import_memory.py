"""Import many images and watch the memory: it must not grow with their number.

    python bench/import_memory.py [--images 10000] [--zip] [--export]

Makes small pictures in a scratch folder, imports them through the same service as the worker does, into a scratch
database, and prints resident memory on the way. With --export masks come along, and afterwards everything is
exported as COCO with its pictures.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

SIZE_PX = (96, 72)
CHECKPOINTS = (1_000, 2_000, 5_000, 7_500, 10_000)


def resident_mib() -> float:
    """Resident memory of this process, in MiB."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


def pictures(folder: Path, count: int, *, with_masks: bool) -> None:
    """Different noisy pictures, named by number, and a mask for each if wanted."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks") if with_masks else ("images",):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 255, (SIZE_PX[1] // 8, SIZE_PX[0] // 8, 3), dtype=np.uint8)
        PILImage.fromarray(pixels).resize(SIZE_PX).save(folder / f"images/{number:06d}.jpg", quality=80)
        if with_masks:
            labels = rng.integers(0, 2, (SIZE_PX[1], SIZE_PX[0]), dtype=np.uint8)
            PILImage.fromarray(labels).save(folder / f"masks/{number:06d}.png")


def zipped(folder: Path, target: Path) -> None:
    """The folder's files in one zip."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.glob("*/*")):
            archive.write(path, path.relative_to(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--zip", action="store_true", help="import one zip instead of a folder")
    parser.add_argument("--export", action="store_true", help="bring masks along and export everything afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="import-memory-") as scratch:
        measure(Path(scratch), arguments.images, as_zip=arguments.zip, then_export=arguments.export)


def measure(scratch: Path, count: int, *, as_zip: bool, then_export: bool) -> None:
    """Import `count` pictures and print what it took."""
    os.environ |= {"BURNISH_VAR": str(scratch / "var"), "LOG_LEVEL": "ERROR"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeling.settings.base")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from labeling.models import ImportJob
    from labeling.services import imports, projects
    from labeling.transfer.files import Given, files_in_folder

    (scratch / "var").mkdir(exist_ok=True)
    call_command("migrate", verbosity=0)
    folder = scratch / "pictures"
    pictures(folder, count, with_masks=then_export)
    if as_zip:
        zipped(folder, scratch / "all.zip")
    owner = User.objects.create_user("owner")
    project = projects.create_project(name="Many", by=owner)
    for name in ("other", "thing"):
        projects.add_class(project=project, name=name, by=owner)
    job = ImportJob.objects.create(project=project, created_by=owner)
    job.claim()

    def given() -> Iterator[Given]:
        return iter([Given(name="all.zip", path=scratch / "all.zip")]) if as_zip else files_in_folder(folder)

    began = time.monotonic()
    marks = {count} | {mark for mark in CHECKPOINTS if mark < count}

    def report(done: int, total: int) -> None:
        if done in marks:
            rate = done / (time.monotonic() - began)
            print(f"{done:>7} of {total} files: {resident_mib():7.1f} MiB resident, {rate:6.1f} files/s", flush=True)

    print(f"{'start':>7}: {resident_mib():7.1f} MiB resident")
    imports.import_files(job=job, given=given, report=report)
    print({name: number for name, number in imports.item_counts(job).items() if number})
    if then_export:
        export(project, owner)


def export(project: Any, owner: Any) -> None:
    """Ask for an export of everything and write it."""
    from labeling.services import exporting, exports

    began = time.monotonic()
    job = exports.request_export(
        project=project, format_name="coco", options=exports.ExportOptions(images=True), by=owner
    )
    print(f"asked for an export of {job.num_images} images in {time.monotonic() - began:.2f} s")
    job.claim()
    began = time.monotonic()
    exporting.write_export(job=job, report=lambda done, total: None)
    size = (job.file_size or 0) / 2**20
    print(f"wrote {size:.1f} MiB in {time.monotonic() - began:.1f} s: {resident_mib():7.1f} MiB resident")


if __name__ == "__main__":
    main()
