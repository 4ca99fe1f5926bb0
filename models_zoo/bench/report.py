"""From results to rows, and rows as JSON and as a Markdown table. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, TypedDict

from models_zoo.bench.plan import Row, Wanted, code_digest
from models_zoo.bench.running import Found

ENOUGH_SEEDS = 3
"""Fewer say how it might be, not how it is."""

Json = dict[str, Any]


class RowFigures(TypedDict):
    """One line. Means are over the seeds that are finished; `ratio` is the mean of the seeds' own ratios.

    Attributes:
        seeds: how many seeds are finished.
        miou_mean, miou_std: None without a finished seed; the sample's deviation, None with fewer than two.
        full_miou: of full supervision with the same network, images and seeds.
        loses: mean IoU lost against the same row with the fewest wrong marks; None there.
        train_s: wall seconds. peak_mb: MiB. annotator_s: seconds for the labels of the train part.
    """

    set: str
    method: str
    variant: str
    marks: str
    wrong_marks: float
    seeds: int
    miou_mean: float | None
    miou_std: float | None
    full_miou: float | None
    ratio: float | None
    loses: float | None
    train_s: float | None
    peak_mb: float | None
    annotator_s: float | None


def summarise(wanted: Wanted, rows: Sequence[Row], found: Found) -> Json:
    """The report, ready for JSON."""
    figures = [_figures(row, found) for row in rows]
    for each in figures:
        each["loses"] = _lost(each, figures)
    return {
        "suite": wanted.suite.name,
        "profile": wanted.profile.name,
        "part": rows[0].pieces[0].part if rows else wanted.suite.part,
        "seeds": wanted.seeds,
        "is_complete": not found.left and not found.failed,
        "left": found.left,
        "failed": found.failed,
        "code": code_digest(),
        "rows": figures,
        "per_seed": {key: found.results[key] for key in sorted(found.results)},
    }


def markdown(report: Json) -> str:
    """The rows as a table, with a line on what it is and, where it applies, on what it cannot say."""
    rows: list[RowFigures] = report["rows"]
    lines = [
        f"Suite {report['suite']}, profile {report['profile']}, mean IoU on the {report['part']} part.",
        "",
        "| set | method | marks | wrong marks | seeds | mIoU | full masks | ratio | loses | training | peak | labels |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_line(row) for row in rows),
    ]
    if any(row["seeds"] < ENOUGH_SEEDS for row in rows):
        lines += ["", f"Rows of fewer than {ENOUGH_SEEDS} seeds are indicative."]
    if report["left"]:
        lines += ["", f"{report['left']} trainings are not finished: the same command goes on with them."]
    lines += [f"\nFailed: {key}: {why}" for key, why in report["failed"].items()]
    return "\n".join(lines) + "\n"


def _figures(row: Row, found: Found) -> RowFigures:
    done = [found.results[piece.key] for piece in row.pieces if piece.key in found.results]
    mious = [result["miou"] for result in done if result["miou"] is not None]
    pairs = [
        (found.results[own.key]["miou"], found.results[full.key]["miou"])
        for own, full in zip(row.pieces, row.full, strict=True)
        if own.key in found.results and full.key in found.results
    ]
    return {
        "set": Path(row.pieces[0].data).name,
        "method": row.method,
        "variant": row.variant,
        "marks": row.marks,
        "wrong_marks": row.wrong_marks,
        "seeds": len(mious),
        "miou_mean": _mean(mious),
        "miou_std": stdev(mious) if len(mious) > 1 else None,
        "full_miou": _mean([full for _, full in pairs]),
        "ratio": _mean([own / full for own, full in pairs if full]),
        "loses": None,
        "train_s": _mean([result["train_s"] for result in done]),
        "peak_mb": _mean([result["peak_mb"] for result in done]),
        "annotator_s": _mean([result["annotator_s"] for result in done]),
    }


def _lost(row: RowFigures, rows: Sequence[RowFigures]) -> float | None:
    same = [other for other in rows if all(other[name] == row[name] for name in ("set", "method", "variant", "marks"))]
    cleanest = min(same, key=lambda other: other["wrong_marks"])
    if cleanest is row or cleanest["miou_mean"] is None or row["miou_mean"] is None:
        return None
    return cleanest["miou_mean"] - row["miou_mean"]


def _line(row: RowFigures) -> str:
    spread = "" if row["miou_std"] is None else f" ± {row['miou_std']:.3f}"
    method = row["method"] if row["variant"] == "default" else f"{row['method']}, {row['variant']}"
    cells = (
        row["set"],
        method,
        row["marks"],
        f"{row['wrong_marks']:.0%}",
        str(row["seeds"]),
        _shown(row["miou_mean"], ".3f") + spread,
        _shown(row["full_miou"], ".3f"),
        _shown(row["ratio"], ".3f"),
        _shown(row["loses"], ".3f"),
        _shown(row["train_s"], ".0f", " s"),
        _shown(row["peak_mb"], ".0f", " MiB"),
        _shown(row["annotator_s"], ".0f", " s"),
    )
    return f"| {' | '.join(cells)} |"


def _shown(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
