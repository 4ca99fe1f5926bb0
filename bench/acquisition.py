"""How long acquisition functions take and how much memory they need, by the size of the pool.

    python bench/acquisition.py [--sizes 10000 100000 1000000] [--functions …] [--picks 100] [--json OUT] [--resume]

Every function ranks a pool of made-up images (256 dimensions, 64 bunches, half a per cent labelled) in a process of
its own, in which nothing else happens. `seconds` are of the ranking alone, `cpu_seconds` what its threads worked, which
is what counts on a machine that others use; `peak_mb` is the most memory the process ever held, the embeddings
included (`data_mb`). A chart goes beside the JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models_zoo import AcquisitionInfo, list_acquisitions  # noqa: E402
from models_zoo.acquisition import (  # noqa: E402
    QUESTIONS,
    BestQuestion,
    Disagreement,
    PoolPredictions,
    RegionDoubt,
    UncertaintySummary,
    create_acquisition,
)

DIMENSIONS = 256
CLASSES = 8
LABELLED_SHARE = 0.005
BUNCHES = 64
MB = 1_000_000


def main() -> None:
    """Measure and print; write JSON and a chart where asked."""
    options = _options()
    if options.one:
        print(json.dumps(measure(options.functions[0], options.sizes[0], options.picks)))
        return
    rows = _stored(options.json) if options.resume else []
    for size in options.sizes:
        for name in options.functions:
            if not any((row["function"], row["size"], row["picks"]) == (name, size, options.picks) for row in rows):
                rows.append(_in_a_process(name, size, options.picks))
                print(json.dumps(rows[-1]), flush=True)
                _write(options.json, rows)
    if options.json:
        draw_chart(rows, options.json.with_suffix(".png"))
    print(markdown(rows))


def _options() -> argparse.Namespace:
    names = [info.name for info in list_acquisitions()]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="images in the pool")
    parser.add_argument("--functions", nargs="+", default=names, choices=names)
    parser.add_argument("--picks", type=int, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--resume", action="store_true", help="keep what the JSON holds already")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(name: str, size: int, picks: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", "--functions", name, "--sizes", str(size), "--picks", str(picks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} on {size} images failed:\n{done.stderr}")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def measure(name: str, size: int, picks: int) -> dict[str, Any]:
    """One function on one pool, in this process."""
    info = next(info for info in list_acquisitions() if info.name == name)
    pool = make_pool(info, size)
    began, worked = time.perf_counter(), time.process_time()
    ranking = create_acquisition(name).rank(pool, budget=picks)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    assert len(set(ranking.ids)) == min(picks, size)
    data = 0 if pool.embeddings is None else pool.embeddings.nbytes
    return {
        "function": name,
        "size": size,
        "picks": picks,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_mb": round(peak_bytes() / MB, 1),
        "data_mb": round(data / MB, 1),
        "threads": int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))),
    }


def peak_bytes() -> int:
    """The most this process ever held. Not `ru_maxrss`: that begins with what its parent held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise SystemExit("the peak of memory is read from /proc/self/status: run this on Linux")
    return int(found.group(1)) * 1024


def make_pool(info: AcquisitionInfo, size: int) -> PoolPredictions:
    """What the function reads about made-up images."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(BUNCHES, DIMENSIONS)).astype(np.float32)
    parts: dict[str, Any] = {}
    if "embeddings" in info.needs:
        parts["embeddings"] = _bunched(rng, centres, size)
        parts["labelled"] = _bunched(rng, centres, max(1, round(size * LABELLED_SHARE)))
    if "residuals" in info.needs:
        parts["residuals"] = rng.random((size, CLASSES), np.float32)
    numbers = rng.random((size, 4))
    if "uncertainty" in info.needs:
        names = ("entropy_mean", "entropy_top", "margin_mean", "margin_top")
        parts["uncertainty"] = [UncertaintySummary(**dict(zip(names, row, strict=True))) for row in numbers.tolist()]
    if "disagreement" in info.needs:
        names = ("information_mean", "information_top", "votes_mean", "votes_top")
        parts["disagreement"] = [Disagreement(**dict(zip(names, row, strict=True))) for row in numbers.tolist()]
    if "regions" in info.needs:
        parts["regions"] = [RegionDoubt(entropy=a, divergence=b, box=(0, 0, 1, 1)) for a, b, _, _ in numbers.tolist()]
    if "questions" in info.needs:
        parts["questions"] = [BestQuestion(QUESTIONS[int(a * 5)], b) for a, b, _, _ in numbers.tolist()]
    return PoolPredictions(ids=tuple(map(str, range(size))), **parts)


def _bunched(rng: np.random.Generator, centres: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Points around the centres, made without a second copy."""
    points = rng.standard_normal((count, centres.shape[1]), np.float32)
    points *= 0.5
    for start in range(0, count, 4096):
        block = points[start : start + 4096]
        block += centres[rng.integers(len(centres), size=len(block))]
    return points


def _stored(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    return rows


def _write(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"dimensions": DIMENSIONS, "classes": CLASSES, "rows": rows}, indent=1) + "\n")


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line a function, a pair of columns a size."""
    sizes = sorted({row["size"] for row in rows})
    found = {(row["function"], row["size"]): row for row in rows}
    lines = [
        "| function | " + " | ".join(f"{size:,}: CPU s | MB" for size in sizes) + " |",
        "|---|" + "---|" * (2 * len(sizes)),
    ]
    for name in dict.fromkeys(row["function"] for row in rows):
        cells = [found.get((name, size)) for size in sizes]
        texts = [f"{row['cpu_seconds']:.2f} | {row['peak_mb']:.0f}" if row else "– | –" for row in cells]
        lines.append(f"| `{name}` | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def draw_chart(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Seconds and megabytes over the size of the pool, one line a function."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2))
    for name in dict.fromkeys(row["function"] for row in rows):
        ours = sorted((row for row in rows if row["function"] == name), key=lambda row: int(row["size"]))
        sizes = [row["size"] for row in ours]
        left.plot(sizes, [max(row["cpu_seconds"], 1e-3) for row in ours], marker="o", label=name)
        right.plot(sizes, [row["peak_mb"] for row in ours], marker="o", label=name)
    right.axhline(2000, color="grey", linestyle=":")
    left.set(ylabel="CPU seconds", title=f"{rows[0]['picks']} picks, {DIMENSIONS} dimensions")
    right.set(ylabel="MB at most, data included (bar: 2 GB)")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="images in the pool")
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
