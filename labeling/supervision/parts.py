"""What one machine runs: Redis, the web server, and a worker for each queue."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labeling.runtime import find_redis, redis_command, redis_socket
from labeling.supervision.children import Part
from labeling.supervision.preflight import answers_http, answers_ping

# Training gives way to people who wait for an answer.
TRAINING_NICENESS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the parts depend on."""

    manage_py: Path
    var_dir: Path
    host: str
    port: int
    host_name: str
    own_redis: bool
    cores: int


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def training_threads(cores: int) -> int:
    """Return the threads training may use: one up to two cores, else all but one."""
    return 1 if cores <= 2 else cores - 1


def plan_parts(plan: Plan) -> list[Part]:
    """Return the parts in starting order. Raises RuntimeFault if there is no Redis to be had."""
    parts = [_redis(plan)] if plan.own_redis else []
    return [
        *parts,
        Part(
            name="web",
            command=_manage(plan, "web"),
            environ={"OMP_NUM_THREADS": "1"},
            ready=lambda: answers_http(plan.host, plan.port, host_name=plan.host_name),
        ),
        _worker(plan, "interactive", threads=1),
        _worker(plan, "gpu", threads=training_threads(plan.cores), niceness=TRAINING_NICENESS),
        _worker(plan, "default", "encoding", options=("--beat",), threads=1, niceness=TRAINING_NICENESS // 2),
    ]


def demo_seed(plan: Plan) -> Part:
    """Return the preparation that fills an empty database with the demo."""
    return Part(name="seed-demo", command=_manage(plan, "seed_demo"), environ={"OMP_NUM_THREADS": "1"})


def _manage(plan: Plan, *words: str) -> tuple[str, ...]:
    return (sys.executable, str(plan.manage_py), *words)


def _redis(plan: Plan) -> Part:
    socket = redis_socket(plan.var_dir)
    return Part(
        name="redis",
        command=tuple(redis_command(find_redis(), plan.var_dir)),
        serves_others=True,
        ready=lambda: answers_ping(socket),
    )


def _worker(plan: Plan, *queues: str, threads: int, niceness: int = 0, options: tuple[str, ...] = ()) -> Part:
    """A worker of these queues, named after the first."""
    return Part(
        name=f"worker-{queues[0]}",
        command=_manage(plan, "worker", "--queues", ",".join(queues), *options),
        environ={"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)},
        niceness=niceness,
    )
