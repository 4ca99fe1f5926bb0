"""The training loop: the same for every method, resumable to the bit on a CPU.

Nothing in here knows about marks or losses; `TrainingTask` does. Everything that changes during training is in
the checkpoint: the task's networks, the optimizer's state, the random state and the step, from which batches
follow.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models_zoo.data.dataset import MAX_PATCHES, TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import checkpoint
from models_zoo.engine.callbacks import FitCallbacks, RunningMeans
from models_zoo.engine.seeding import choose_device, mixed_precision, seed_everything
from models_zoo.errors import Cancelled, TrainingError
from models_zoo.info import MethodConfig, MethodInfo, config_to_json
from models_zoo.methods.base import Batch, Schedule, TaskContext, TrainingTask
from models_zoo.registry import get_method, load_entry
from models_zoo.snapshot import Snapshot, SnapshotError, read

CHECKPOINT_EVERY_S = 15.0
WARM_UP_SHARE = 0.05
WEIGHT_DECAY = 1e-2
GRADIENT_NORM = 5.0
MAX_CLASS_WEIGHT = 5.0
_DEFAULT_BALANCE = 0.5


@dataclass(frozen=True)
class FitResult:
    """What training made.

    Attributes:
        weights_dir: folder with weights.safetensors and manifest.json, for `load_predictor`.
        metrics: last running means of the losses, and counts.
        steps: steps trained in all, including those before a resume.
    """

    weights_dir: Path
    metrics: dict[str, float]
    steps: int


def fit(
    *,
    method: str,
    config: MethodConfig,
    snapshot_dir: Path,
    work_dir: Path,
    seed: int,
    callbacks: FitCallbacks,
    device: str = "auto",
    init_weights: Path | None = None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> FitResult:
    """Train a method on a snapshot's train split and write the weights.

    Starts from the newest checkpoint in `work_dir` that belongs to the same method, settings, snapshot, seed and
    initial weights; a finished run returns at once. On one CPU, with one number of threads, a resumed run ends in
    the same bits as one that was never stopped.

    Args:
        method: registry name.
        config: its settings, from `parse_config`.
        snapshot_dir: folder written by `write_manifest`, with images and masks.
        work_dir: scratch folder of this run; kept between attempts.
        seed: makes the run repeatable.
        callbacks: told of every step; may raise `Cancelled`, then a checkpoint is written and it propagates.
        device: "auto", "cpu", "cuda" or "cuda:1".
        init_weights: weights_dir of an earlier run to start from, as far as shapes agree.
        checkpoint_every_s: seconds of work that a killed process may lose.

    Raises:
        TrainingError: for reasons a person can mend.
        Cancelled: as raised by the callback.
    """
    info = get_method(method)
    snapshot = _read_snapshot(snapshot_dir)
    run_key = _run_key(method, config, snapshot, seed, init_weights)
    work_dir.mkdir(parents=True, exist_ok=True)
    finished = _finished(work_dir / "final", run_key)
    if finished is not None:
        return finished
    run = _Run(info, config, snapshot, seed, choose_device(device), init_weights, callbacks)
    run.resume(work_dir, run_key)
    run.train(work_dir, run_key, callbacks, checkpoint_every_s)
    return run.finish(work_dir, run_key)


class _Run:
    """One training under way: task, optimizer, loader and step."""

    def __init__(
        self,
        info: MethodInfo,
        config: MethodConfig,
        snapshot: Snapshot,
        seed: int,
        device: torch.device,
        init_weights: Path | None,
        callbacks: FitCallbacks,
    ) -> None:
        seed_everything(seed)
        self.info, self.config, self.snapshot, self.device = info, config, snapshot, device
        image_size = int(getattr(config, "image_size", 256))
        loader: type[Loader] = load_entry(info.loader)  # type: ignore[assignment]
        dataset = loader.dataset_type(snapshot, image_size=image_size, accepts=info.accepts)
        shares_C = _shares(dataset, lambda: callbacks.progress(0, 1, {}))
        weights_C = class_weights(shares_C, float(getattr(config, "class_balance", _DEFAULT_BALANCE)))
        context = TaskContext(
            num_classes=len(snapshot.classes),
            class_weights_C=torch.from_numpy(weights_C),
            seed=seed,
            background=next((at for at, item in enumerate(snapshot.classes) if item.is_background), None),
            num_items=MAX_PATCHES * len(dataset),
            class_names=tuple(item.name for item in snapshot.classes),
        )
        self.task: TrainingTask = load_entry(info.entry)(config, context)
        if init_weights is not None:
            self._start_from(init_weights)
        self.task.module().to(device)
        self.schedule: Schedule = self.task.schedule(len(dataset))
        self.optimizer = torch.optim.AdamW(self.task.parameter_groups(), weight_decay=WEIGHT_DECAY, fused=True)
        self.base_rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        self.loader = loader(dataset, batch_size=self.schedule.batch_size, steps=self.schedule.steps, seed=seed)
        self.means = RunningMeans()
        self.step = 0

    def _start_from(self, init_weights: Path) -> None:
        try:
            weights, _ = checkpoint.load_folder(init_weights)
        except checkpoint.CheckpointError as error:
            raise TrainingError(f"the model to start from cannot be used: {error}") from error
        self.task.load_weights(weights, strict=False)

    def train(self, work_dir: Path, run_key: str, callbacks: FitCallbacks, checkpoint_every_s: float) -> None:
        """Run the remaining steps, saving as time goes by."""
        self.task.module().train()
        saved_at = time.monotonic()
        for batch in self.loader.batches(self.step):
            self._step(batch.to(self.device))
            try:
                callbacks.progress(self.step, self.schedule.steps, dict(self.means.values))
            except Cancelled:
                self.save(work_dir, run_key)
                raise
            if time.monotonic() - saved_at >= checkpoint_every_s:
                self.save(work_dir, run_key)
                saved_at = time.monotonic()

    def _step(self, batch: Batch) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * rate_factor(self.step, self.schedule.steps)
        with mixed_precision(self.device):
            losses = self.task.losses(batch)
        if not math.isfinite(float(losses.total.detach())):
            raise TrainingError("training diverged (the loss is not a number): choose a smaller learning rate")
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
        self.optimizer.step()
        self.step += 1
        self.task.after_step(self.step)
        self.means.add({"loss": float(losses.total.detach()), **losses.parts})

    def save(self, work_dir: Path, run_key: str) -> None:
        """Write the checkpoint of this step."""
        tensors = {f"task.{name}": value for name, value in self.task.checkpoint().items()}
        tensors |= {f"optimizer.{name}": value for name, value in _optimizer_tensors(self.optimizer).items()}
        tensors["random.cpu"] = torch.get_rng_state()
        about = {"run_key": run_key, "means": self.means.values, "code_version": code_version()}
        checkpoint.save_step(work_dir, self.step, tensors, about)

    def resume(self, work_dir: Path, run_key: str) -> None:
        """Go on from the newest checkpoint of this run, if there is one."""
        found = checkpoint.load_latest(work_dir, run_key)
        if found is None:
            return
        tensors, manifest = found
        self.task.restore(_with_prefix(tensors, "task."))
        _restore_optimizer(self.optimizer, _with_prefix(tensors, "optimizer."))
        torch.set_rng_state(tensors["random.cpu"])
        means = manifest["means"]
        assert isinstance(means, dict)
        self.means = RunningMeans(means)
        self.step = int(str(manifest["step"]))

    def finish(self, work_dir: Path, run_key: str) -> FitResult:
        """Write the final weights with all that prediction needs, then drop the checkpoints."""
        metrics = {**self.means.values, "num_images": float(len(self.loader.dataset))}
        about = {
            "run_key": run_key,
            "method": self.info.name,
            "config": config_to_json(self.config),
            "encoder": getattr(self.config, "encoder", None),
            "image_size": self.schedule.image_size,
            "classes": [
                {"index": item.index, "name": item.name, "is_background": item.is_background}
                for item in self.snapshot.classes
            ],
            "snapshot": self.snapshot.hash,
            "steps": self.step,
            "metrics": metrics,
            "code_version": code_version(),
        }
        checkpoint.save_folder(work_dir / "final", self.task.weights(), about)
        checkpoint.remove_steps(work_dir)
        return FitResult(work_dir / "final", metrics, self.step)


def rate_factor(step: int, steps: int) -> float:
    """Share of the full learning rate: a linear start, then a cosine to nearly nothing."""
    warm = max(1, round(WARM_UP_SHARE * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def class_weights(shares_C: npt.NDArray[np.float64], balance: float) -> npt.NDArray[np.float32]:
    """Weights (share ** -balance), capped at `MAX_CLASS_WEIGHT` and averaging 1 over labelled pixels.

    Args:
        shares_C: labelled amount of each class; a class never labelled gets weight 1.
        balance: 0 to 1.
    """
    total = shares_C.sum()
    if total <= 0:
        return np.ones(len(shares_C), np.float32)
    frequency = shares_C / total
    seen = frequency > 0
    weights = np.ones(len(shares_C))
    weights[seen] = frequency[seen] ** -balance
    weights[seen] /= (weights * frequency).sum()
    weights = np.minimum(weights, MAX_CLASS_WEIGHT)
    weights[seen] /= (weights * frequency)[seen].sum()
    weights[~seen] = 1.0
    return weights.astype(np.float32)


def code_version() -> str:
    """Version of the installed distribution, "unknown" when run from a bare folder."""
    try:
        return metadata.version("burnish")
    except metadata.PackageNotFoundError:
        return "unknown"


def _read_snapshot(folder: Path) -> Snapshot:
    try:
        return read(folder)
    except SnapshotError as error:
        raise TrainingError(f"the snapshot cannot be used: {error}") from error


def _shares(dataset: TrainingSet, check: Callable[[], None]) -> npt.NDArray[np.float64]:
    """Labelled amount a class; refuses what can teach nothing. `check` is called now and then."""
    shares = dataset.labelled_shares(check=check)
    if len(shares) < 2:
        raise TrainingError("the project has one class only: add a second one, for example a background")
    seen = np.flatnonzero(shares)
    only_pixels = all(
        image.mask or not any(mark.kind in ("tag", "box") for mark in image.marks) for image in dataset.images
    )
    if len(seen) == 1 and only_pixels:
        name = dataset.snapshot.classes[int(seen[0])].name
        raise TrainingError(f"only {name!r} has been marked: mark at least one other class, then train again")
    return shares


def _run_key(method: str, config: MethodConfig, snapshot: Snapshot, seed: int, init_weights: Path | None) -> str:
    """What must agree for a checkpoint to belong to a run."""
    try:
        start = checkpoint.load_manifest(init_weights).get("sha256") if init_weights is not None else None
    except checkpoint.CheckpointError as error:
        raise TrainingError(f"the model to start from cannot be used: {error}") from error
    parts = [method, config_to_json(config), snapshot.hash, seed, start, code_version()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _finished(final: Path, run_key: str) -> FitResult | None:
    try:
        manifest = checkpoint.load_folder(final)[1]
    except checkpoint.CheckpointError:
        return None
    if manifest.get("run_key") != run_key:
        return None
    metrics = manifest["metrics"]
    assert isinstance(metrics, dict)
    return FitResult(final, metrics, int(str(manifest["steps"])))


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """AdamW's state as "index.name" tensors; indices count parameters in group order."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, entry in state.items() for name, value in entry.items()}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    # The fused step walks through memory: what was read back must lie there as its parameter does (channels last).
    for parameter, entry in optimizer.state.items():
        for name, value in entry.items():
            if value.shape == parameter.shape:
                entry[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
