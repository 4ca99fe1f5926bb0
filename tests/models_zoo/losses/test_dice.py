"""Soft dice on labelled cells."""

from __future__ import annotations

import math

import torch

from models_zoo.losses.dice import soft_dice


def _half_and_half() -> torch.Tensor:
    targets = torch.zeros(1, 2, 4, 4)
    targets[0, 0, :2] = 1.0
    targets[0, 1, 2:] = 1.0
    return targets


def test_a_perfect_prediction_costs_nothing() -> None:
    assert abs(float(soft_dice(_half_and_half(), _half_and_half()))) < 1e-6


def test_uniform_prediction_by_hand() -> None:
    # Per class: overlap 4, |P| = 8, |T| = 8: 1 - (8 + 1) / (16 + 1).
    uniform = torch.full((1, 2, 4, 4), 0.5)
    assert math.isclose(float(soft_dice(uniform, _half_and_half())), 1 - 9 / 17, rel_tol=1e-6)


def test_unlabelled_cells_and_absent_classes_do_not_matter() -> None:
    targets = torch.zeros(1, 3, 4, 4)
    targets[0, 0, 0, 0] = 1.0
    probs = torch.softmax(torch.randn(1, 3, 4, 4), dim=1)
    changed = probs.clone()
    changed[0, :, 3, 3] = torch.tensor([0.1, 0.8, 0.1])
    assert torch.equal(soft_dice(probs, targets), soft_dice(changed, targets))


def test_nothing_labelled_gives_zero() -> None:
    assert float(soft_dice(torch.rand(1, 2, 4, 4), torch.zeros(1, 2, 4, 4))) == 0.0


def test_gradient_matches_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(1, 3, 3, 3, dtype=torch.float64) / 3
    assert torch.autograd.gradcheck(lambda x: soft_dice(torch.softmax(x, dim=1), targets), logits)
