"""WCAG AA contrast of the colour tokens, light and dark: 4.5:1 for text, 3:1 for controls and focus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "static" / "css" / "tokens.css"
TOKEN = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")

TEXT = [
    *[(name, on) for name in ("text", "muted", "accent", "danger") for on in ("bg", "surface", "surface-2")],
    ("accent-text", "accent"),
    ("accent-text", "accent-strong"),
    ("danger-text", "danger"),
    ("danger-text", "danger-strong"),
    ("accent-strong", "accent-soft"),
    ("accent", "accent-soft"),
    *[(name, f"{name}-soft") for name in ("ok", "warn", "danger", "info", "violet", "teal")],
    *[("text", f"{name}-soft") for name in ("ok", "warn", "danger", "info")],
    *[("accent", f"{name}-soft") for name in ("ok", "warn", "info")],
]
CONTROLS = [(name, on) for name in ("control", "focus") for on in ("bg", "surface", "surface-2")]


def tokens(theme: int) -> dict[str, str]:
    return {match[1]: match[2 + theme] for match in TOKEN.finditer(CSS.read_text(encoding="utf-8"))}


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb as WCAG defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_itself() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_controls_can_be_seen(theme: int) -> None:
    values = tokens(theme)
    wanted = [(pair, 4.5) for pair in TEXT] + [(pair, 3.0) for pair in CONTROLS]
    weak = {
        f"{name} on {on}": round(contrast(values[name], values[on]), 2)
        for (name, on), least in wanted
        if contrast(values[name], values[on]) < least
    }
    assert weak == {}
