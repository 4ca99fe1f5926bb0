"""From the parts to the numbers that are reported: means over seeds, one line a seed, a curve and its picture."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

from labeling.errors import PermanentError
from labeling.simulation.plan import Plan

Json = dict[str, Any]


def summarise(plan: Plan, pairs: list[Json], *, wanted_seeds: int) -> Json:
    """The report. `miou_ratio` and `seconds_ratio` are means of the seeds' own ratios."""
    per_seed = [_seed_row(pair) for pair in pairs]
    names = ("final_miou", "full_miou", "miou_ratio", "annotator_seconds", "full_seconds", "seconds_ratio")
    return {
        "set": Path(plan.data).name,
        "labels": plan.labels,
        "strategy": plan.strategy,
        "rounds": plan.rounds,
        "num_seeds": len(pairs),
        "is_complete": len(pairs) == wanted_seeds,
        **{name: fmean(row[name] for row in per_seed) for name in names},
        "per_seed": per_seed,
        "curve": _mean_curve(pairs),
        "settings": {
            "effort": plan.effort,
            "image_size": plan.image_size,
            "steps": plan.steps,
            "mend_strokes": plan.mend_strokes,
            "corrections": plan.corrections,
        },
    }


def _seed_row(pair: Json) -> Json:
    weak, full = pair["weak"], pair["full"]
    return {
        "seed": pair["seed"],
        "final_miou": weak["miou"],
        "full_miou": full["miou"],
        "miou_ratio": weak["miou"] / full["miou"],
        "annotator_seconds": weak["annotator_seconds"],
        "full_seconds": weak["full_seconds"],
        "seconds_ratio": weak["annotator_seconds"] / weak["full_seconds"],
        "num_images": len(weak["names"]),
        "actions": weak["actions"],
        "full_effort": full["effort"],
        "curve": weak["curve"],
        "weak_versions": weak["versions"],
        "full_versions": full["versions"],
        "per_class": {"final": weak["per_class"], "full": full["per_class"]},
        "spent_s": round(weak["spent_s"] + full["spent_s"], 1),
    }


def _mean_curve(pairs: list[Json]) -> list[Json]:
    """One point a round, averaged over seeds."""
    curves = [pair["weak"]["curve"] for pair in pairs]
    return [
        {
            "round": points[0]["round"],
            "annotator_seconds": fmean(point["annotator_seconds"] for point in points),
            "miou": fmean(point["miou"] for point in points),
            "num_images": fmean(point["num_images"] for point in points),
        }
        for points in zip(*curves, strict=True)
    ]


def draw(report: Json, path: Path) -> None:
    """A PNG of mIoU against annotator-seconds, with full supervision as a line.

    Raises PermanentError when matplotlib is not installed.
    """
    try:
        import matplotlib.backends.backend_agg as agg
        import matplotlib.figure
    except ImportError as error:
        raise PermanentError("The picture needs matplotlib: pip install 'burnish[bench]'.") from error
    figure = matplotlib.figure.Figure(figsize=(6.4, 4.2), dpi=120, layout="constrained")
    agg.FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for row in report["per_seed"]:
        _line(axes, row["curve"], color="#7fa8c9", linewidth=1)
    _line(axes, report["curve"], color="#0b5394", linewidth=2, marker="o", label=f"{report['labels']}, mean")
    full = report["full_miou"]
    label = f"full masks: {full:.3f} in {report['full_seconds'] / 60:.0f} min"
    axes.axhline(full, color="#b45309", linestyle="--", label=label)
    axes.axhline(0.9 * full, color="#b45309", linestyle=":", linewidth=1, label="90 % of it")
    axes.set(
        xlabel="annotator minutes",
        ylabel="mean IoU on the test split",
        title=f"{report['set']}: {report['strategy']}, {report['num_seeds']} seeds",
    )
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path)


def _line(axes: Any, points: list[Json], **style: Any) -> None:
    minutes = [point["annotator_seconds"] / 60 for point in points]
    axes.plot(minutes, [point["miou"] for point in points], **style)
