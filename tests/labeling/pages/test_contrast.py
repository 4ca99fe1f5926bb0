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


def tokens(theme: int, *, more: bool = False) -> dict[str, str]:
    """The colours of a theme; with `more`, for people who ask for more contrast."""
    usual, asked = CSS.read_text(encoding="utf-8").split("@media (prefers-contrast: more)")
    return {match[1]: match[2 + theme] for match in TOKEN.finditer(usual + asked if more else usual)}


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


def weak(values: dict[str, str], *, for_text: float, for_controls: float) -> dict[str, float]:
    """Pairs of colours with less contrast than wanted."""
    wanted = [(pair, for_text) for pair in TEXT] + [(pair, for_controls) for pair in CONTROLS]
    found = {f"{name} on {on}": (contrast(values[name], values[on]), least) for (name, on), least in wanted}
    return {pair: round(reached, 2) for pair, (reached, least) in found.items() if reached < least}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_controls_can_be_seen(theme: int) -> None:
    assert weak(tokens(theme), for_text=4.5, for_controls=3.0) == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_who_asks_for_more_contrast_gets_it(theme: int) -> None:
    assert weak(tokens(theme, more=True), for_text=7.0, for_controls=4.5) == {}
