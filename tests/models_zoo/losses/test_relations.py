"""Relations by hand: the ends of the scale, far and unknown pairs, gradients."""

from __future__ import annotations

import math

import pytest
import torch

from models_zoo.losses.relations import relation_loss, scaled_cosines
from models_zoo.marks import IGNORE

THREE = torch.tensor([[[3.0, 0.8, 0.0], [0.0, 0.6, 1.0]]]).view(1, 2, 1, 3)
"""Cosines 0.8 of the first two, 0.6 of the last two, 0 of the outer ones; mean with each and itself 5.8 / 9."""


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_three_places_by_hand() -> None:
    labels = torch.tensor([[[0, 0, 1]]])
    mean = 5.8 / 9
    assert float(scaled_cosines(THREE)[0, 0, 1]) == pytest.approx(3 * (0.8 - mean), abs=1e-6)
    pulled = 1 - _sigmoid(3 * (0.8 - mean))
    pushed = (_sigmoid(3 * (0.6 - mean)) + _sigmoid(3 * (0 - mean))) / 2
    assert float(relation_loss(THREE, labels)) == pytest.approx((pulled + pushed) / 2, abs=1e-6)


def test_pairs_further_apart_than_the_radius_and_unknown_places_do_not_count() -> None:
    mean = 5.8 / 9
    pushed, pulled = _sigmoid(3 * (0.6 - mean)), 1 - _sigmoid(3 * (0.8 - mean))
    assert float(relation_loss(THREE, torch.tensor([[[0, 0, 1]]]), radius=1)) == pytest.approx((pulled + pushed) / 2)
    # Without the middle only the outer pair is left, and it is too far.
    assert float(relation_loss(THREE, torch.tensor([[[0, IGNORE, 1]]]), radius=1)) == 0
    # A square radius: a place one row below and one column on is near.
    square = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    diagonal = torch.tensor([[[0, IGNORE], [IGNORE, 1]]])
    assert float(relation_loss(square, diagonal, radius=1)) > 0


def test_features_that_part_the_labels_cost_less_than_those_that_mix_them() -> None:
    labels = torch.tensor([[[0, 0, 1, 1]]])
    parted = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]]).view(1, 2, 1, 4)
    mixed = parted[..., [0, 2, 1, 3]]
    assert relation_loss(parted, labels) < relation_loss(torch.ones(1, 2, 1, 4), labels) < relation_loss(mixed, labels)


def test_nothing_known_teaches_nothing_and_other_sizes_are_refused() -> None:
    features = torch.randn(2, 3, 2, 2, requires_grad=True)
    loss = relation_loss(features, torch.full((2, 2, 2), IGNORE))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0 and features.grad is not None and not features.grad.any()
    with pytest.raises(ValueError, match="one label a place"):
        relation_loss(torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 4))


def test_the_gradient_is_the_slope() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 0], [1, IGNORE]], [[2, 1], [1, 1]]])
    assert torch.autograd.gradcheck(lambda x: relation_loss(x, labels), (features,))
