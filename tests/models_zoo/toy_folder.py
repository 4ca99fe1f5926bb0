"""A benchmark folder in miniature: a bright square on a dark ground, and the truth about it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image as PILImage

from models_zoo import encode_png


def make_folder(path: Path, *, num_images: int = 12, size: int = 64, prefix: str = "toy") -> Path:
    """Write `num_images` pictures with masks of classes 0 (background) and 1, and a strip of ignored pixels."""
    rng = np.random.default_rng(5)
    for name in ("images", "masks"):
        (path / name).mkdir(parents=True)
    for number in range(num_images):
        side = int(rng.integers(size // 3, size // 2))
        top, left = rng.integers(0, size - side, 2)
        truth = np.zeros((size, size), np.uint8)
        truth[top : top + side, left : left + side] = 1
        rgb = rng.integers(0, 60, (size, size, 3), dtype=np.uint8)
        rgb[truth == 1] += np.array([180, 170, 40], np.uint8)
        truth[:, -2:] = 255
        PILImage.fromarray(rgb).save(path / "images" / f"{prefix}{number:02d}.png")
        (path / "masks" / f"{prefix}{number:02d}.png").write_bytes(encode_png(truth))
    classes = {"name": path.name, "classes": {"0": "background", "1": "square"}, "ignore": 255}
    (path / "classes.json").write_text(json.dumps(classes))
    return path
