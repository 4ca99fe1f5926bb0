"""Interactive segmenters with their image set, kept for the images people work on right now."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labeling import storage
from labeling.errors import PermanentError
from labeling.ml import features, weights
from labeling.models import Image, LabelClass
from labeling.selectors.images import usable_priors
from labeling.selectors.interactive import answering_version, site_files
from labeling.services.proposals import Answer
from models_zoo import IGNORE, InteractiveInfo, Mark, list_interactive

if TYPE_CHECKING:
    from models_zoo.interactive.prior import ClassPrior
    from models_zoo.interactive.types import InteractiveResult, InteractiveSegmenter

logger = logging.getLogger(__name__)

CAPACITY = 8  # images; each costs its picture and its feature map
MAX_PIXELS = 64_000_000  # of all pictures kept, unless a single one is larger


@dataclass(frozen=True)
class _Key:
    """What a prepared segmenter depends on; when any of it changes, the image is set anew."""

    method: str
    image_id: int
    file: str
    classes: tuple[int, ...]
    background: int | None
    pixels: int
    files: tuple[tuple[str, Path], ...] = ()
    prior: str = ""


class Segmenters:
    """A small cache, least recently used out first. One call at a time: segmenters are not thread-safe."""

    def __init__(self, capacity: int = CAPACITY, max_pixels: int = MAX_PIXELS) -> None:
        self._capacity, self._max_pixels = capacity, max_pixels
        self._lock = threading.Lock()
        self._ready: OrderedDict[_Key, InteractiveSegmenter] = OrderedDict()

    def prepare(self, *, image: Image, method: str, classes: Sequence[LabelClass]) -> None:
        """Have the image set, so that the next mark is answered at once."""
        with self._lock:
            self._get(image, _key(image, method, classes))

    def answer(self, *, image: Image, method: str, classes: Sequence[LabelClass], marks: Sequence[Mark]) -> Answer:
        """Segment the image by its marks of these classes (those of a retired one are passed over).

        Raises PermanentError if the picture or the method is gone.
        """
        key = _key(image, method, classes)
        usable = [mark for mark in marks if mark.class_index in key.classes]
        with self._lock:
            result = self._get(image, key).segment(usable, allowed=key.classes)
        return Answer(label_map=result.label_map, uncertainty=_uncertainty(result))

    def _get(self, image: Image, key: _Key) -> InteractiveSegmenter:
        if key not in self._ready:
            self._make_room(key.pixels)
            self._ready[key] = _with_image(image, key)
        self._ready.move_to_end(key)
        return self._ready[key]

    def _make_room(self, pixels: int) -> None:
        """Before the new picture is read, so that memory never holds both."""
        while self._ready and (
            len(self._ready) >= self._capacity or sum(key.pixels for key in self._ready) + pixels > self._max_pixels
        ):
            self._ready.popitem(last=False)


def _key(image: Image, method: str, classes: Sequence[LabelClass]) -> _Key:
    background = next((row.index for row in classes if row.is_background), None)
    indices = tuple(sorted(row.index for row in classes))
    prior = usable_priors(image).first() if _info(method).needs_features else None
    pixels = image.width * image.height
    blob = "" if prior is None else prior.blob
    return _Key(method, image.pk, image.file, indices, background, pixels, _files(image, method), blob)


def _files(image: Image, method: str) -> tuple[tuple[str, Path], ...]:
    """What the method is built from: the newest trained version's weights, or files that the site brings.

    Raises PermanentError where that is gone.
    """
    info = _info(method)
    if not info.files:
        return ()
    version = answering_version(image.project, method)
    if version is not None:
        return tuple((name, weights.fetch(version)) for name in info.files)
    found = site_files(method)
    if not found:
        raise PermanentError(f"{info.title} is not ready in this project; choose another method in its settings.")
    return tuple((name, Path(path)) for name, path in found.items())


def _info(method: str) -> InteractiveInfo:
    info = next((info for info in list_interactive() if info.name == method), None)
    if info is None:
        raise PermanentError(f"There is no interactive method {method!r} any more; choose another one.")
    return info


def _with_image(image: Image, key: _Key) -> InteractiveSegmenter:
    from models_zoo.interactive.types import ImageContext, SegmenterFileError, create_segmenter

    info = _info(key.method)
    rgb = features.read_rgb(image)
    try:
        segmenter = create_segmenter(key.method, dict(key.files))
    except SegmenterFileError as error:
        raise PermanentError(str(error)) from error
    segmenter.set_image(
        ImageContext(
            rgb=rgb,
            class_indices=key.classes,
            background=key.background,
            features=features.dense_features(image, rgb) if info.needs_features else None,
            prior=_prior(key.prior),
        )
    )
    return segmenter


def _prior(blob: str) -> ClassPrior | None:
    """What the model in use sees; marks are answered without it where its file is gone or damaged."""
    from models_zoo.interactive.prior import PriorError, decode_prior

    if not blob:
        return None
    try:
        return decode_prior(storage.read(blob))
    except (FileNotFoundError, PriorError) as error:
        logger.warning("marks are answered without what the model sees: %s (%s)", blob, error)
        return None


def _uncertainty(result: InteractiveResult) -> float:
    """Mean over the pixels that got a class: 0 sure, 1 not; 1 where nothing got one."""
    proposed = result.label_map != IGNORE
    if not proposed.any():
        return 1.0
    return float(1 - np.mean(result.confidence[proposed]) / 255)


segmenters = Segmenters()


def warm_up() -> None:
    """Load what the first mark would otherwise wait seconds for: torch, the encoder, the segmenters."""
    from models_zoo import Point
    from models_zoo import features as zoo_features
    from models_zoo.interactive.types import ImageContext, create_segmenter

    rgb = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    dense = zoo_features.compute_features(features.encoder(), rgb).dense
    for info in list_interactive():
        if info.files:
            continue
        segmenter = create_segmenter(info.name)
        segmenter.set_image(ImageContext(rgb=rgb, class_indices=(0, 1), background=0, features=dense))
        segmenter.segment([Point(0, 1, 20.0, 20.0), Point(1, 1, 90.0, 70.0)], allowed=(0, 1))
