"""The live head gives what is written down for it; the browser's solver is held to the same files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2")

from tests.golden.make_live_head import CASES, FOLDER, solve, unpacked

# Another processor's sums differ in the last digits, which can move a border by a pixel.
_ALIKE = 0.995
_SCORE_ERROR = 0.01


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_every_case_has_its_file_and_all_are_small() -> None:
    paths = sorted(FOLDER.glob("*.json"))
    assert [path.stem for path in paths] == sorted(case.name for case in CASES)
    assert sum(path.stat().st_size for path in paths) < 550_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_live_head_agrees_with_what_is_written_down(case: Any) -> None:
    given = read(FOLDER / f"{case.name}.json")
    expected, result = given["expected"], solve(given)
    assert list(result.classes) == expected["classes"]
    scores = unpacked(expected["scores"], "f2", result.scores.shape).astype(np.float32)
    assert np.abs(scores - result.scores.astype(np.float32)).mean() < _SCORE_ERROR
    labels = unpacked(expected["labels"], "u1", result.label_map.shape)
    assert (labels == result.label_map).mean() >= _ALIKE
    # A case in which one class has everything would hold nobody to anything.
    assert len(np.unique(labels)) > 1
