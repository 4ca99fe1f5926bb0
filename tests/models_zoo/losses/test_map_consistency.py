"""Consistency of class maps: numbers by hand, the slope, and which maps count."""

from __future__ import annotations

import pytest
import torch

from models_zoo.losses.map_consistency import map_consistency


def test_consistency_by_hand() -> None:
    one = torch.tensor([[[[1.0, 2.0]], [[0.0, 5.0]]], [[[3.0, 3.0]], [[1.0, 1.0]]]])
    other = torch.tensor([[[[2.0, 4.0]], [[9.0, 9.0]]], [[[3.0, 0.0]], [[2.0, 1.0]]]])
    present = torch.tensor([[True, False], [True, True]])
    # (1 + 2) / 2 of the first image's first class; 3 / 2 and 1 / 2 of the second image's two.
    assert float(map_consistency(one, other, present)) == pytest.approx((1.5 + 1.5 + 0.5) / 3)
    assert float(map_consistency(one, other, torch.zeros_like(present))) == 0


def test_the_gradient_of_both_maps_is_its_slope() -> None:
    one, other = (torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    present = torch.tensor([[True, False], [True, True]])
    assert torch.autograd.gradcheck(lambda a, b: map_consistency(a, b, present), (one, other))


def test_maps_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        map_consistency(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2, 2), torch.ones(1, 2).bool())
