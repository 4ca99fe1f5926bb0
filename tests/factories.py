"""Rows for tests: every function takes what matters as keywords and makes the rest up."""

from __future__ import annotations

import io
import itertools
import uuid
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image as PILImage

from labeling import storage
from labeling.models import (
    Annotation,
    Image,
    ImagePrior,
    LabelClass,
    Mark,
    Mask,
    Membership,
    ModelVersion,
    Project,
    Proposal,
    Role,
    TrainingRun,
)
from labeling.transfer.pyramid import build, strips_of
from models_zoo import encode_png
from models_zoo.interactive.prior import ClassPrior, encode_prior

_count = itertools.count(1)
PASSWORD = "correct horse battery"


def make_user(username: str = "", **fields: Any) -> User:
    return User.objects.create_user(username or f"user{next(_count)}", password=PASSWORD, **fields)


def make_project(*, owner: User | None = None, num_classes: int = 2, **fields: Any) -> Project:
    """A project with an owner and classes 0 (background), 1, …"""
    number = next(_count)
    project = Project.objects.create(**({"name": f"Project {number}", "slug": f"project-{number}"} | fields))
    if owner is not None:
        make_member(project, owner, Role.OWNER)
    for index in range(num_classes):
        make_class(project, index=index, is_background=index == 0)
    return project


def make_member(project: Project, user: User, role: Role) -> Membership:
    return Membership.objects.create(project=project, user=user, role=role)


def make_class(project: Project, *, index: int, **fields: Any) -> LabelClass:
    fields = {"name": f"class {index}", "color": f"#{index * 40 % 256:02x}7755", "order": index} | fields
    return LabelClass.objects.create(project=project, index=index, **fields)


def photo(*, width: int = 48, height: int = 40, seed: int | None = None) -> np.ndarray:
    """uint8 (H, W, 3): smooth random colours with a bright square, different for each call."""
    rng = np.random.default_rng(next(_count) if seed is None else seed)
    small = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    rgb = np.asarray(PILImage.fromarray(small).resize((width, height), PILImage.Resampling.BICUBIC)).copy()
    rgb[height // 4 : height // 2, width // 4 : width // 2] = (250, 240, 30)
    return rgb


def picture_bytes(rgb: np.ndarray, fmt: str = "PNG") -> bytes:
    out = io.BytesIO()
    PILImage.fromarray(rgb).save(out, fmt)
    return out.getvalue()


def make_image(project: Project, *, width: int = 48, height: int = 40, split: str = "train", **fields: Any) -> Image:
    """A real stored picture, with the same bytes as original and display file."""
    data = picture_bytes(photo(width=width, height=height))
    blob = storage.put("images", data, suffix="png")
    defaults = {
        "name": f"picture{next(_count)}.png",
        "sha256": blob.sha256,
        "file": blob.name,
        "thumb": blob.name,
        "original": blob.name,
        "original_format": "PNG",
        "order_key": (next(_count) * 0.618) % 1,
    }
    return Image.objects.create(project=project, width=width, height=height, split=split, **(defaults | fields))


def make_tiles(rgb: np.ndarray) -> str:
    """The stored pyramid of a picture, uint8 (H, W, 3), with PNG tiles."""
    out, picture = io.BytesIO(), PILImage.fromarray(rgb)
    build(strips_of(picture), size=picture.size, factor=1, suffix="png", out=out, check=lambda: None)
    return storage.put("tiles", out.getvalue(), suffix="png.tiles").name


def make_annotation(image: Image, author: User, *, marks: int = 0, revision: int = 1) -> Annotation:
    annotation = Annotation.objects.create(image=image, author=author, revision=revision)
    classes = list(image.project.classes.all())
    for number in range(marks):
        make_mark(annotation, classes[number % len(classes)])
    return annotation


def make_mark(annotation: Annotation, label_class: LabelClass, **fields: Any) -> Mark:
    defaults: dict[str, Any] = {
        "uuid": uuid.uuid4(),
        "kind": "point",
        "geometry": {"x": 5.5 + label_class.index * 9, "y": 6.5},
        "made_at": timezone.now(),
    }
    return Mark.objects.create(annotation=annotation, label_class=label_class, **(defaults | fields))


def make_mask(image: Image, *, value: int = 1, origin: str = "painted", **fields: Any) -> Mask:
    """A mask of zeros with a square of `value`."""
    label_map = np.zeros((image.height, image.width), np.uint8)
    label_map[: image.height // 2, : image.width // 2] = value
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    counts = {str(v): int(n) for v, n in zip(*np.unique(label_map, return_counts=True), strict=True)}
    return Mask.objects.create(
        image=image, blob=blob.name, sha256=blob.sha256, origin=origin, pixel_counts=counts, **fields
    )


def make_run(project: Project, **fields: Any) -> TrainingRun:
    number = TrainingRun.objects.filter(project=project).count() + 1
    defaults = {"number": number, "method": "seeded_segmentation", "snapshot": "none", "snapshot_hash": "0" * 64}
    return TrainingRun.objects.create(project=project, **(defaults | fields))


def make_version(project: Project, **fields: Any) -> ModelVersion:
    """A version of a finished run; its weights are not real."""
    run = fields.pop("run", None) or make_run(project, status="succeeded", finished_at=timezone.now())
    number = ModelVersion.objects.filter(project=project).count() + 1
    defaults = {"number": number, "weights": "none", "manifest": "none", "class_indices": [0, 1]}
    return ModelVersion.objects.create(project=project, run=run, **(defaults | fields))


def make_prior(image: Image, version: ModelVersion | None = None, thing: np.ndarray | None = None) -> ImagePrior:
    """What a version in use sees in an image: class 1 where `thing` (h, w) is true, by default on the left half."""
    version = version or make_version(image.project, is_active=True)
    thing = np.array([[True, False]]) if thing is None else thing
    maps = np.stack([~thing, thing]).astype(np.uint8) * 255
    data = encode_prior(ClassPrior(classes=(0, 1), maps=maps), model_version=version.number)
    blob = storage.put("priors", data, suffix="bpm")
    return ImagePrior.objects.create(image=image, model_version=version, blob=blob.name, sha256=blob.sha256)


def make_model_proposal(image: Image, version: ModelVersion, **fields: Any) -> Proposal:
    mask = fields.pop("mask", None) or make_mask(image, origin="polished", model_version=version)
    return Proposal.objects.create(image=image, mask=mask, source="model", model_version=version, **fields)


def make_interactive_proposal(annotation: Annotation, **fields: Any) -> Proposal:
    mask = fields.pop("mask", None) or make_mask(annotation.image, origin="interactive", method="live_head")
    defaults = {"source_revision": annotation.revision, "method": "live_head"}
    return Proposal.objects.create(
        image=annotation.image, mask=mask, source="interactive", annotation=annotation, **(defaults | fields)
    )
