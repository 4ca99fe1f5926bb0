"""Template tags: what is built is linked, what is not built is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labeling.templatetags import burnish

MANIFEST = {
    "frontend/main.ts": {"file": "assets/main-1.js", "imports": ["_shared.js"], "css": ["assets/main-1.css"]},
    "_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css"], "imports": ["frontend/main.ts"]},
}


@pytest.fixture
def root(tmp_path: Path, settings: object) -> Path:
    settings.BASE_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def write(root: Path, manifest: object) -> None:
    folder = root / "static" / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_entry_brings_its_script_and_all_its_styles_once(root: Path) -> None:
    write(root, MANIFEST)
    html = burnish.vite_asset("frontend/main.ts")
    assert '<script type="module" src="/static/dist/assets/main-1.js"></script>' in html
    assert html.count("main-1.css") == 1
    assert html.count("shared-1.css") == 1


def test_without_a_build_the_page_says_what_to_run(root: Path) -> None:
    assert "make build" in burnish.vite_asset("frontend/main.ts")
    write(root, {})
    assert "make build" in burnish.vite_asset("frontend/main.ts")


def test_icons_and_colours_are_escaped() -> None:
    assert '#check"' in burnish.icon("check")
    assert "<script" not in burnish.swatch('"><script>')
