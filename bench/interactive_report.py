"""The figures of `bench/interactive.py`: kept per task, summed up per set, compared with the best peer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models_zoo.metrics import number_of_clicks

METRICS = (
    "iou_r1",
    "iou_r3",
    "iou_box",
    "noc85",
    "noc90",
    "iou_sparse",
    "iou_dense",
    "iou_sparse_frame",
    "iou_dense_frame",
)
TIMES = ("ms_p50", "ms_p95", "prep_ms")
_LESS_IS_BETTER = ("noc85", "noc90")
_RESAMPLES = 2000

# set -> method -> task -> what `measure` gave
Tasks = dict[str, dict[str, dict[str, dict[str, Any]]]]
Images = dict[str, float]


@dataclass
class Report:
    """All that was measured, and the file it is kept in."""

    path: Path | None
    protocol: dict[str, Any]
    tasks: Tasks = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path | None, protocol: dict[str, Any], *, resume: bool) -> Report:
        """A new report, or the stored one. Raises SystemExit if that was measured in another way."""
        if not resume or path is None or not path.is_file():
            return cls(path, protocol)
        try:
            stored = json.loads(path.read_text())
            tasks, known = stored["tasks"], stored["protocol"]
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{path} is no report of this benchmark: name another file.") from error
        if known != protocol:
            raise SystemExit(f"{path} was measured with {known}: use the same settings or another file.")
        return cls(path, protocol, tasks)

    def has(self, set_name: str, method: str, task: str) -> bool:
        """Whether this is measured already."""
        return task in self.tasks.get(set_name, {}).get(method, {})

    def add(self, set_name: str, method: str, task: str, result: dict[str, Any]) -> None:
        """Take in what was measured."""
        self.tasks.setdefault(set_name, {}).setdefault(method, {})[task] = result

    def forget(self, method: str) -> None:
        """Drop a method everywhere."""
        for methods in self.tasks.values():
            methods.pop(method, None)

    def save(self) -> None:
        """Write all of it, or none."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.part")
        text = json.dumps({"protocol": self.protocol, "summary": self.summary, "tasks": self.tasks}, indent=1)
        beside.write_text(text + "\n")
        beside.replace(self.path)


def summarise(tasks: Tasks, peers: Sequence[str], *, limit: int, seed: int) -> dict[str, Any]:
    """Rows per set and method, means over sets, and every other method's difference from the best peer."""
    rows: list[dict[str, Any]] = [
        {"set": set_name, "method": method, "images": len(_by_image(results, "iou_r1", limit)), "tasks": len(results)}
        | {metric: _mean(_by_image(results, metric, limit).values()) for metric in METRICS}
        | _times(results)
        for set_name, methods in tasks.items()
        for method, results in methods.items()
    ]
    names = list(dict.fromkeys(row["method"] for row in rows))
    means = [
        {"method": name}
        | {metric: _mean(row[metric] for row in rows if row["method"] == name) for metric in (*METRICS, *TIMES)}
        for name in names
    ]
    compared = [
        _compare(tasks, name, metric, [peer for peer in peers if peer in names], limit=limit, seed=seed)
        for name in names
        if name not in peers
        for metric in METRICS
    ]
    return {"rows": rows, "means": means, "against_best_peer": [line for line in compared if line]}


def _value(result: Mapping[str, Any], metric: str, limit: int) -> float | None:
    """One task's figure."""
    if metric in _LESS_IS_BETTER:
        target = int(metric.removeprefix("noc")) / 100
        return number_of_clicks(result["clicks"], target, limit) if "clicks" in result else None
    name = metric.removeprefix("iou_")
    found = result["rounds"][int(name[1:]) - 1 :][:1] if name in ("r1", "r3") else [result.get(name)]
    return None if not found or found[0] is None else float(found[0])


def _by_image(results: Mapping[str, Mapping[str, Any]], metric: str, limit: int) -> Images:
    """A figure per picture: the mean over its objects."""
    values: dict[str, list[float]] = {}
    for result in results.values():
        value = _value(result, metric, limit)
        if value is not None:
            values.setdefault(result["image"], []).append(value)
    return {image: float(np.mean(found)) for image, found in values.items()}


def _times(results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    answers = [ms for result in results.values() for ms in result["ms"]]
    p50, p95 = np.percentile(answers, [50, 95])
    prep = np.median([result["prep_ms"] for result in results.values()])
    return {"ms_p50": round(float(p50), 1), "ms_p95": round(float(p95), 1), "prep_ms": round(float(prep), 1)}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def _compare(
    tasks: Tasks, method: str, metric: str, peers: Sequence[str], *, limit: int, seed: int
) -> dict[str, Any] | None:
    """Difference from the peer whose mean over sets is best, on the pictures both have, above 0 where better.

    The interval is a bootstrap over pictures, drawn within each set. ``worst`` is the set where the method
    does worst against that set's own best peer.
    """
    images = {
        set_name: {name: _by_image(methods[name], metric, limit) for name in (method, *peers) if name in methods}
        for set_name, methods in tasks.items()
    }
    sign = -1 if metric in _LESS_IS_BETTER else 1
    by_peer = {peer: _differences(images, method, peer, sign) for peer in peers}
    by_peer = {peer: found for peer, found in by_peer.items() if found}
    most = max((len(found) for found in by_peer.values()), default=0)
    full = {peer: found for peer, found in by_peer.items() if len(found) == most}
    if not full:
        return None
    # The best peer is the one against which least is gained.
    best = min(full, key=lambda peer: float(np.mean([values.mean() for values in full[peer].values()])))
    low, high = _interval(list(full[best].values()), seed)
    per_set = {
        set_name: min(float(found[set_name].mean()) for found in by_peer.values() if set_name in found)
        for set_name in full[best]
    }
    worst = min(per_set, key=per_set.__getitem__)
    return {
        "method": method,
        "metric": metric,
        "best_peer": best,
        "difference": round(float(np.mean([values.mean() for values in full[best].values()])), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "worst_set": worst,
        "worst": round(per_set[worst], 4),
    }


def _differences(
    images: Mapping[str, Mapping[str, Images]], method: str, peer: str, sign: int
) -> dict[str, npt.NDArray[np.float64]]:
    """What the method gains on each picture, by set."""
    gains: dict[str, npt.NDArray[np.float64]] = {}
    for set_name, by_method in images.items():
        ours, theirs = by_method.get(method, {}), by_method.get(peer, {})
        both = sorted(ours.keys() & theirs.keys())
        if both:
            gains[set_name] = np.array([sign * (ours[image] - theirs[image]) for image in both])
    return gains


def _interval(gains: Sequence[npt.NDArray[np.float64]], seed: int) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over sets of the mean over pictures."""
    rng = np.random.default_rng(seed)
    drawn = [values[rng.integers(len(values), size=(_RESAMPLES, len(values)))].mean(axis=1) for values in gains]
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return float(low), float(high)


# --- for people ---------------------------------------------------------------------------------


def markdown(summary: Mapping[str, Any]) -> str:
    """Three tables: sets, means over sets, differences from the best peer."""
    columns = (*METRICS, *TIMES)
    differences = ("method", "metric", "best_peer", "difference", "low", "high", "worst_set", "worst")
    parts = [
        _table(("set", "method", "tasks", *columns), summary["rows"]),
        "Means over sets:\n\n" + _table(("method", *columns), summary["means"]),
        "Gain over the best peer (95 % interval over pictures), and on the set where it is least:\n\n"
        + _table(differences, summary["against_best_peer"]),
    ]
    return "\n\n".join(parts)


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    used = [column for column in columns if any(row.get(column) is not None for row in rows)]
    lines = ["| " + " | ".join(used) + " |", "|" + "---|" * len(used)]
    return "\n".join(
        [*lines, *("| " + " | ".join(_cell(column, row[column]) for column in used) + " |" for row in rows)]
    )


def _cell(column: str, value: object) -> str:
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if column in TIMES else f"{value:.2f}" if column in _LESS_IS_BETTER else f"{value:.3f}"


def draw_chart(report: Report, path: Path, *, clicks: int) -> None:
    """IoU by round of strokes and by click, means over sets, one line a method."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5), sharey=True)
    for number, row in enumerate(report.summary["means"]):
        method = row["method"]
        style = {"label": method, "color": f"C{number % 10}", "linestyle": "--" if method.startswith("peer") else "-"}
        for axes, name, length in ((left, "rounds", report.protocol["rounds"]), (right, "clicks", clicks)):
            curve = _curve(report.tasks, method, name, length)
            if curve is not None:
                axes.plot(range(1, length + 1), curve, marker="." if name == "rounds" else "", **style)
    left.set(xlabel="rounds of strokes", ylabel="IoU, mean over sets", xticks=range(1, report.protocol["rounds"] + 1))
    right.set(xlabel="clicks (none after an IoU of 0.90)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _curve(tasks: Tasks, method: str, name: str, length: int) -> npt.NDArray[np.float64] | None:
    """Mean over sets of the IoU after each round or click; the last one holds on."""
    means = []
    for methods in tasks.values():
        found = [result.get(name) for result in methods.get(method, {}).values()]
        lines = [[*line, *line[-1:] * (length - len(line))] for line in found if line and None not in line]
        if lines:
            means.append(np.mean(lines, axis=0))
    return np.asarray(np.mean(means, axis=0)) if means else None
