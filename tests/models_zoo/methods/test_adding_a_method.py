"""A method can be added by following models_zoo/README.md alone: its example is written to files and trained."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import models_zoo
import models_zoo.methods
from models_zoo import MethodInfo, get_method, list_methods, parse_config, registry
from models_zoo.engine import SilentCallbacks, fit, label_map, load_predictor
from models_zoo.registry import load_entry
from tests.models_zoo.toy import DISC, SETTINGS, disc_image, make_snapshot

FILES = re.compile(r"`methods/(\w+)/(info|task)\.py`.*?```python\n(.*?)```", re.DOTALL)
MOST_LINES = 40


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MethodInfo]:
    """The README's method as one more entry of the table."""
    written = FILES.findall(Path(models_zoo.__file__).with_name("README.md").read_text())
    assert [name for _, name, _ in written] == ["info", "task"]
    assert sum(bool(line.strip()) for *_, text in written for line in text.splitlines()) <= MOST_LINES
    method = written[0][0]
    package = f"models_zoo.methods.{method}"
    folder = tmp_path / method
    folder.mkdir()
    for _, name, text in written:
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(models_zoo.methods, "__path__", [*models_zoo.methods.__path__, str(tmp_path)])
    info: MethodInfo = load_entry(f"{package}.info:INFO")  # type: ignore[assignment]
    known = list_methods()
    monkeypatch.setattr(registry, "list_methods", lambda: [*known, info])
    yield info
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def test_the_example_of_the_readme_learns_and_predicts(added: MethodInfo, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=4, kinds=("scribble",))
    config = parse_config(get_method(added.name), {**SETTINGS, "steps": 40, "ema_decay": 0.8})
    result = fit(
        method=added.name,
        config=config,
        snapshot_dir=tmp_path / "s",
        work_dir=tmp_path / "run",
        seed=0,
        callbacks=SilentCallbacks(),
    )
    rgb, truth = disc_image(100, 64, 48)
    found = label_map(load_predictor(result.weights_dir).predict_batch([rgb])[0], 64, 48)
    inside = truth == DISC
    assert np.mean(found[inside] == DISC) > 0.6 and np.mean(found[~inside] == DISC) < 0.3
