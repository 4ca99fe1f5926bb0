"""Start imports, and take in their files one by one: a picture is a row and a report line, or only a report line."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from labeling import storage
from labeling.errors import Conflict, Invalid, PermanentError, TransientError
from labeling.models import Event, Image, ImportItem, ImportJob, Mask, Project, Upload
from labeling.services import decisions, events, features, runs
from labeling.services.classes_file import read_classes, take_classes
from labeling.services.images import file_sha256, insert_image, known_image, store_picture
from labeling.services.masks import checked_label_map, counts
from labeling.services.uploads import forget_files, upload_path
from labeling.transfer.files import Found, Given, iter_files
from labeling.transfer.names import FileKind, picture_names, printable
from labeling.transfer.splits import Splitter, split_by_hash
from models_zoo import encode_png

_BATCH: Final = 200  # pictures after which open pages hear of them
_MAX_CLASSES_BYTES: Final = 2**20
_IN_CHUNK: Final = 500  # SQLite caps the variables of one statement

Outcome = ImportItem.Outcome
Report = Callable[[int, int], None]  # files done, files in all; may raise Cancelled


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How an import treats what it finds."""

    split_of: Splitter = split_by_hash
    accept_masks: bool = True


@dataclass
class _State:
    """What one attempt of an import remembers while it runs."""

    job: ImportJob
    by: User
    choice: Choice
    report: Report
    done: int = 0
    total: int = 0
    untold: list[int] = field(default_factory=list)  # image ids that no event has named yet
    renamed: dict[str, int] = field(default_factory=dict)  # found under a name, held under another -> image id
    masks_refused: Invalid | None = None

    def check(self) -> None:
        """Beat in the middle of a long file; raises Cancelled."""
        self.report(self.done, self.total)


@transaction.atomic
def start_import(*, project: Project, upload_ids: Sequence[UUID], by: User) -> ImportJob:
    """Queue an import of finished uploads. Each upload is used once.

    Raises Invalid if one of them is unknown to the project, Conflict `upload_open` if one is not complete or
    was used already.
    """
    ids = list(dict.fromkeys(upload_ids))
    if not ids:
        raise Invalid(_("Name at least one upload."), code="no_uploads")
    job = ImportJob.objects.create(project=project, created_by=by)
    for start in range(0, len(ids), _IN_CHUNK):
        chunk = ids[start : start + _IN_CHUNK]
        rows = Upload.objects.filter(project=project, created_by=by, pk__in=chunk)
        if len(rows) != len(chunk):
            raise Invalid(_("One of the uploads does not exist, or is somebody else's."), code="unknown_upload")
        moved = rows.filter(status=Upload.Status.COMPLETE).update(status=Upload.Status.USED)
        if moved != len(chunk):
            raise Conflict("One of the uploads is not complete, or was imported before.", code="upload_open")
        job.uploads.add(*rows)
    runs.queue(job)
    return job


def import_uploads(*, job: ImportJob, report: Report) -> None:
    """The work of a claimed job. Goes on where an earlier attempt stopped; ends the job as succeeded."""
    uploads = job.uploads.order_by("created_at", "pk")
    if not uploads.exists():
        raise PermanentError(
            "The command that imported a folder was stopped. Run it again: what is already in is recognised."
        )
    given = [Given(name=row.name, path=upload_path(row.pk)) for row in uploads.iterator()]
    import_files(job=job, given=lambda: given, report=report)
    forget_files(row.pk for row in uploads.only("pk").iterator())


def import_files(
    *, job: ImportJob, given: Callable[[], Iterable[Given]], report: Report, choice: Choice | None = None
) -> None:
    """Take in all files: classes first, then pictures, then masks; then the job succeeds.

    `given` is called for each pass and must name the same files every time. One transaction a file: whatever
    stops the work, nothing is half-written, and the next attempt skips the files that have their line.
    """
    if job.created_by is None:
        raise PermanentError("The account that started this import is gone; start it again.")
    state = _State(job=job, by=job.created_by, choice=choice or Choice(), report=report)
    scratch = settings.SCRATCH_DIR / f"import-{job.pk}"
    total = state.total = sum(1 for _ in iter_files(given(), scratch))
    if job.attempt > 1:
        _tell_forgotten(state)
    try:
        for kind in FileKind.CLASSES, FileKind.PICTURE, FileKind.MASK:
            for found in iter_files(given(), scratch):
                if (found.role.kind if found.role else FileKind.PICTURE) == kind:
                    _take(state, found)
                    state.done += 1
                    report(state.done, total)
    finally:
        _tell_added(state)
        shutil.rmtree(scratch, ignore_errors=True)
    with transaction.atomic():
        runs.succeed(job, done=total, total=total)


def item_counts(job: ImportJob) -> dict[str, int]:
    """Files by outcome, every outcome named."""
    return counts_by_job([job])[job.pk]


def counts_by_job(jobs: Sequence[ImportJob]) -> dict[int, dict[str, int]]:
    """`item_counts` by the job's id; one query for any number of jobs."""
    found = {job.pk: dict.fromkeys(Outcome.values, 0) for job in jobs}
    rows = ImportItem.objects.filter(job__in=found).order_by().values_list("job", "outcome")
    for job_id, outcome, number in rows.annotate(number=Count("pk")):
        found[job_id][outcome] = number
    return found


def _take(state: _State, found: Found) -> None:
    """One file in, or one line that says why not."""
    if state.job.attempt > 1 and _is_taken(state, found):
        return
    try:
        if found.role is None:
            raise found.refusal or Invalid("The file cannot be read.", code="damaged")
        with found.fetch() as path:
            if found.role.kind == FileKind.CLASSES:
                _take_classes(state, found.label, path)
            elif found.role.kind == FileKind.MASK:
                _take_mask(state, found.label, found.role.name, path)
            else:
                _take_picture(state, found.label, found.role.name, path)
    except Invalid as error:
        _note(state, found.label, Outcome.REJECTED, code=error.code, message=error.message)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PermanentError("The disk is full. Make room, then start the import again.") from error
        raise TransientError(f"a file could not be read or stored ({error.strerror or error})") from error
    if len(state.untold) >= _BATCH:
        _tell_added(state)


def _is_taken(state: _State, found: Found) -> bool:
    """Whether an earlier attempt has this file's line; remembers from it what later files need."""
    item = state.job.items.select_related("image").filter(name=found.label).first()
    if item is None:
        return False
    if item.outcome == Outcome.DUPLICATE and item.image is not None and found.role is not None:
        state.renamed[found.role.name] = item.image.pk
    if item.outcome == Outcome.REJECTED and found.role is not None and found.role.kind == FileKind.CLASSES:
        state.masks_refused = Invalid(f"Masks were left out: {item.message}", code="class_mismatch")
    return True


def _note(
    state: _State, label: str, outcome: str, *, image: Image | None = None, code: str = "", message: str = ""
) -> None:
    ImportItem.objects.create(
        job=state.job, name=label, outcome=outcome, image=image, code=code, message=printable(message, limit=500)
    )


def _take_picture(state: _State, label: str, name: str, path: Path) -> None:
    sha256 = file_sha256(path)
    same = known_image(project=state.job.project, sha256=sha256)
    if same is not None:
        _note_duplicate(state, label, name, same)
        return
    stored = store_picture(path=path, sha256=sha256, may_stream=True, check=state.check)
    with transaction.atomic():
        image, is_new = insert_image(
            project=state.job.project, name=name, stored=stored, split_of=state.choice.split_of
        )
        if not is_new:
            _note_duplicate(state, label, name, image)
            return
        _note(state, label, Outcome.IMPORTED, image=image, message=stored.note)
    state.untold.append(image.pk)


def _note_duplicate(state: _State, label: str, name: str, same: Image) -> None:
    state.renamed[name] = same.pk
    message = f"The project has these very bytes already, as {same.name}."
    _note(state, label, Outcome.DUPLICATE, image=same, code="duplicate", message=message)


def _take_mask(state: _State, label: str, name: str, path: Path) -> None:
    if state.masks_refused is not None:
        raise state.masks_refused
    if path.stat().st_size > settings.MAX_MASK_BYTES:
        raise Invalid(f"The mask is larger than {settings.MAX_MASK_BYTES:,} bytes.", code="bad_mask")
    image = _image_of_mask(state, name)
    label_map = checked_label_map(image, path.read_bytes())
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    if image.accepted_mask is not None and image.accepted_mask.sha256 == blob.sha256:
        _note(state, label, Outcome.DUPLICATE, image=image, code="duplicate", message="This very mask is accepted.")
        return
    with transaction.atomic():
        mask = Mask.objects.create(
            image=image,
            blob=blob.name,
            sha256=blob.sha256,
            origin=Mask.Origin.IMPORTED,
            created_by=state.by,
            pixel_counts=counts(label_map),
        )
        if state.choice.accept_masks:
            try:
                decisions.accept_mask(image=image, mask_sha256=mask.sha256, by=state.by)
            except Conflict as error:
                raise Invalid(
                    "The image is already accepted or skipped; an import never replaces that. Reopen it first.",
                    code=error.code,
                ) from error
        _note(state, label, Outcome.MASK, image=image)


def _image_of_mask(state: _State, mask_name: str) -> Image:
    """The image a mask belongs to: of the same import if possible, else of the project, by the same stem."""
    job = state.job
    names = picture_names(mask_name)
    images = list(Image.objects.filter(project=job.project, name__in=names)[:20])
    if len(images) > 1:
        own = {image.pk for image in Image.objects.filter(import_items__job=job, name__in=names)}
        images = [image for image in images if image.pk in own] or images
    if not images:
        images = list(Image.objects.filter(pk__in={state.renamed[name] for name in names if name in state.renamed}))
    if not images:
        raise Invalid(
            f"There is no image named like this mask ({names[0]} or another ending).", code="no_image_for_mask"
        )
    if len(images) > 1:
        raise Invalid(
            f"More than one image has this name ({', '.join(image.name for image in images[:3])}).",
            code="ambiguous_mask",
        )
    return images[0]


def _take_classes(state: _State, label: str, path: Path) -> None:
    """Classes for a project that has none; for others, proof that masks speak of the same ones."""
    if path.stat().st_size > _MAX_CLASSES_BYTES:
        raise Invalid("classes.json is larger than a mebibyte.", code="bad_classes")
    try:
        wanted = read_classes(json.loads(path.read_bytes()))
        created = take_classes(project=state.job.project, wanted=wanted, by=state.by)
    except (ValueError, RecursionError) as error:
        state.masks_refused = Invalid("classes.json could not be read, so masks were left out.", code="bad_classes")
        raise Invalid("classes.json is not valid JSON.", code="bad_classes") from error
    except Invalid as error:
        state.masks_refused = Invalid(f"Masks were left out: {error.message}", code="class_mismatch")
        raise
    outcome = Outcome.IMPORTED if created else Outcome.DUPLICATE
    message = f"{created} classes were created." if created else "The project has these classes already."
    _note(state, label, outcome, code="classes", message=message)


def _tell_added(state: _State) -> None:
    """Let open pages know of the new images, and the encoder."""
    ids, state.untold = state.untold, []
    if not ids:
        return
    with transaction.atomic():
        _record_added(state, len(ids))
        features.queue_encoding(image_ids=ids)


def _tell_forgotten(state: _State) -> None:
    """Tell of images that an earlier attempt inserted without getting to say so."""
    told = sum(
        int(data.get("count", 0))
        for data in Event.objects.filter(
            project=state.job.project, verb="image.added", subject_type="importjob", subject_id=state.job.pk
        ).values_list("data", flat=True)
    )
    imported = state.job.items.filter(outcome=Outcome.IMPORTED).exclude(code="classes").count()
    if imported > told:
        with transaction.atomic():
            _record_added(state, imported - told)


def _record_added(state: _State, count: int) -> None:
    events.record(
        project=state.job.project,
        verb="image.added",
        subject=state.job,
        actor=state.by,
        data={"count": count, "import_job": state.job.pk},
    )
