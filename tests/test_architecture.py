"""Who may import whom (docs/architecture.md), read from the source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def sources(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything the file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offenders(folder: str, *forbidden: str, but: tuple[str, ...] = ()) -> list[str]:
    rule = re.compile(rf"({'|'.join(re.escape(name) for name in forbidden)})(\.|$)")
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        if not str(path.relative_to(ROOT)).startswith(but or ("\0",))
        for name in imported(path)
        if rule.match(name)
    ]


def test_the_zoo_knows_nothing_of_the_web_side() -> None:
    assert offenders("models_zoo", "django", "rest_framework", "celery", "channels", "labeling") == []


def test_torch_is_reached_only_through_labeling_ml() -> None:
    assert offenders("labeling", "torch", "torchvision", but=("labeling/ml/",)) == []
    inside = [
        line
        for line in offenders("labeling", "models_zoo", but=("labeling/ml/",))
        if not re.search(r"models_zoo\.[A-Za-z_]+$", line) or re.search(SUBPACKAGES, line)
    ]
    assert inside == []


SUBPACKAGES = r"models_zoo\.({})$".format(
    "|".join(p.stem for p in (ROOT / "models_zoo").iterdir() if p.suffix == ".py" or p.is_dir())
)


def test_reads_never_write_and_models_know_no_rules() -> None:
    assert (
        offenders("labeling/selectors", "labeling.services", "labeling.tasks", "labeling.api", "labeling.pages") == []
    )
    above = ("labeling.services", "labeling.selectors", "labeling.tasks", "labeling.api", "labeling.pages")
    assert offenders("labeling/models", *above) == []


def test_services_know_no_skins() -> None:
    assert offenders("labeling/services", "labeling.tasks", "labeling.api", "labeling.pages", "labeling.ml") == []


@pytest.mark.parametrize(
    ("pattern", "folder", "suffix", "allowed"),
    [
        (r"\.delay\(|\.apply_async\(|send_task\(|delay_on_commit\(", "labeling", ".py", {"labeling/jobs.py"}),
        (r"group_send", "labeling", ".py", {"labeling/live/publish.py"}),
        (r"@receiver\b", "labeling", ".py", set()),
        (r"(?<![.\w])fetch\(", "frontend", ".ts", {"frontend/api.ts"}),
        (r"new WebSocket\(", "frontend", ".ts", {"frontend/live.ts"}),
        (r"\.innerHTML|unsafeHTML|document\.write", "frontend", ".ts", set()),
        (r"Event\.objects\.(bulk_)?create", "labeling", ".py", {"labeling/services/events.py"}),
    ],
)
def test_each_outward_effect_has_one_door(pattern: str, folder: str, suffix: str, allowed: set[str]) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob(f"*{suffix}")
        if "node_modules" not in path.parts
        and not path.name.endswith(".test.ts")
        and re.search(pattern, path.read_text())
    }
    assert found <= allowed


def test_the_web_process_never_loads_torch() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'labeling.settings.test';"
        "import django; django.setup(); import labeling.urls, labeling.api.urls, labeling.pages.urls, labeling.tasks;"
        "sys.exit('torch is loaded' if 'torch' in sys.modules else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_every_enqueued_name_is_a_registered_task() -> None:
    from labeling import celery_app, tasks
    from labeling.models import ExportJob, ImportJob, TrainingRun

    assert tasks
    names = {model.task_name for model in (TrainingRun, ImportJob, ExportJob)}
    names |= {"interactive.propose", "proposing.propose_pool"}
    for path in sources("labeling"):
        names |= set(re.findall(r"(?:enqueue|announce)\(\s*\"([a-z_.]+)\"", path.read_text()))
    assert names <= set(celery_app.tasks)
