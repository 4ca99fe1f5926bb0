"""The interactive segmenter "sam_onnx": prompts of one class at a time to a segment-anything model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from models_zoo.interactive.per_class import PerClassSegmenter, Places, Prompt
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.sam_onnx.model import Embedded, load_model
from models_zoo.interactive.supervision import BoolArray

_OFF, _ON, _CORNERS = 0, 1, (2, 3)
# Logits that a plain mask stands for where the model asks for its own former ones.
_SURE = 8.0
_LIMIT = 30.0


class SamSegmenter(PerClassSegmenter):
    """InteractiveSegmenter "sam_onnx"; the embedding is computed once an image."""

    def __init__(self, encoder: Path, decoder: Path) -> None:
        """Load both files. Raises SegmenterFileError."""
        super().__init__()
        self._model = load_model(encoder, decoder)

    def prepare(self, rgb: npt.NDArray[np.uint8], grid: tuple[int, int]) -> None:
        """Run the encoder."""
        self._grid, self._size = grid, (rgb.shape[1], rgb.shape[0])
        self._embedded: Embedded = self._model.embed(rgb)

    def find(self, prompt: Prompt, previous: BoolArray | None) -> FloatArray:
        """The likeliest of what each box and the clicks outside boxes ask for."""
        inside = np.zeros(len(prompt.positive), np.bool_)
        found = [np.zeros(self._grid[::-1], np.float32)]
        for box in prompt.boxes:
            low, high = np.array([box.x0, box.y0]), np.array([box.x1, box.y1])
            on = ((prompt.positive >= low) & (prompt.positive <= high)).all(axis=1)
            off = ((prompt.negative >= low) & (prompt.negative <= high)).all(axis=1)
            inside |= on
            found.append(self._ask(prompt.positive[on], prompt.negative[off], np.stack([low, high]), previous))
        if not inside.all():
            found.append(self._ask(prompt.positive[~inside], prompt.negative, None, previous))
        return np.asarray(np.max(found, axis=0), np.float32)

    def _ask(self, on: Places, off: Places, box: Places | None, previous: BoolArray | None) -> FloatArray:
        """Probability (h, w) for one prompt."""
        import cv2

        corners = np.zeros((0, 2)) if box is None else box
        scale = np.array(self._embedded.size) / self._size
        coords = (np.concatenate([on, off, corners]) * scale).astype(np.float32)
        labels = np.array([_ON] * len(on) + [_OFF] * len(off) + list(_CORNERS)[: len(corners)], np.float32)
        last = None if previous is None else np.where(previous, _SURE, -_SURE).astype(np.float32)
        logits, quality = self._model.masks(self._embedded, coords, labels, last)
        chosen = logits[_choice(len(logits), quality, is_vague=box is None and len(coords) == 1)]
        enlarged = cv2.resize(np.ascontiguousarray(chosen), self._grid, interpolation=cv2.INTER_LINEAR)
        return np.asarray(1 / (1 + np.exp(-np.clip(enlarged, -_LIMIT, _LIMIT))), np.float32)


def _choice(count: int, quality: npt.NDArray[np.float32] | None, *, is_vague: bool) -> int:
    """Which mask to take.

    Four are one for clear prompts and three (whole, part, part of a part) for a lone point, where the model's own
    estimate decides; of another number the estimate always does.
    """
    if count == 1 or quality is None:
        return 0
    if count == 4:
        return 1 + int(quality[1:].argmax()) if is_vague else 0
    return int(quality.argmax())
