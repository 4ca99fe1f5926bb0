"""One seed for everything random, and one rule for choosing the device."""

from __future__ import annotations

import random

import numpy as np
import torch

from models_zoo.errors import TrainingError


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy's global generator and torch on all devices."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def choose_device(device: str) -> torch.device:
    """ "auto" is CUDA where there is one, else the CPU; anything else is taken at its word.

    Raises:
        TrainingError: a device this machine does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise TrainingError("this machine has no CUDA device: choose cpu or auto")
    return chosen


def mixed_precision(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 on GPUs that have it; on a CPU it is slower than float32 for this network."""
    usable = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=usable)
