"""Trainings one by one: kept when finished, continued when interrupted, told of when failed."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import pytest

from models_zoo.bench import chart, running
from models_zoo.bench.plan import Piece, Row, in_order, plan_rows
from models_zoo.bench.report import markdown, summarise
from models_zoo.bench.running import Found, run_all
from models_zoo.bench.training import DONE, FAILED, TIME_IS_UP, Order, Stopwatch, run_piece
from models_zoo.cli import main
from models_zoo.errors import Cancelled
from tests.models_zoo.bench.test_plan import wanted_of
from tests.models_zoo.toy_folder import make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "toy")


def in_process(piece: Piece, folder: Path, left: float, lock: TextIO) -> tuple[int, str]:
    """What `running._start` does, without the seconds that a fresh process takes to load torch."""
    order = Order(piece=piece, work=folder, seconds=left)
    return (TIME_IS_UP if run_piece(order) is None else DONE), ""


def test_an_interrupted_training_ends_as_if_it_had_not_been(folder: Path, tmp_path: Path) -> None:
    piece = plan_rows(wanted_of(folder))[1].pieces[0]
    whole = run_piece(Order(piece=piece, work=tmp_path / "whole", seconds=60))
    assert run_piece(Order(piece=piece, work=tmp_path / "cut", seconds=0)) is None
    assert list((tmp_path / "cut" / "run").glob("checkpoint-*"))
    cut = run_piece(Order(piece=piece, work=tmp_path / "cut", seconds=60))
    assert whole is not None and cut is not None
    timed = {"train_s", "peak_mb"}
    assert {k: v for k, v in cut.items() if k not in timed} == {k: v for k, v in whole.items() if k not in timed}
    assert cut["steps"] == 6 and cut["train_s"] > 0 and cut["peak_mb"] > 50
    assert [path.name for path in sorted((tmp_path / "cut").iterdir())] == ["result.json", "seconds"]


def test_the_stopwatch_adds_up_attempts_and_ends_them(tmp_path: Path) -> None:
    now = [0.0]
    watch = Stopwatch(tmp_path / "seconds", 10, clock=lambda: now[0])
    now[0] = 9.0
    watch.progress(1, 5, {})
    now[0] = 11.0
    with pytest.raises(Cancelled):
        watch.progress(2, 5, {})
    again = Stopwatch(tmp_path / "seconds", 10, clock=lambda: now[0])
    now[0] = 31.0
    again.progress(5, 5, {})
    assert again.total == 31.0


def test_finished_trainings_are_read_and_failures_do_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    pieces = in_order(plan_rows(wanted_of(folder, marks=("scribbles", "points", "tags"))))
    started: list[str] = []

    def start(piece: Piece, work: Path, left: float, lock: TextIO) -> tuple[int, str]:
        started.append(piece.marks)
        assert left == running.PIECE_S
        if piece.marks == "points":
            return FAILED, "no points there"
        if piece.marks == "tags":
            return TIME_IS_UP, ""
        work.mkdir(parents=True)
        (work / "result.json").write_text(json.dumps({"miou": 0.5, "train_s": 1.0}))
        return DONE, ""

    lines: list[str] = []
    found = run_all(pieces, tmp_path / "work", minutes=0, say=lines.append, start=start)
    assert started == ["masks", "scribbles", "points", "tags"]
    assert len(found.results) == 2 and found.left == 1 and list(found.failed.values()) == ["no points there"]
    assert "failed: no points there" in lines[2] and "not finished" in lines[3]
    run_all(pieces, tmp_path / "work", minutes=0, say=lines.append, start=start)
    assert started[4:] == ["points", "tags"]


def test_nothing_starts_once_the_minutes_are_over(folder: Path, tmp_path: Path) -> None:
    def start(*arguments: object) -> tuple[int, str]:
        raise AssertionError("started")

    pieces = in_order(plan_rows(wanted_of(folder)))
    assert run_all(pieces, tmp_path / "w", minutes=0.01, say=lambda line: None, start=start).left == 2


def test_two_benches_do_not_share_a_work_folder(folder: Path, tmp_path: Path) -> None:
    def start(*arguments: object) -> tuple[int, str]:
        with pytest.raises(ValueError, match="another bench is at work"):
            run_all(pieces, tmp_path, minutes=0, say=lambda line: None, start=start)
        return FAILED, ""

    pieces = in_order(plan_rows(wanted_of(folder)))[:1]
    assert run_all(pieces, tmp_path, minutes=0, say=lambda line: None, start=start).failed


def test_the_process_of_a_piece_says_in_one_line_why_it_failed(folder: Path, tmp_path: Path) -> None:
    piece = replace(plan_rows(wanted_of(folder))[1].pieces[0], data=str(tmp_path / "gone"))
    found = run_all([piece], tmp_path / "work", minutes=0, say=lambda line: None)
    assert list(found.failed.values()) == [
        f"{tmp_path}/gone has no images: give a folder with images/, masks/ and classes.json."
    ]


def _found(rows: list[Row], mious: dict[tuple[str, float], list[float]]) -> Found:
    found = Found()
    for row in rows:
        for piece, miou in zip(row.pieces, mious[row.marks, row.wrong_marks], strict=False):
            found.results[piece.key] = {"miou": miou, "train_s": 10.0, "peak_mb": 100.0, "annotator_s": 5.0}
    return found


def test_rows_hold_mean_spread_ratio_and_loss(folder: Path, tmp_path: Path) -> None:
    wanted = wanted_of(folder, seeds=2, wrong_marks=(0.0, 0.3))
    rows = plan_rows(wanted)
    mious = {("masks", 0.0): [0.8, 0.5], ("scribbles", 0.0): [0.6, 0.4], ("scribbles", 0.3): [0.4]}
    report = summarise(wanted, rows, _found(rows, mious))
    full, clean, noisy = report["rows"]
    assert clean["miou_mean"] == pytest.approx(0.5)
    assert clean["miou_std"] == pytest.approx(0.2 / 2**0.5)
    assert clean["full_miou"] == pytest.approx(0.65)
    assert clean["ratio"] == pytest.approx((0.6 / 0.8 + 0.4 / 0.5) / 2)
    assert (clean["seeds"], noisy["seeds"], clean["loses"]) == (2, 1, None)
    assert noisy["miou_std"] is None and noisy["full_miou"] == 0.8
    assert noisy["loses"] == pytest.approx(0.1)
    assert full["marks"] == "masks" and full["ratio"] == 1.0
    text = markdown(report)
    assert "| toy | seeded_segmentation | scribbles | 30% | 1 | 0.400 | 0.800 | 0.500 | 0.100 |" in text
    assert "fewer than 3 seeds are indicative" in text
    chart.draw(report["rows"], tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def _bench(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(["bench", *arguments], out, err), out.getvalue(), err.getvalue()


def test_the_command_writes_report_table_and_says_that_the_picture_needs_matplotlib(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_start", in_process)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    report = tmp_path / "out" / "report.json"
    arguments = ("smoke", "--data", str(folder), "--methods", "seeded_segmentation", "--marks", "boxes")
    status, out, _ = _bench(*arguments, "--work", str(tmp_path / "work"), "--json", str(report))
    assert status == 0
    assert "no picture: the picture needs matplotlib: pip install 'burnish[bench]'" in out
    read: dict[str, Any] = json.loads(report.read_text())
    assert [row["marks"] for row in read["rows"]] == ["masks", "boxes"] and read["is_complete"]
    assert report.with_suffix(".md").read_text() in out


def test_arguments_that_make_no_sense_are_refused(folder: Path, tmp_path: Path) -> None:
    for more, message in (
        (("--marks", "circles"), "no kind of marks 'circles'"),
        (("--seeds", "0"), "--seeds must be at least 1"),
    ):
        status, _, err = _bench("main", "--data", str(folder), *more)
        assert status == 2 and message in err
    status, _, err = _bench("main", "--data", str(tmp_path / "none"))
    assert status == 2 and "has no images" in err
