"""How much script the annotation page loads."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

DIST = Path(__file__).resolve().parents[1] / "static/dist"
BUDGET_KIB = 350


def _loaded(manifest: dict[str, Any], entry: str) -> set[str]:
    """Files of an entry and of all that it imports, at once or later."""
    row = manifest[entry]
    files = {row["file"]}
    for name in (*row.get("imports", ()), *row.get("dynamicImports", ())):
        files |= _loaded(manifest, name)
    return files


def test_the_annotation_page_loads_within_its_budget_of_script() -> None:
    if not (DIST / "manifest.json").is_file():
        pytest.skip("the browser side is not built: make setup")
    manifest = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    files = _loaded(manifest, "frontend/annotate.ts") | _loaded(manifest, "frontend/main.ts")
    # Workers are started by their address, so that no entry imports them.
    workers = {f"assets/{path.name}" for path in (DIST / "assets").glob("worker-*.js")}
    assert workers
    size = sum(len(gzip.compress((DIST / file).read_bytes(), 9)) for file in files | workers)
    assert size < BUDGET_KIB * 1024
