"""What is public is written down: settings, methods, export formats, event verbs, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labeling.exporters.registry import FORMATS
from models_zoo import list_acquisitions, list_encoders, list_interactive, list_methods, list_refiners

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
ZOO = (ROOT / "models_zoo" / "README.md").read_text()
SOURCES = [path.read_text() for path in (ROOT / "labeling").rglob("*.py")]


def test_every_setting_of_the_environment_is_in_the_readme() -> None:
    settings = (ROOT / "labeling" / "settings" / "base.py").read_text()
    names = set(re.findall(r"env_\w+\(\s*\"([A-Z0-9_]+)\"", settings))
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_event_verb_is_explained() -> None:
    statuses = {f"run.{status}" for status in ("queued", "running", "succeeded", "failed", "cancelled")}
    verbs = {verb for text in SOURCES for verb in re.findall(r"verb=\"([a-z.]+)\"", text)} | statuses
    assert len(verbs) > 15
    assert {verb for verb in verbs if f"`{verb}`" not in ARCHITECTURE} == set()


@pytest.mark.parametrize("plugins", [list_methods, list_encoders, list_interactive, list_acquisitions, list_refiners])
def test_everything_that_plugs_into_the_zoo_is_in_its_readme(plugins: object) -> None:
    names = {info.name for info in plugins()}  # type: ignore[operator]
    assert names and {name for name in names if f"`{name}`" not in ZOO} == set()


def test_every_export_format_is_explained() -> None:
    text = (ROOT / "docs" / "import-export.md").read_text()
    assert {name for name in FORMATS if f"`{name}`" not in text} == set()


def test_every_command_is_named() -> None:
    folder = ROOT / "labeling" / "management" / "commands"
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    documents = "\n".join(path.read_text() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")))
    documents += (ROOT / "deploy" / "README.md").read_text()
    assert {name for name in names if not re.search(rf"manage\.py {name}\b", documents)} == set()
