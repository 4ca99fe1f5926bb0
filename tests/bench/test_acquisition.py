"""The benchmark of acquisition functions, on a pool that takes no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.acquisition import draw_chart, markdown, measure
from models_zoo import list_acquisitions


@pytest.mark.parametrize("name", [info.name for info in list_acquisitions()])
def test_every_function_is_measured(name: str) -> None:
    row = measure(name, 300, 5)
    assert (row["function"], row["size"], row["picks"]) == (name, 300, 5)
    assert row["seconds"] >= 0 and row["peak_mb"] > row["data_mb"] >= 0


def test_the_table_has_a_line_a_function_and_the_chart_is_drawn(tmp_path: Path) -> None:
    row = {"function": "entropy", "size": 300, "picks": 5, "seconds": 0.5, "cpu_seconds": 0.25, "peak_mb": 40.0}
    rows = [row, row | {"size": 600, "cpu_seconds": 0.5}, row | {"function": "random"}]
    assert markdown(rows).splitlines()[2:] == [
        "| `entropy` | 0.25 | 40 | 0.50 | 40 |",
        "| `random` | 0.25 | 40 | – | – |",
    ]
    draw_chart(rows, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
