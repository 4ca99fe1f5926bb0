"""The figures of `bench/editor.py`: tasks read from a browser's trace, quantiles, a chart."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_MAIN = "CrRendererMain"
_OURS = {"FunctionCall", "EventDispatch", "FireAnimationFrame", "TimerFire", "RunMicrotasks"}


def own_tasks(trace: bytes) -> list[tuple[float, float]]:
    """Milliseconds of each task on the page's main thread that ran our script: all of it, and our part.

    Not ours is the browser's wait while it hands a frame over to be drawn (Commit), which is long where a processor
    does what a graphics card would. ``trace`` is a Chromium trace with the categories toplevel and devtools.timeline.
    The busiest thread of that name is the page's own; other renderers hold extensions and blank pages.
    """
    events = json.loads(trace)["traceEvents"]
    mains = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == _MAIN}
    ours: dict[tuple[int, int], list[float]] = {thread: [] for thread in mains}
    commits: dict[tuple[int, int], list[tuple[float, float]]] = {thread: [] for thread in mains}
    tasks: dict[tuple[int, int], list[tuple[float, float]]] = {thread: [] for thread in mains}
    for event in events:
        thread = event.get("pid"), event.get("tid")
        if thread not in mains or event.get("ph") != "X":
            continue
        if event["name"] in _OURS:
            ours[thread].append(event["ts"])
        elif event["name"] == "Commit":
            commits[thread].append((event["ts"], event.get("dur", 0)))
        elif event["name"].endswith("RunTask"):
            tasks[thread].append((event["ts"], event.get("dur", 0)))
    if not mains:
        return []
    page = max(mains, key=lambda thread: len(ours[thread]))
    calls, waits = sorted(ours[page]), sorted(commits[page])
    found = [(start, duration) for start, duration in tasks[page] if _holds(calls, start, start + duration)]
    return [(duration / 1000, (duration - _waited(waits, start, start + duration)) / 1000) for start, duration in found]


def _waited(waits: Sequence[tuple[float, float]], start: float, end: float) -> float:
    first, last = bisect_left(waits, (start, 0.0)), bisect_right(waits, (end, 0.0))
    return sum(duration for _, duration in waits[first:last])


def _holds(calls: Sequence[float], start: float, end: float) -> bool:
    place = bisect_left(calls, start)
    return place < len(calls) and calls[place] <= end


def quantiles(values: Sequence[float]) -> dict[str, float | int]:
    """Count, p50, p95, p99 and maximum of some milliseconds."""
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    found = {"p50": p50, "p95": p95, "p99": p99, "max": max(values)}
    return {"count": len(values)} | {name: round(float(value), 1) for name, value in found.items()}


def draw_chart(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """p50 and p95 of each figure, a group a scene, and the bar it is held to."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [
        name
        for name in ("solve", "painted", "ink", "tasks", "whole tasks", "key", "next")
        if any(name in row for row in rows)
    ]
    figure, axes = pyplot.subplots(1, len(names), figsize=(2.2 * len(names), 3.6))
    for panel, name in zip(np.atleast_1d(axes), names, strict=True):
        for place, row in enumerate(row for row in rows if name in row):
            found = row[name]
            panel.bar(place, found["p95"], color=f"C{place}", alpha=0.4, label=row["scene"])
            panel.bar(place, found["p50"], color=f"C{place}")
            if found["bar"] is not None:
                panel.hlines(found["bar"], place - 0.45, place + 0.45, color="black", linestyle="--", linewidth=1)
        panel.set(title=name, xticks=[], ylabel="ms (dark p50, light p95)" if name == names[0] else "")
    np.atleast_1d(axes)[0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
