"""Pictures with a known object, made of others: cut-outs and drawn shapes, filled with pieces of pictures.

S pixels a side of a shape, H x W of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.annotators import BoolArray
from bench.live_decoder.cases import Example, relit
from bench.live_decoder.shapes import blob, body, fitted
from bench.peers import Rgb
from models_zoo.data.dataset import load_rgb
from models_zoo.features import resize_rgb

_MAX_SIDE = 640


class Composer:
    """Composites from ``pictures``, groups of which all are as likely, with the shapes of ``cutouts`` among others."""

    def __init__(
        self, pictures: Sequence[Sequence[Path]], cutouts: Sequence[BoolArray], rng: np.random.Generator
    ) -> None:
        self._groups = [group for group in pictures if group]
        self._cutouts, self._rng = cutouts, rng

    def compose(self, name: str) -> Example:
        """One object, two or a crowd of a kind on a picture, with other things behind and in front of it; or a region.

        One in four is all that is not the object.
        """
        rng = self._rng
        example = self._region(name) if rng.random() < 0.3 else self._thing(name)
        return replace(example, truth=~example.truth) if rng.random() < 0.25 else example

    def _region(self, name: str) -> Example:
        """Ground of two to six kinds side by side, of which one is meant, wherever it lies; with things on it."""
        rng = self._rng
        height, width = int(rng.integers(200, 400)), int(rng.integers(200, 512))
        rgb, kind = self._grounds(height, width, int(rng.integers(2, 7)), int(rng.integers(2, 5)))
        truth = kind == kind[int(rng.integers(height)), int(rng.integers(width))]
        for _ in range(int(rng.integers(4))):
            self._paste(rgb, truth, int(min(height, width) * rng.uniform(0.1, 0.4)), is_object=False)
        return Example(name, rgb, truth, np.zeros_like(truth))

    def _thing(self, name: str) -> Example:
        rng = self._rng
        height, width = int(rng.integers(200, 400)), int(rng.integers(200, 512))
        short = min(height, width)
        rgb = self._piece(height, width, 0.5) if rng.random() < 0.8 else self._filled(height, width, 3)
        truth = np.zeros((height, width), np.bool_)
        for _ in range(int(rng.integers(4))):
            self._paste(rgb, truth, int(short * rng.uniform(0.15, 0.6)), is_object=False)
        if rng.random() < 0.35:
            self._crowd(rgb, truth, int(rng.integers(3, 25)))
        else:
            for _ in range(1 if rng.random() < 0.8 else 2):
                self._paste(rgb, truth, int(short * rng.uniform(0.4, 1.1)), is_object=True)
        if rng.random() < 0.3:
            self._paste(rgb, truth, int(short * rng.uniform(0.1, 0.3)), is_object=False)
        if rng.random() < 0.5:
            rgb = np.clip(rgb + rng.normal(0, rng.uniform(1, 8), rgb.shape), 0, 255).astype(np.uint8)
        return Example(name, rgb, truth, np.zeros_like(truth))

    def _crowd(self, rgb: Rgb, truth: BoolArray, count: int) -> None:
        """Things of one texture, half of the time of one shape too."""
        rng = self._rng
        side = int(min(truth.shape) * rng.uniform(0.3, 0.55) / count**0.4)
        texture = self._piece(2 * side, 2 * side, 0.35)
        one, same = self._shape(side), rng.random() < 0.5
        for _ in range(count):
            y, x = (int(value) for value in rng.integers(0, side, 2))
            shape = np.rot90(one if same else self._shape(side), int(rng.integers(4)))
            light = rng.uniform(0.85, 1.15)
            piece = np.clip(texture[y : y + side, x : x + side] * light, 0, 255).astype(np.uint8)
            self._put(rgb, truth, shape, piece, is_object=True)

    def _paste(self, rgb: Rgb, truth: BoolArray, side: int, *, is_object: bool) -> None:
        self._put(
            rgb, truth, self._shape(side), self._filled(side, side, int(self._rng.integers(1, 5))), is_object=is_object
        )

    def _put(self, rgb: Rgb, truth: BoolArray, shape: BoolArray, texture: Rgb, *, is_object: bool) -> None:
        """Somewhere, at most half over the rim, with a soft edge."""
        import cv2

        rng, side = self._rng, len(shape)
        y, x = (int(rng.integers(-side // 4, max(1, length - side * 3 // 4))) for length in truth.shape)
        y0, x0, y1, x1 = max(0, y), max(0, x), min(truth.shape[0], y + side), min(truth.shape[1], x + side)
        part, inside = (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
        if min(y1 - y0, x1 - x0) < 4:
            return
        soft = cv2.GaussianBlur(shape[inside].astype(np.float32), (0, 0), rng.uniform(0.4, 1.5))[..., None]
        rgb[part] = (soft * texture[inside] + (1 - soft) * rgb[part]).astype(np.uint8)
        truth[part][shape[inside]] = is_object

    def _piece(self, height: int, width: int, least: float) -> Rgb:
        """A crop of some picture, ``least`` of its size or more, brought to (height, width, 3)."""
        import cv2

        rng = self._rng
        group = self._groups[int(rng.integers(len(self._groups)))]
        picture = _picture(group[int(rng.integers(len(group)))])
        zoom = min(picture.shape[0] / height, picture.shape[1] / width) * rng.uniform(least, 1)
        rows, columns = (
            min(side, max(8, int(wanted * zoom)))
            for side, wanted in zip(picture.shape[:2], (height, width), strict=True)
        )
        y, x = int(rng.integers(picture.shape[0] - rows + 1)), int(rng.integers(picture.shape[1] - columns + 1))
        smooth = cv2.INTER_AREA if zoom > 1 else cv2.INTER_CUBIC
        crop = picture[y : y + rows, x : x + columns]
        piece: Rgb = np.asarray(cv2.resize(crop, (width, height), interpolation=smooth), np.uint8)
        piece = piece[:, ::-1] if rng.random() < 0.5 else piece
        return np.ascontiguousarray(relit(piece, rng, 0.25) if rng.random() < 0.5 else piece)

    def _filled(self, height: int, width: int, parts: int) -> Rgb:
        """Pieces of ``parts`` pictures, side by side along crooked borders."""
        return self._grounds(height, width, parts, parts)[0]

    def _grounds(self, height: int, width: int, parts: int, kinds: int) -> tuple[Rgb, npt.NDArray[np.intp]]:
        """The same, and which of ``kinds`` pictures each pixel is of, (height, width)."""
        import cv2

        rng = self._rng
        texture = self._piece(height, width, 0.35)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        for plane in (rows, columns):
            noise = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), max(2, height / 12))
            plane += 0.15 * height * noise / (noise.std() + 1e-6)
        places = rng.uniform(0, 1, (parts, 2)) * (height, width)
        nearest = np.stack([(rows - y) ** 2 + (columns - x) ** 2 for y, x in places]).argmin(axis=0)
        kind = nearest % kinds
        for other in range(1, kinds):
            texture[kind == other] = self._piece(height, width, 0.1)[kind == other]
        return texture, kind

    def _shape(self, side: int) -> BoolArray:
        """A cut-out, a blob, or a body with limbs: bool (S, S)."""
        chance = self._rng.random()
        if chance < 0.3 and self._cutouts:
            return fitted(self._cutouts[int(self._rng.integers(len(self._cutouts)))], side)
        return blob(side, self._rng) if chance < 0.6 else body(side, self._rng)


@cache
def _picture(path: Path) -> npt.NDArray[np.uint8]:
    rgb = load_rgb(path)
    ratio = min(1.0, _MAX_SIDE / max(rgb.shape[:2]))
    return resize_rgb(rgb, max(1, round(rgb.shape[1] * ratio)), max(1, round(rgb.shape[0] * ratio)))
