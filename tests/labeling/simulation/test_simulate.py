"""The whole loop on a dozen toy pictures: the real command, its own processes, database and storage."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labeling.models import Project
from labeling.simulation.arms import quotas
from labeling.simulation.plan import Plan
from tests.models_zoo.toy_folder import make_folder

TINY = {"rounds": 2, "steps": 4, "image_size": 64, "effort": "quick"}


@pytest.mark.slow
def test_a_simulation_reports_and_leaves_the_users_data_alone(db: None, tmp_path: Path) -> None:
    folder, report = make_folder(tmp_path / "toy"), tmp_path / "report.json"
    out = io.StringIO()
    call_command("simulate", data=folder, json=report, work=tmp_path / "work", stdout=out, **TINY)
    values = json.loads(report.read_text())
    seed = values["per_seed"][0]
    assert 0 < values["final_miou"] <= 1
    assert 0 < values["full_miou"] <= 1
    assert values["seconds_ratio"] == pytest.approx(values["annotator_seconds"] / values["full_seconds"])
    assert [point["num_images"] for point in seed["curve"]] == [5, 10]
    assert 10 <= seed["actions"]["mark"] <= 20
    assert [version["steps"] for version in seed["weak_versions"]] == [4, 4, 12]
    assert [version["steps"] for version in seed["full_versions"]] == [4, 12]
    assert report.with_suffix(".png").exists()
    assert "ratio" in out.getvalue()
    assert not Project.objects.exists()
    parts = sorted(path.name for path in (tmp_path / "work").glob("*/*.json"))
    assert parts == ["seed0-full.json", "seed0-weak.json"]


def test_bad_numbers_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--seeds must be at least 1"):
        call_command("simulate", data=tmp_path, seeds=0)
    with pytest.raises(CommandError, match="has no images"):
        call_command("simulate", data=tmp_path)


def test_images_are_dealt_evenly_to_the_rounds() -> None:
    plan = Plan(data="x", labels="points", strategy="random", rounds=3, budget_images=0)
    assert quotas(plan, 11) == [4, 4, 3]
    assert quotas(Plan(data="x", labels="points", strategy="random", rounds=2, budget_images=5), 11) == [3, 2]
    assert quotas(Plan(data="x", labels="points", strategy="random", rounds=1, budget_images=50), 11) == [11]
