"""Which parts are played, which are kept, and what the report says; no part is really played here."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from labeling.errors import PermanentError
from labeling.simulation import parts
from labeling.simulation.parts import Budget, play_all
from labeling.simulation.plan import Part, Plan
from labeling.simulation.summary import draw, summarise

PLAN = Plan(data="/data/toy", labels="scribbles", strategy="random", rounds=2, budget_images=0)


class Player:
    """Stands in for the processes: writes results, and remembers what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 0.0, effort: str = "normal") -> None:
        self.played: list[Part] = []
        self.now, self.seconds, self.effort = 0.0, seconds, effort
        monkeypatch.setattr(parts, "_play", self)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def __call__(self, part: Part) -> None:
        self.played.append(part)
        self.now += self.seconds
        Path(part.out).write_text(json.dumps(self.result(part)))

    def result(self, part: Part) -> dict[str, Any]:
        shared: dict[str, Any] = {"seed": part.seed, "arm": part.arm, "spent_s": self.seconds}
        shared |= {"per_class": {}, "versions": []}
        if part.arm == "full":
            return shared | {"miou": 0.8, "effort": self.effort}
        curve: list[dict[str, Any]] = [
            {"round": n, "annotator_seconds": 50.0 * n, "miou": 0.3 * n, "num_images": 3 * n, "actions": {}}
            for n in (1, 2)
        ]
        shared |= {"annotator_seconds": 100.0 + part.seed, "full_seconds": 400.0, "actions": {}}
        return shared | {"names": ["a", "b"], "miou": 0.6, "curve": curve}


def quiet(line: str) -> None:
    pass


def test_each_seed_has_two_arms_on_the_same_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    player = Player(monkeypatch)
    play_all(PLAN, Budget(seeds=2, minutes=0), tmp_path, resume=False, say=quiet)
    assert [(part.seed, part.arm, part.names, part.minutes) for part in player.played] == [
        (0, "weak", (), 0.0),
        (0, "full", ("a", "b"), 0.0),
        (1, "weak", (), 0.0),
        (1, "full", ("a", "b"), 0.0),
    ]


@pytest.mark.parametrize(("effort", "longer"), [("normal", [True, False]), ("thorough", [True, True])])
def test_the_first_seed_finds_out_how_long_full_supervision_trains(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, effort: str, longer: list[bool]
) -> None:
    player = Player(monkeypatch, effort=effort)
    play_all(PLAN, Budget(seeds=2, minutes=0), tmp_path, resume=False, say=quiet)
    assert [part.longer for part in player.played if part.arm == "full"] == longer


def test_resume_plays_only_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    player = Player(monkeypatch)
    budget = Budget(seeds=2, minutes=0)
    play_all(PLAN, budget, tmp_path, resume=False, say=quiet)
    (tmp_path / PLAN.key / "seed1-full.json").unlink()
    player.played.clear()
    assert len(play_all(PLAN, budget, tmp_path, resume=True, say=quiet)) == 2
    assert [(part.seed, part.arm) for part in player.played] == [(1, "full")]
    player.played.clear()
    play_all(PLAN, budget, tmp_path, resume=False, say=quiet)
    assert len(player.played) == 4


def test_other_settings_never_meet_in_one_folder() -> None:
    other = Plan(data="/data/toy", labels="points", strategy="random", rounds=2, budget_images=0)
    assert PLAN.key != other.key
    assert PLAN.key.startswith("toy-")
    assert dataclasses.replace(PLAN, mend_strokes=7).key != PLAN.key


def test_a_cap_leaves_seeds_out_but_never_the_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    player = Player(monkeypatch, seconds=120)
    said: list[str] = []
    pairs = play_all(PLAN, Budget(seeds=3, minutes=9), tmp_path, resume=False, say=said.append)
    assert len(pairs) == 2
    assert [round(part.minutes, 2) for part in player.played] == [4.95, 7.0, 2.75, 3.0]
    assert any("left out" in line for line in said)
    report = summarise(PLAN, pairs, wanted_seeds=3)
    assert (report["num_seeds"], report["is_complete"]) == (2, False)


def test_a_part_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, stderr="noise\nThe disk is full.\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(PermanentError, match=r"seed 0, weak arm: The disk is full\."):
        play_all(PLAN, Budget(seeds=1, minutes=0), tmp_path, resume=False, say=quiet)


def test_the_report_has_means_seeds_and_curve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Player(monkeypatch)
    pairs = play_all(PLAN, Budget(seeds=2, minutes=0), tmp_path, resume=False, say=quiet)
    report = summarise(PLAN, pairs, wanted_seeds=2)
    assert report["final_miou"] == pytest.approx(0.6)
    assert report["full_miou"] == pytest.approx(0.8)
    assert report["miou_ratio"] == pytest.approx(0.75)
    assert report["annotator_seconds"] == pytest.approx(100.5)
    assert report["seconds_ratio"] == pytest.approx(100.5 / 400)
    assert [row["seed"] for row in report["per_seed"]] == [0, 1]
    assert report["curve"][1] == {"round": 2, "annotator_seconds": 100.0, "miou": 0.6, "num_images": 6.0}
    draw(report, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_part_survives_the_way_to_its_process() -> None:
    part = Part(plan=PLAN, seed=3, arm="full", out="x.json", names=("ä.jpg",), minutes=1.5, longer=True)
    assert Part.from_json(part.to_json()) == part
