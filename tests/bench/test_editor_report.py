"""Figures of the editor's benchmark."""

from __future__ import annotations

import json
from typing import Any

from bench.editor_report import own_tasks, quantiles


def event(name: str, start: float, duration: float, thread: int = 1) -> dict[str, Any]:
    return {"name": name, "ph": "X", "ts": start, "dur": duration, "pid": 1, "tid": thread}


def trace(*events: dict[str, Any]) -> bytes:
    names = [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": thread, "args": {"name": name}}
        for thread, name in ((1, "CrRendererMain"), (2, "DedicatedWorker thread"))
    ]
    return json.dumps({"traceEvents": [*names, *events]}).encode()


def test_only_tasks_of_the_main_thread_that_ran_script_are_counted() -> None:
    task = "ThreadControllerImpl::RunTask"
    found = own_tasks(
        trace(
            event(task, 0, 3000),
            event("FunctionCall", 100, 2000),
            event(task, 5000, 9000),  # layout alone
            event(task, 20000, 500),
            event("TimerFire", 20100, 100),
            event(task, 0, 90000, thread=2),
            event("FunctionCall", 10, 80000, thread=2),
        )
    )
    assert found == [(3.0, 3.0), (0.5, 0.5)]


def test_waiting_for_the_frame_to_be_taken_is_not_ours() -> None:
    task = "ThreadControllerImpl::RunTask"
    found = own_tasks(
        trace(
            event(task, 0, 12000),
            event("FireAnimationFrame", 100, 2000),
            event("Commit", 3000, 8000),
            event("Commit", 15000, 10),
        )
    )
    assert found == [(12.0, 4.0)]


def test_quantiles_are_of_the_values_themselves() -> None:
    assert quantiles([1.0, 2.0, 3.0]) == {"count": 3, "p50": 2.0, "p95": 2.9, "p99": 3.0, "max": 3.0}
