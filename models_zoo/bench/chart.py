"""The rows as a picture: one bar a row with its spread, and full supervision as a line behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_BAR, _FULL = "#0b5394", "#b45309"
_INCHES_A_ROW = 0.28


class ChartError(ValueError):
    """No picture can be drawn; the message says what to install."""


def draw(rows: Sequence[Any], path: Path) -> None:
    """A PNG of the rows (`report.RowFigures`) that have a number, one panel a set.

    Raises:
        ChartError: matplotlib is not installed.
    """
    try:
        import matplotlib.backends.backend_agg as agg
        import matplotlib.figure
    except ImportError as error:
        raise ChartError("the picture needs matplotlib: pip install 'burnish[bench]'") from error
    sets = {row["set"]: [other for other in rows if other["set"] == row["set"]] for row in rows}
    heights = [max(2, len(each)) for each in sets.values()]
    size = (8.0, 1.2 * len(sets) + _INCHES_A_ROW * sum(heights))
    figure = matplotlib.figure.Figure(figsize=size, dpi=120, layout="constrained")
    agg.FigureCanvasAgg(figure)
    panels = figure.subplots(len(sets), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, own) in zip(panels, sets.items(), strict=True):
        _panel(axes, name, [row for row in own if row["miou_mean"] is not None])
    figure.savefig(path)


def _panel(axes: Any, name: str, rows: Sequence[Any]) -> None:
    places = range(len(rows))
    spreads = [row["miou_std"] or 0.0 for row in rows]
    axes.barh(places, [row["miou_mean"] for row in rows], xerr=spreads, color=_BAR, ecolor="#555555")
    for place, row in zip(places, rows, strict=True):
        if row["full_miou"] is not None:
            axes.plot([row["full_miou"]] * 2, [place - 0.45, place + 0.45], color=_FULL, linewidth=2)
    axes.set_yticks(places, [_label(row) for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="mean IoU; orange: full masks", title=name)
    axes.grid(axis="x", alpha=0.3)


def _label(row: Any) -> str:
    parts = [row["method"], row["marks"]]
    if row["variant"] != "default":
        parts.insert(1, row["variant"])
    if row["wrong_marks"]:
        parts.append(f"{row['wrong_marks']:.0%} wrong")
    return ", ".join(parts)
