"""The averaged copy of a network that trains: mean teacher (Tarvainen and Valpola, NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, *, step: int, decay: float) -> None:
    """Move the teacher towards the student, in place; early on it follows faster, so that it forgets the start.

    Parameters that do not train are left, buffers are copied as they are.

    Args:
        teacher, student: networks of the same make.
        step: training steps before this one.
        decay: how much of the teacher is kept in a step, 0 to 1.
    """
    kept = min(decay, (step + 1) / (step + 10))
    pairs = zip(teacher.parameters(), student.parameters(), strict=True)
    ours, theirs = zip(*(pair for pair in pairs if pair[1].requires_grad), strict=True)
    torch._foreach_lerp_(ours, theirs, 1 - kept)
    for old, new in zip(teacher.buffers(), student.buffers(), strict=True):
        old.copy_(new)


def load_pair(teacher: nn.Module, student: nn.Module, weights: Mapping[str, Tensor], *, strict: bool) -> None:
    """Set both networks; without ``strict`` only entries of the same name and shape, and the others stay."""
    own = teacher.state_dict()
    fitting = dict(weights)
    if not strict:
        fitting = {k: v for k, v in weights.items() if k in own and v.shape == own[k].shape}
    for network in (student, teacher):
        network.load_state_dict(fitting, strict=strict)
