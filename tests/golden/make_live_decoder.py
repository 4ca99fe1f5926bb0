"""Write what the browser's form of the live head's decoder and this one must agree on: maps, network and scores.

    python -m tests.golden.make_live_decoder

``network``: what the network of `weights` changes log odds by, each fourth cell a side, for the maps of `maps`.
``cases``: marks on a picture whose grid has odd sides, the maps (float16) that the network is given for each marked
class, and the scores (float16) that the head makes with it. The packaged weights have no part in this.
Run it again when the mathematics change on purpose, and look at the difference before committing it.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models_zoo.features import compute_features, decode_features, encode_features
from models_zoo.interactive import ImageContext
from models_zoo.interactive.live_decoder import SIDE, Decoder, decode
from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.live_maps import CHANNELS, VALID
from models_zoo.marks import Box, Mark, Point, Scribble, mark_to_json
from tests.golden.make_live_head import packed

FILE = Path(__file__).parent / "live_decoder.json"
_WIDTH, _HEIGHT = 102, 74
_VALID_ROWS, _VALID_COLUMNS = 51, 62
_STEP = 4
_LARGEST = 0.75  # twice of any weight; with larger ones, answers come to exactly 0 and 1
FloatArray = npt.NDArray[np.float32]

_MARKS: dict[str, tuple[Mark, ...]] = {
    "strokes_and_box": (
        Scribble(1, 1, ((40, 30), (60, 40)), 4),
        Point(1, 1, 90, 70),
        Scribble(0, 1, ((4, 4), (90, 6)), 4),
        Box(2, 1, 8, 40, 34, 70),
    ),
    "one_class": (Scribble(1, 1, ((45, 20), (48, 60)), 4),),
    "box": (Box(1, 1, 20, 15, 80, 70),),
}


def numbers(count: int, seed: int) -> FloatArray:
    """Numbers in 0..1 that are the same in every language (Lehmer's generator)."""
    state, found = seed, np.zeros(count)
    for place in range(count):
        state = state * 16807 % 2147483647
        found[place] = state / 2147483647
    return found.astype(np.float32)


def weights() -> Decoder:
    """A network that nobody trained."""
    network = Decoder().eval().requires_grad_(False)
    count = sum(values.numel() for values in network.parameters())
    values = (numbers(count, 1) - np.float32(0.5)) * np.float32(_LARGEST)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(values), network.parameters())
    return network


def maps() -> FloatArray:
    """Maps (CHANNELS, SIDE, SIDE) of a picture that fills them only in part."""
    found = numbers(CHANNELS * SIDE * SIDE, 2).reshape(CHANNELS, SIDE, SIDE)
    found[VALID] = 1
    found[:, _VALID_ROWS:] = 0
    found[:, :, _VALID_COLUMNS:] = 0
    return found


def changes() -> FloatArray:
    """What the network makes of log odds of nothing and of one: a sum, and that and a factor more."""
    given, logits = torch.from_numpy(maps())[None], torch.zeros(1, 2 * SIDE, 2 * SIDE)
    network = weights()
    more = network(given, logits)
    factor = 3 * (network(given, logits + 1) - more - 1)
    return np.asarray(torch.cat([factor, more])[:, ::_STEP, ::_STEP].numpy(), np.float32)


def main() -> None:
    """Write the file and say how large it is."""
    from models_zoo.networks.encoders import load_encoder

    rgb = _picture()
    blob = encode_features(compute_features(load_encoder("efficientnet_lite0"), rgb, dims=6))
    written = {
        "width": _WIDTH,
        "height": _HEIGHT,
        "rgb": packed(rgb),
        "features": base64.b64encode(blob).decode(),
        "classes": [0, 1, 2],
        "network": packed(changes().astype("<f4")),
        "cases": {name: _solved(rgb, blob, marks) for name, marks in _MARKS.items()},
    }
    text = json.dumps(written, indent=1) + "\n"
    FILE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(text) / 1000:.0f} kB\n")


def _picture() -> npt.NDArray[np.uint8]:
    import skimage
    from PIL import Image as PILImage

    with PILImage.open(Path(skimage.__file__).parent / "data/chelsea.png") as image:
        small = image.convert("RGB").reduce(2)
    return np.asarray(small.crop((60, 20, 60 + _WIDTH, 20 + _HEIGHT)), np.uint8)


def _solved(rgb: npt.NDArray[np.uint8], blob: bytes, marks: tuple[Mark, ...]) -> dict[str, Any]:
    seen: list[FloatArray] = []
    network = weights()

    def decoder(given: FloatArray, logits: FloatArray) -> FloatArray:
        seen.append(given)
        return decode(network, given, logits)

    head = LiveHead(decode=decoder)
    head.set_image(ImageContext(rgb=rgb, class_indices=(0, 1, 2), background=0, features=decode_features(blob).dense))
    scores = head.segment(marks, allowed=(0, 1, 2)).scores
    return {
        "marks": [{**mark_to_json(mark), "id": str(number)} for number, mark in enumerate(marks)],
        "maps": [packed(given.astype("<f2")) for given in seen],
        "scores": packed(scores.astype("<f2")),
    }


if __name__ == "__main__":
    main()
