"""Training runs: started by a person, seen through by a worker, published as a model version."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from labeling import __version__
from labeling.errors import Conflict, Invalid
from labeling.models import ACTIVE, JobStatus, Project, Split, TrainingRun
from labeling.selectors.snapshots import Choice, choose_training_rows
from labeling.services import runs
from labeling.services.snapshots import freeze_snapshot
from models_zoo import ConfigError, MarkKind, MethodInfo, UnknownMethod, config_to_json, get_method, parse_config

MAX_CURVE_POINTS = 400


def start_training_run(
    *,
    project: Project,
    method: str,
    config: Mapping[str, object],
    by: User,
    mark_kinds: Collection[str] | None = None,
    splits: Collection[str] = (Split.TRAIN,),
    seed: int = 0,
) -> TrainingRun:
    """Freeze the data and queue a run; the page's click, never a side effect of saving.

    `mark_kinds` None means all that the method learns from; accepted masks are always used. The val split only
    measures; asking for the test split is refused.

    Raises Invalid (`unknown_method`, `bad_config`, `bad_marks`, `bad_splits`, `no_training_data`) and
    Conflict (`run_active`).
    """
    info = _method(method)
    settings = _config(info, config)
    kinds = _kinds(info, mark_kinds)
    _check_splits(splits)
    _refuse_second(project)
    choice = choose_training_rows(project, mark_kinds=kinds, splits=splits, unmarked=info.learns_unmarked)
    _check_data(choice)
    frozen = freeze_snapshot(choice=choice)
    return _insert(
        project,
        by,
        method=info.name,
        config=settings,
        mark_kinds=kinds,
        snapshot=frozen.blob,
        snapshot_hash=frozen.snapshot_hash,
        num_images=choice.num_images,
        num_marks=choice.num_marks,
        seed=seed,
        code_version=__version__,
    )


@transaction.atomic
def _insert(project: Project, by: User, **fields: Any) -> TrainingRun:
    """The constraint decides between two clicks at the same moment."""
    last = TrainingRun.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(project=project, created_by=by, number=last + 1, **fields)
    except IntegrityError as error:
        raise _run_active(project) from error
    runs.queue(run)
    return run


def _method(name: str) -> MethodInfo:
    try:
        return get_method(name)
    except UnknownMethod as error:
        raise Invalid(f"{error}.", code="unknown_method") from error


def _config(info: MethodInfo, values: Mapping[str, object]) -> dict[str, object]:
    try:
        return config_to_json(parse_config(info, values))
    except ConfigError as error:
        name, text = next(iter(error.errors.items()))
        raise Invalid(f"{name} {text}", code="bad_config", detail=error.errors) from error


def _kinds(info: MethodInfo, wanted: Collection[str] | None) -> list[str]:
    """The kinds in the order of `MarkKind`; what the method can't learn from is dropped, as the page says."""
    unknown = sorted(set(wanted or ()) - {kind.value for kind in MarkKind})
    if unknown:
        known = ", ".join(kind.value for kind in MarkKind)
        raise Invalid(
            _("There are no marks of kind %(unknown)s; choose from %(known)s.")
            % {"unknown": repr(unknown[0]), "known": known},
            code="bad_marks",
        )
    return [kind.value for kind in MarkKind if kind in info.accepts and (wanted is None or kind.value in wanted)]


def _check_splits(splits: Collection[str]) -> None:
    if Split.TRAIN not in splits or not set(splits) <= {Split.TRAIN, Split.VAL}:
        raise Invalid(
            _(
                "Train on the train split. The val split is used to measure while training, "
                "and test images never enter it."
            ),
            code="bad_splits",
        )


def _check_data(choice: Choice) -> None:
    if not choice.num_images:
        raise Invalid(
            _(
                "There is nothing to learn from: mark some images of the train split, or accept some masks, then "
                "start again."
            ),
            code="no_training_data",
        )


def _refuse_second(project: Project) -> None:
    if TrainingRun.objects.filter(project=project, status__in=ACTIVE).exists():
        raise _run_active(project)


def _run_active(project: Project) -> Conflict:
    active = TrainingRun.objects.filter(project=project, status__in=ACTIVE).first()
    return Conflict(
        _("A training run of this project is still active. Wait for it to end, or cancel it first."),
        code="run_active",
        detail={"training_run": active.pk if active else None},
    )


def note_progress(*, run: TrainingRun, step: int, metrics: Mapping[str, float]) -> None:
    """Keep the latest numbers and add a point to the curve, thinned to at most MAX_CURVE_POINTS.

    Points at or after `step` belong to work that a killed worker lost, and are dropped. Writes only while the
    attempt is ours.
    """
    values = {name: round(value, 6) for name, value in metrics.items() if math.isfinite(value)}
    curve = [point for point in run.curve if point["step"] < step]
    curve.append({"step": step, **values})
    run.curve, run.metrics = thinned(curve), values
    TrainingRun.objects.filter(pk=run.pk, attempt=run.attempt, status=JobStatus.RUNNING).update(
        curve=run.curve, metrics=run.metrics
    )


def thinned(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every second point once there are too many; the newest always stays."""
    return curve if len(curve) <= MAX_CURVE_POINTS else curve[-1::-2][::-1]
