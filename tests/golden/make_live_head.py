"""Write the golden vectors of the live head: what the browser's solver and this one must agree on.

    python -m tests.golden.make_live_head

Crops of 96 px from photographs that come with scikit-image and scikit-learn, each with marks and the proposal
that Python makes of them. One JSON object a case; bytes are base64 of a zlib stream, little-endian, C order: ``rgb``
uint8 (H, W, 3), ``prior.data`` uint8 (C, h, w), ``expected.labels`` uint8 (H, W), ``expected.scores`` float16
(C, h, w). ``features`` is base64 of a blob of `models_zoo.features`, of few channels to stay small.
Run it again when the mathematics change on purpose, and look at the difference before committing it.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from models_zoo.features import compute_features, decode_features, encode_features
from models_zoo.interactive import ImageContext
from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.prior import ClassPrior
from models_zoo.marks import Box, Mark, Point, Scribble, Tag, mark_to_json

FOLDER = Path(__file__).parent / "live_head"
SIDE = 96
_CHANNELS = 5
_THING, _OTHER, _GROUND = 1, 2, 0


@dataclass(frozen=True)
class Case:
    """A crop (x, y) of a photograph and what a person did on it, in pixels of the crop."""

    name: str
    photograph: str
    crop: tuple[int, int]
    marks: tuple[Mark, ...]
    background: int | None = _GROUND
    classes: tuple[int, ...] = (0, 1)
    seen: tuple[int, ...] = ()  # classes of the prior; none: there is no prior
    all_similar: bool = False
    shrink: int = 2


def _line(class_index: int, *points: tuple[float, float], width: float = 4, sign: int = 1) -> Scribble:
    return Scribble(class_index, sign, points, width)


CASES = (
    Case("strokes", "flower.jpg", (120, 60), (_line(1, (40, 50), (60, 55)), _line(0, (5, 5), (90, 8)))),
    Case("points", "chelsea.png", (60, 20), (Point(1, 1, 50, 45), Point(0, 1, 6, 6), Point(0, 1, 90, 90))),
    Case("box", "coffee.png", (100, 40), (Box(1, 1, 15, 20, 80, 85),)),
    # So many of a class that their middles come in together; one holds a stroke.
    Case(
        "many_boxes",
        "ihc.png",
        (60, 60),
        (
            *(Box(1, 1, x, y, x + 9, y + 11) for x in (4, 30, 58, 80) for y in (8, 40, 70)),
            Box(2, 1, 46, 20, 56, 30),
            _line(1, (6, 12), (10, 14), width=2),
        ),
        classes=(0, 1, 2),
    ),
    Case("one_class", "rocket.jpg", (120, 60), (_line(1, (45, 20), (48, 60)),)),
    Case(
        "three_classes",
        "china.jpg",
        (110, 30),
        (_line(1, (40, 40), (60, 45)), _line(2, (10, 85), (85, 88)), _line(0, (5, 4), (90, 4)), Tag(3, -1)),
        classes=(0, 1, 2, 3),
    ),
    Case(
        "no_background",
        "astronaut.png",
        (80, 10),
        (_line(1, (40, 30), (55, 40)), _line(2, (8, 70), (20, 80)), _line(1, (70, 80), (80, 85), sign=-1)),
        background=None,
        classes=(1, 2),
    ),
    Case(
        "prior",
        "ihc.png",
        (60, 60),
        (_line(1, (30, 30), (40, 34)), Point(2, 1, 70, 70)),
        classes=(0, 1, 2),
        seen=(0, 1, 2),
    ),
    # The model has never heard of class 1, its class 5 was retired, and it sees no class 3 here.
    Case(
        "prior_other_classes",
        "ihc.png",
        (60, 60),
        (_line(1, (30, 30), (40, 34)), Point(2, -1, 70, 70)),
        classes=(0, 1, 2, 3),
        seen=(0, 2, 5),
    ),
    Case("prior_one_class", "rocket.jpg", (120, 60), (_line(1, (45, 20), (48, 60)),), seen=(1,)),
    Case(
        "all_similar",
        "chelsea.png",
        (110, 44),
        (_line(1, (20, 20), (30, 24), width=6), _line(0, (60, 85), (90, 80)), Point(1, -1, 80, 20)),
        all_similar=True,
    ),
    # Coins: one has a stroke, the others light up with it.
    Case("crowd", "coins.png", (60, 20), (_line(1, (40, 40), (45, 45)), _line(0, (4, 60), (90, 61)))),
)


def main() -> None:
    """Write every case and say how large they are together."""
    from models_zoo.networks.encoders import load_encoder

    FOLDER.mkdir(exist_ok=True)
    encoder = load_encoder("efficientnet_lite0")
    total = 0
    for case in CASES:
        rgb = _crop(case)
        blob = encode_features(compute_features(encoder, rgb, dims=_CHANNELS))
        text = json.dumps(_with_expected(_given(case, rgb, blob)), indent=1) + "\n"
        (FOLDER / f"{case.name}.json").write_text(text, encoding="utf-8")
        total += len(text)
    sys.stdout.write(f"{len(CASES)} cases, {total / 1000:.0f} kB\n")


def _crop(case: Case) -> npt.NDArray[np.uint8]:
    """The crop, from the photograph at half its size."""
    import skimage
    import sklearn

    folders = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets/images"
    path = next(folder / case.photograph for folder in folders if (folder / case.photograph).exists())
    with PILImage.open(path) as image:
        small = image.convert("RGB").reduce(case.shrink)
    x, y = case.crop
    return np.asarray(small.crop((x, y, x + SIDE, y + SIDE)), np.uint8)


def _given(case: Case, rgb: npt.NDArray[np.uint8], blob: bytes) -> dict[str, Any]:
    marks = [{**mark_to_json(mark), "id": f"{case.name}-{number}"} for number, mark in enumerate(case.marks)]
    return {
        "name": case.name,
        "width": SIDE,
        "height": SIDE,
        "rgb": packed(rgb),
        "features": base64.b64encode(blob).decode(),
        "classes": list(case.classes),
        "background": case.background,
        "prior": _prior(case.seen) if case.seen else None,
        "allowed": list(case.classes),
        "all_similar": case.all_similar,
        "marks": marks,
    }


def _prior(classes: tuple[int, ...]) -> dict[str, Any]:
    """A smooth map in which each class holds a stripe."""
    columns = np.linspace(0, len(classes) - 1, 24)
    near = np.maximum(0, 1 - np.abs(columns - np.arange(len(classes))[:, None]))
    values = np.rint(255 * np.repeat(near[:, None], 24, axis=1)).astype(np.uint8)
    return {"classes": list(classes), "height": 24, "width": 24, "data": packed(values)}


def _with_expected(given: dict[str, Any]) -> dict[str, Any]:
    result = solve(given)
    expected = {
        "classes": list(result.classes),
        "labels": packed(result.label_map),
        # In steps of 1/256, which is finer than anybody is held to and packs well.
        "scores": packed((np.rint(result.scores.astype(np.float32) * 256) / 256).astype("<f2")),
    }
    return {**given, "expected": expected}


def solve(given: dict[str, Any]) -> Any:
    """The live head's proposal for a case as it stands in its file."""
    from models_zoo.marks import mark_from_json

    height, width, classes = given["height"], given["width"], tuple(given["classes"])
    context = ImageContext(
        rgb=unpacked(given["rgb"], "u1", (height, width, 3)),
        class_indices=classes,
        background=given["background"],
        features=decode_features(base64.b64decode(given["features"])).dense,
        prior=_class_prior(given["prior"]),
    )
    head = LiveHead(all_similar=given["all_similar"])
    head.set_image(context)
    marks = [mark_from_json({key: value for key, value in mark.items() if key != "id"}) for mark in given["marks"]]
    return head.segment(marks, allowed=given["allowed"])


def _class_prior(prior: dict[str, Any] | None) -> ClassPrior | None:
    if prior is None:
        return None
    shape = len(prior["classes"]), prior["height"], prior["width"]
    return ClassPrior(classes=tuple(prior["classes"]), maps=unpacked(prior["data"], "u1", shape))


def packed(array: npt.NDArray[Any]) -> str:
    """Base64 of the zlib stream of an array's bytes."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()


def unpacked(text: str, kind: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """What `packed` took, of little-endian numbers of a kind such as "u1" or "f2"."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), f"<{kind}").reshape(shape)


if __name__ == "__main__":
    main()
