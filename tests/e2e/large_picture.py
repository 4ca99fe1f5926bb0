"""A picture of 20,000 x 20,000 pixels, and how to look at what a page holds of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

SIDE: Final = 20_000
# Every canvas that is alive, whether it is in the page or kept beside it: tiles, masks, layers.
REMEMBER_CANVASES: Final = """
  const make = document.createElement.bind(document);
  window.canvases = [];
  document.createElement = (name, ...rest) => {
    const element = make(name, ...rest);
    if (element instanceof HTMLCanvasElement) window.canvases.push(new WeakRef(element));
    return element;
  };
"""
SIZES: Final = "() => canvases.map(ref => ref.deref()).filter(Boolean).map(({ width, height }) => [width, height])"


def draw_large(path: Path) -> None:
    """A yellow square with some noise on blue, as JPEG, written row by row. Needs pyvips."""
    import pyvips

    rng = np.random.default_rng(0)
    small = np.full((200, 200, 3), (40, 60, 110), np.int16)
    small[60:140, 60:140] = (220, 200, 40)
    small += rng.integers(0, 12, small.shape, dtype=np.int16)
    zoom = SIDE // 200
    pyvips.Image.new_from_array(small.astype(np.uint8)).zoom(zoom, zoom).jpegsave(str(path), Q=60)
