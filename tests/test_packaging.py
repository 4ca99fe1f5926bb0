"""What `models_zoo` reads beside its code comes along when it is installed."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_file_of_the_zoo_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = ROOT / "models_zoo"
    packaged = {
        path
        for pattern in settings["tool"]["setuptools"]["package-data"]["models_zoo"]
        for path in package.glob(pattern)
    }
    beside = {path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert beside and beside <= packaged
