"""Train on what the stage holds, by the rows and tasks of the application, within the time that is left."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from labeling.errors import Invalid, PermanentError
from labeling.ml import simulating
from labeling.ml.running import Order
from labeling.models import JobStatus, ModelVersion, ProposalRun, TrainingRun
from labeling.selectors.runs import active_version
from labeling.selectors.snapshots import choose_training_rows
from labeling.services.model_versions import activate_version
from labeling.services.snapshots import freeze_snapshot
from labeling.services.training import start_training_run
from labeling.simulation.stage import Stage
from labeling.simulation.work import truth_of
from labeling.tasks.proposing import propose_pool
from labeling.tasks.training import train
from models_zoo import MarkKind, config_to_json, get_method, parse_config

METHOD = "seeded_segmentation"
MIN_STEPS = 20
TRAINING_SHARE = 0.5  # of the time left; proposals, validation and measuring take the rest


@dataclass(frozen=True)
class Clock:
    """When a part has to be over; without an end it never presses."""

    ends_at: float | None = None

    @classmethod
    def of(cls, minutes: float) -> Clock:
        return cls(time.monotonic() + 60 * minutes if minutes else None)

    @property
    def left_s(self) -> float | None:
        return None if self.ends_at is None else max(0.0, self.ends_at - time.monotonic())


def train_version(
    stage: Stage,
    *,
    config: dict[str, Any],
    seed: int,
    clock: Clock,
    runs_left: int,
    mark_kinds: Collection[str] | None = None,
) -> ModelVersion:
    """One training run, from the click to the version. Raises PermanentError with the run's own sentence."""
    kinds = [kind.value for kind in MarkKind] if mark_kinds is None else list(mark_kinds)
    fitting = _within(stage, config, kinds, clock, runs_left)
    run = start_training_run(
        project=stage.project, method=METHOD, config=fitting, by=stage.person, mark_kinds=kinds, seed=seed
    )
    train(run.pk)
    run = TrainingRun.objects.get(pk=run.pk)
    if run.status != JobStatus.SUCCEEDED:
        raise PermanentError(f"training run {run.number} ended as {run.status}: {run.error}")
    version = ModelVersion.objects.get(run=run)
    trust_unmeasured(stage, version)
    return version


def trust_unmeasured(stage: Stage, version: ModelVersion) -> None:
    """Tags and boxes alone give nothing to measure by; then the person takes the newest version into use."""
    if not version.is_active and version.metrics["validation"]["value"] is None:
        activate_version(version=version, by=stage.person)


def _within(
    stage: Stage, config: dict[str, Any], kinds: Collection[str], clock: Clock, runs_left: int
) -> dict[str, Any]:
    """The same settings with fewer steps where the time left would not do."""
    if clock.left_s is None or config.get("steps"):
        return config
    choice = choose_training_rows(stage.project, mark_kinds=kinds, splits=["train"])
    if not choice.num_images:
        raise Invalid("The simulated annotator marked no image of the train split; give a larger budget.")
    whole = config_to_json(parse_config(get_method(METHOD), config))
    blob = freeze_snapshot(choice=choice).blob
    step_s, wanted = simulating.pace(Order(method=METHOD, config=whole, snapshot=blob, seed=0))
    affordable = int(TRAINING_SHARE * clock.left_s / runs_left / step_s)
    return config | {"steps": max(MIN_STEPS, min(wanted, affordable))}


def propose(stage: Stage) -> None:
    """Run the pool proposals that activation queued."""
    for run in ProposalRun.objects.filter(project=stage.project, status=JobStatus.QUEUED).order_by("pk"):
        propose_pool(run.pk)
        run.refresh_from_db()
        if run.status != JobStatus.SUCCEEDED:
            raise PermanentError(f"pool proposals ended as {run.status}: {run.error}")


def measure(stage: Stage) -> dict[str, Any]:
    """Mean IoU on the test split of the version in use, polished, without any marks."""
    version = active_version(stage.project)
    if version is None:
        raise PermanentError("no version is in use; the first one should be")
    images = stage.images("test")
    truths = {image.pk: truth_of(stage, image) for image in images}
    found = simulating.miou(version, images, truths)
    return {"miou": found["miou"], "per_class": found["per_class"], "version": version.number}
