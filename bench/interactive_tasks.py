"""What `bench/interactive.py` asks for: one object of one picture at a time, from folders with true masks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models_zoo import IGNORE, pixel_counts
from models_zoo.data.dataset import load_mask, load_rgb
from models_zoo.features import (
    FEATURES_VERSION,
    DenseFeatures,
    compute_features,
    decode_features,
    encode_features,
    resize_rgb,
)
from models_zoo.label_map import LabelMap

if TYPE_CHECKING:
    from models_zoo.networks.encoders import Encoder

MAX_SIDE = 512
"""Pictures are brought to this long side if they are larger, in pixels."""

_MIN_SHARE = 0.01
_MAX_CLASSES = 2
_MIN_PIXELS = 100
_HUMAN = {"sparse": "scribbles1", "dense": "scribbles2"}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One object to cut out. ``truth`` and ``ignore`` are bool (H, W), ``rgb`` uint8 (H, W, 3).

    ``human`` holds what people really drew, where the set has it: 0 ground, 1 object, 255 nothing.
    """

    set_name: str
    image: str
    class_index: int
    rgb: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.bool_]
    ignore: npt.NDArray[np.bool_]
    human: dict[str, LabelMap] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Unique within its set."""
        return f"{self.image}#{self.class_index}"


def tasks_of(folder: Path, limit: int, others: int = 0) -> Iterator[Task]:
    """Tasks of at most ``limit`` pictures (0: all), evenly spread over the sorted names.

    ``others``: of at most so many pictures that ``limit`` leaves out instead, to choose settings on.
    The background is class 0 where it is called so. Of one or two classes, class 1 is the object; of more, the two
    largest of each picture that cover at least 1 % of it, one task each. Raises SystemExit naming what is missing.
    """
    names = _names(folder)
    measured = _spread(names, limit)
    names = _spread([name for name in names if name not in measured], others) if others else measured
    classes = _classes(folder)
    for name in names:
        yield from _tasks_of_picture(folder, name, classes)


def names_left_out(folder: Path, limit: int, others: int) -> list[str]:
    """Pictures that `tasks_of` gives neither for ``limit`` nor for ``others``: what may be trained on."""
    names = _names(folder)
    measured = _spread(names, limit)
    chosen = _spread([name for name in names if name not in measured], others)
    return [name for name in names if name not in measured and name not in chosen]


def tasks_of_picture(folder: Path, name: str) -> Iterator[Task]:
    """Tasks of one picture. Raises SystemExit naming what is missing."""
    yield from _tasks_of_picture(folder, name, _classes(folder))


def _tasks_of_picture(folder: Path, name: str, classes: dict[int, str]) -> Iterator[Task]:
    rgb = load_rgb(folder / "images" / name)
    height, width = rgb.shape[:2]
    mask_name = f"{Path(name).stem}.png"
    labels = load_mask(folder / "masks" / mask_name, (width, height))
    ratio = min(1.0, MAX_SIDE / max(width, height))
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    labels = _nearest(labels, size)
    human = {
        kind: _nearest(load_mask(folder / part / mask_name, (width, height)), size)
        for kind, part in _HUMAN.items()
        if (folder / part / mask_name).is_file()
    }
    for class_index in _wanted(labels, classes):
        truth, ignore = labels == class_index, labels == IGNORE
        if min(np.count_nonzero(truth), np.count_nonzero(~truth & ~ignore)) > _MIN_PIXELS:
            yield Task(
                set_name=folder.name,
                image=name,
                class_index=class_index,
                rgb=resize_rgb(rgb, *size).copy(),  # torch wants it writable
                truth=truth,
                ignore=ignore,
                human=human,
            )


def _names(folder: Path) -> list[str]:
    for part in ("images", "masks", "classes.json"):
        if not (folder / part).exists():
            raise SystemExit(f"{folder} has no {part}: give folders with images/, masks/ and classes.json.")
    pictures = sorted(path.name for path in (folder / "images").iterdir())
    return [name for name in pictures if (folder / "masks" / f"{Path(name).stem}.png").is_file()]


def _spread(names: list[str], limit: int) -> list[str]:
    """At most ``limit`` of the names (0: all), evenly spread."""
    if not limit or len(names) <= limit:
        return names
    return [names[i] for i in np.linspace(0, len(names) - 1, limit).astype(int)]


def _classes(folder: Path) -> dict[int, str]:
    """Names by index, the background left out."""
    try:
        named = json.loads((folder / "classes.json").read_text())["classes"]
        classes = {int(index): str(name) for index, name in named.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SystemExit(f'{folder}/classes.json must hold {{"classes": {{"0": "background", …}}}}.') from error
    return {index: name for index, name in classes.items() if name != "background"}


def _wanted(labels: LabelMap, classes: dict[int, str]) -> list[int]:
    if len(classes) == 1:
        return list(classes)
    counts = {index: count for index, count in pixel_counts(labels).items() if index in classes}
    large = [index for index, count in counts.items() if count >= _MIN_SHARE * labels.size]
    return sorted(large, key=lambda index: (-counts[index], index))[:_MAX_CLASSES]


def _nearest(labels: LabelMap, size: tuple[int, int]) -> LabelMap:
    import cv2

    if labels.shape == (size[1], size[0]):
        return labels
    return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)


class FeatureStore:
    """Features of pictures, kept under ``folder`` if there is one, by the hash of their pixels."""

    def __init__(self, encoder: str, folder: Path | None) -> None:
        self._name, self._folder = encoder, folder

    def get(self, rgb: npt.NDArray[np.uint8]) -> DenseFeatures:
        """As the server would ship them: quantised."""
        if self._folder is None:
            return compute_features(self._encoder, rgb).dense
        digest = hashlib.sha256(rgb.tobytes() + str(rgb.shape).encode()).hexdigest()[:32]
        path = self._folder / f"{self._name}-{FEATURES_VERSION}-{digest}.features"
        if path.is_file():
            return decode_features(path.read_bytes()).dense
        features = compute_features(self._encoder, rgb)
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        beside.write_bytes(encode_features(features))
        beside.replace(path)
        return features.dense

    @cached_property
    def _encoder(self) -> Encoder:
        from models_zoo.networks.encoders import load_encoder

        return load_encoder(self._name)
