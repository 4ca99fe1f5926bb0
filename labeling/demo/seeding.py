"""Fill a database with the demo: people, projects, images, a few marks. Running it again changes nothing."""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.text import slugify
from PIL import Image as PILImage

from labeling.demo.pictures import DEMO_PROJECTS, DemoProject, LabelMap, cut, load_picture, picture_path
from labeling.demo.strokes import draw_marks
from labeling.models import Annotation, Image, ImportJob, JobStatus, Project, Role, Split
from labeling.services import imports, projects
from labeling.services.annotations import save_annotation
from labeling.services.classes_file import read_classes, take_classes
from labeling.tasks import lifecycle
from labeling.transfer.files import Given, files_in_folder
from labeling.transfer.names import PICTURE_SUFFIXES, FileKind, role_of, stem
from models_zoo import IGNORE, UNLABELLED, LabelMapError, Mark, decode_png, mark_geometry

logger = logging.getLogger(__name__)

USERS_FILE: Final = "demo_users.json"
SEEDED_FILE: Final = "demo_seeded.json"
NUM_MARKED: Final = 5  # images of a project that come with marks
_ROLES: Final = ("admin", Role.OWNER.value, Role.REVIEWER.value, Role.ANNOTATOR.value)
_SECONDS_A_MARK: Final = 4.0
_NAMESPACE: Final = uuid.UUID("5f0c9f0e-6e0b-4f2a-9a43-0b6a3c1d7e52")

Say = Callable[[str], object]


class DemoError(Exception):
    """The demo cannot be seeded here; the message says why in one line."""


@dataclass(frozen=True)
class People:
    """The demo's accounts."""

    owner: User
    reviewer: User
    annotator: User


def seed_demo(*, folder: Path | None, say: Say) -> None:
    """The built-in projects, or one project of the images of `folder`. Raises DemoError."""
    seeded = _seeded()
    source = "built-in" if folder is None else str(folder.resolve())
    if folder is not None and not folder.is_dir():
        raise DemoError(f"DEMO_DATA names {folder}, which is not a folder.")
    if source in seeded and User.objects.exists():
        say("The demo is there already.")
        return
    people = _people()
    if people is None:
        say("This database has accounts of its own, so no demo was put into it.")
        return
    if folder is not None:
        _seed_folder(folder, people, say)
    else:
        for demo in DEMO_PROJECTS:
            _seed_project(demo, people, say)
    _write_private(settings.VAR_DIR / SEEDED_FILE, json.dumps(sorted({*seeded, source})))


def demo_accounts() -> list[dict[str, str]]:
    """Role, name and password of each demo account; empty without a demo."""
    try:
        accounts: list[dict[str, str]] = json.loads((settings.VAR_DIR / USERS_FILE).read_text())
    except FileNotFoundError:
        return []
    return accounts


def _seeded() -> set[str]:
    try:
        return set(json.loads((settings.VAR_DIR / SEEDED_FILE).read_text()))
    except FileNotFoundError:
        return set()


def _people() -> People | None:
    """The demo's accounts, made if there are none at all; None in a database that others live in."""
    accounts = demo_accounts()
    if not accounts:
        if User.objects.exists():
            return None
        accounts = [{"role": role, "username": role, "password": secrets.token_urlsafe(9)} for role in _ROLES]
        # Before the accounts: a crash between the two must not leave accounts whose passwords nobody knows.
        _write_private(settings.VAR_DIR / USERS_FILE, json.dumps(accounts, indent=1))
    found = {account["role"]: _account(account) for account in accounts}
    return People(
        owner=found[Role.OWNER.value], reviewer=found[Role.REVIEWER.value], annotator=found[Role.ANNOTATOR.value]
    )


def _account(account: dict[str, str]) -> User:
    existing = User.objects.filter(username=account["username"]).first()
    if existing is not None:
        return existing
    make = User.objects.create_superuser if account["role"] == "admin" else User.objects.create_user
    return make(account["username"], password=account["password"])


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else's eyes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as out:
        out.write(text + "\n")
    Path(name).replace(path)


def _project(slug: str, name: str, people: People, *, description: str, guidelines: str) -> Project:
    """The project of that slug if the demo's owner has it, else a new one with all of the demo's people."""
    found = Project.objects.filter(slug=slug, memberships__user=people.owner).first()
    if found is not None:
        return found
    made = projects.create_project(name=name, by=people.owner, description=description, guidelines=guidelines)
    for user, role in ((people.reviewer, Role.REVIEWER), (people.annotator, Role.ANNOTATOR)):
        projects.add_member(project=made, username=user.username, role=role, by=people.owner)
    return made


def _seed_project(demo: DemoProject, people: People, say: Say) -> None:
    path = picture_path(demo)
    if path is None:
        say(f"{demo.name}: left out, as {demo.package} is not installed or does not bring its picture.")
        return
    project = _project(demo.slug, demo.name, people, description=demo.description, guidelines=demo.guidelines)
    if not project.classes.exists():
        for item in demo.classes:
            projects.add_class(
                project=project,
                name=item.name,
                color=item.color,
                is_background=item.is_background,
                by=people.owner,
            )
    rgb = load_picture(demo, path)
    crops = {name: (crop, certain) for name, crop, certain in cut(demo, rgb, demo.certain(rgb))}
    with tempfile.TemporaryDirectory(prefix="demo-") as scratch:
        for name, (crop, _) in crops.items():
            PILImage.fromarray(crop).save(Path(scratch, name), compress_level=1)
        _import(project, people.owner, lambda: files_in_folder(Path(scratch)))
    marked = _mark_some(project, people.annotator, lambda image: crops[image.name][1], demo.stroke_px)
    say(f"{demo.name}: {project.images.count()} images, {marked} of them marked.")


def _import(project: Project, by: User, given: Callable[[], Iterator[Given]]) -> None:
    """Take pictures in as any import does. Raises DemoError with the job's own words."""
    job = ImportJob.objects.create(project=project, created_by=by)
    lifecycle.run(job, lambda progress: imports.import_files(job=job, given=given, report=progress.update))
    job.refresh_from_db()
    if job.status != JobStatus.SUCCEEDED:
        raise DemoError(f"The images of {project.name} could not be imported: {job.error}")


def _mark_some(project: Project, by: User, certain_of: Callable[[Image], LabelMap | None], stroke_px: float) -> int:
    """Marks on a few training images, spread over the project; returns how many images have them now."""
    images = list(project.images.filter(split=Split.TRAIN).order_by("pk"))
    for image in images[:: max(1, len(images) // NUM_MARKED)][:NUM_MARKED]:
        if Annotation.objects.filter(image=image, author=by).exists():
            continue
        certain = certain_of(image)
        marks = draw_marks(certain, width_px=stroke_px) if certain is not None else []
        if marks:
            sent = [_wire(mark, image, number) for number, mark in enumerate(marks)]
            save_annotation(image=image, author=by, revision=0, marks=sent)
    return Annotation.objects.filter(image__project=project, author=by, marks__isnull=False).distinct().count()


def _wire(mark: Mark, image: Image, number: int) -> dict[str, object]:
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{image.sha256}/{number}")),
        "kind": mark.kind.value,
        "class_index": mark.class_index,
        "sign": mark.sign,
        "geometry": mark_geometry(mark),
        "made_at": timezone.now().isoformat(),
        "seconds": _SECONDS_A_MARK,
    }


def _seed_folder(folder: Path, people: People, say: Say) -> None:
    """One project of a folder's images. Its masks/ are ground truth: strokes come from them, they are not imported."""
    name = folder.resolve().name.replace("_", " ").capitalize() or "Demo"
    project = _project(slugify(name), name, people, description=f"Images of the folder {folder.name}.", guidelines="")
    _folder_classes(folder, project, people.owner)

    def given() -> Iterator[Given]:
        for item in files_in_folder(folder):
            if role_of(item.name).kind == FileKind.PICTURE and item.path.suffix.lower() in PICTURE_SUFFIXES:
                yield item

    _import(project, people.owner, given)
    marked = _mark_some(project, people.annotator, lambda image: _ground_truth(folder, project, image), 5.0)
    say(
        f"{name}: {project.images.count()} images, {marked} of them marked from masks/. "
        "The masks themselves were not imported: they are ground truth to compare with."
    )


def _folder_classes(folder: Path, project: Project, by: User) -> None:
    if project.classes.exists():
        return
    path = folder / "classes.json"
    content: object = {"classes": {"0": "background", "1": "object"}}
    if path.is_file():
        try:
            content = json.loads(path.read_text())
        except ValueError as error:
            raise DemoError(f"{path} is not valid JSON.") from error
    take_classes(project=project, wanted=read_classes(content), by=by)


def _ground_truth(folder: Path, project: Project, image: Image) -> LabelMap | None:
    """The image's mask as a map of what is certain: well inside regions; None if there is no usable mask."""
    path = folder / "masks" / f"{stem(image.name)}.png"
    if not path.is_file():
        return None
    try:
        label_map = decode_png(path.read_bytes(), max_pixels=settings.MAX_IMAGE_PIXELS)
    except LabelMapError as error:
        logger.warning("%s was not used: %s", path, error.message)
        return None
    if label_map.shape != (image.height, image.width):
        logger.warning("%s was not used: its size is not that of the image", path)
        return None
    known = list(project.classes.values_list("index", flat=True))
    certain = np.where(np.isin(label_map, known) & (label_map != IGNORE), label_map, UNLABELLED)
    return certain.astype(np.uint8)
