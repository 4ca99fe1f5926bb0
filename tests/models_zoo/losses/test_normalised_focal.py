"""The normalised focal loss against its definition."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from models_zoo.losses.normalised_focal import focal_weights, normalised_focal


def test_a_perfect_answer_costs_next_to_nothing_and_a_wrong_one_much() -> None:
    target = (torch.rand(2, 6, 7) > 0.5).float()
    valid = torch.ones(2, 6, 7, dtype=torch.bool)
    right = (target * 2 - 1) * 30
    assert float(normalised_focal(right, target, valid)) < 1e-4
    assert float(normalised_focal(-right, target, valid)) > 3


def test_the_weights_of_an_image_sum_to_its_valid_cells() -> None:
    agreement, valid = torch.rand(3, 5, 5), torch.rand(3, 5, 5) > 0.3
    sums = focal_weights(agreement, valid).sum(dim=(1, 2))
    torch.testing.assert_close(sums, valid.sum(dim=(1, 2)).float())


def test_without_focus_it_is_half_the_cross_entropy() -> None:
    logits, target = torch.randn(2, 4, 5), (torch.rand(2, 4, 5) > 0.5).float()
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    expected = 0.5 * F.binary_cross_entropy_with_logits(logits, target)
    torch.testing.assert_close(normalised_focal(logits, target, valid, gamma=0.0), expected)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_the_gradient_points_to_the_target_and_passes_by_what_is_not_valid(target: float) -> None:
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    valid = torch.tensor([[[True, True], [True, False]]])
    normalised_focal(logits, torch.full((1, 2, 2), target), valid).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert ((logits.grad[valid] < 0) == (target == 1.0)).all()
    assert float(logits.grad[~valid].abs().sum()) == 0


def test_an_image_with_nothing_valid_adds_nothing() -> None:
    loss = normalised_focal(torch.randn(1, 3, 3), torch.zeros(1, 3, 3), torch.zeros(1, 3, 3, dtype=torch.bool))
    assert float(loss) == 0
