"""Training of the decoder on stored cases. B cases a step, h x w cells of the grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from models_zoo.interactive.live_decoder import Decoder, folded

Stored = dict[str, npt.NDArray[np.generic]]

_BATCH = 16
_RATE, _WARM_STEPS, _LAST_RATE = 2e-3, 50, 0.01
_DECAY = 1e-2
_HELD_BACK = 12
_FIRST_ROUND_WEIGHT = 2.0
_SET_POWER = 0.7
_LEAST_SHARE = 0.05


def load_cases(paths: Sequence[Path]) -> Stored:
    """Cases of all files, one after the other. Raises SystemExit naming what to do."""
    try:
        parts = [dict(np.load(path)) for path in paths]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"cannot read cases ({error}): make them with `make`.") from error


def train(cases: Stored, *, steps: int, seed: int) -> Decoder:
    """A decoder after ``steps`` of AdamW; prints IoU on the grid on a twelfth of the pictures, which are held back."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    held = _held_back(cases["name"], rng)
    chosen, weights = np.flatnonzero(~held), _weights(cases)[~held]
    network = Decoder(norm=True).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    recent: list[float] = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, steps)
        batch = _batch(cases, np.sort(rng.choice(chosen, _BATCH, p=weights / weights.sum())))
        maps, logits, truth, valid = _mirrored(batch, rng)
        loss = decoder_loss(network(maps, logits), truth, valid)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        recent = [*recent[-99:], float(loss.detach())]
        if (step + 1) % max(1, steps // 4) == 0:
            print(f"step {step + 1}: loss {np.mean(recent):.4f}\n  {_held_scores(network, cases, held)}", flush=True)
    return folded(network.eval())


def decoder_loss(logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Half of a cross entropy in which both classes weigh alike, and 1 - soft IoU; all float32 (B, h, w), 0..1."""
    cells = valid.sum(dim=(1, 2))
    share = ((truth * valid).sum(dim=(1, 2)) / cells)[:, None, None]
    balance = torch.where(truth > 0.5, 0.5 / share.clamp_min(_LEAST_SHARE), 0.5 / (1 - share).clamp_min(_LEAST_SHARE))
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * valid * balance
    guess = torch.sigmoid(logits)
    both = (guess * truth * valid).sum(dim=(1, 2))
    either = ((guess + truth - guess * truth) * valid).sum(dim=(1, 2))
    return (0.5 * entropy.sum(dim=(1, 2)) / cells + 1 - (both + 1) / (either + 1)).mean()


def _rate(step: int, steps: int) -> float:
    """Warm up, then half a cosine."""
    return _RATE * min(1.0, (step + 1) / _WARM_STEPS) * (0.5 * (1 + math.cos(math.pi * step / steps)) + _LAST_RATE)


def _held_back(names: npt.NDArray[np.generic], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Cases of one picture in twelve; none where there are fewer."""
    pictures = np.unique(names)
    return np.isin(names, rng.permutation(pictures)[: len(pictures) // _HELD_BACK])


def _sets(cases: Stored) -> npt.NDArray[np.str_]:
    return np.array([str(name).partition("/")[0] for name in cases["name"]])


def _groups(cases: Stored) -> npt.NDArray[np.str_]:
    """What scores are shown for: a set and a kind of marks."""
    return np.array([f"{group} {kind}" for group, kind in zip(_sets(cases), cases["kind"], strict=True)])


def _weights(cases: Stored) -> npt.NDArray[np.float64]:
    """First rounds count twice, a case of a large set less."""
    sets = _sets(cases)
    _, positions, counts = np.unique(sets, return_inverse=True, return_counts=True)
    once = np.where(cases["round"] == 0, _FIRST_ROUND_WEIGHT, 1.0)
    return np.asarray(once / counts[positions] ** _SET_POWER, np.float64)


def _batch(cases: Stored, chosen: npt.NDArray[np.intp]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    maps, logits, truth, valid = (
        torch.from_numpy(cases[name][chosen].astype(np.float32)) for name in ("maps", "logits", "truth", "valid")
    )
    return maps, logits, truth / 255, valid / 255


def _mirrored(planes: tuple[Tensor, ...], rng: np.random.Generator) -> tuple[Tensor, ...]:
    axes = [axis for axis, chance in ((-1, 0.5), (-2, 0.3)) if rng.random() < chance]
    return tuple(plane.flip(axes) for plane in planes)


def _held_scores(network: Decoder, cases: Stored, held: npt.NDArray[np.bool_]) -> str:
    """By set and kind of marks: first round's IoU of the live head (at full size) and of the decoder (on the grid)."""
    network.eval()
    lines = []
    sets, first = _groups(cases), cases["round"] == 0
    for name in np.unique(sets):
        chosen = np.flatnonzero(held & first & (sets == name))
        scores = []
        for start in range(0, len(chosen), 2 * _BATCH):
            maps, logits, truth, valid = _batch(cases, chosen[start : start + 2 * _BATCH])
            with torch.no_grad():
                guess = network(maps, logits) > 0
            true, counted = truth > 0.5, valid > 0.5
            both = (guess & true & counted).sum(dim=(1, 2))
            scores += (both / ((guess | true) & counted).sum(dim=(1, 2)).clamp_min(1)).tolist()
        if scores:
            before = np.mean(cases["iou"][chosen].astype(np.float64))
            lines.append(f"{name} {before:.3f} to {np.mean(scores):.3f} ({len(scores)})")
    network.train()
    return "\n  ".join(lines)
