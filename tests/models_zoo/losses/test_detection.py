"""Numbers by hand, what is open teaches nothing, and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models_zoo.losses.detection import BACKGROUND, OPEN, box_overlap, quality_loss, weighted_focal


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


def test_focal_loss_by_hand() -> None:
    logits = torch.zeros((2, 2))
    labels = torch.tensor([1, BACKGROUND])
    weights = torch.tensor([[1.0, 0.2], [0.5, 0.0]])
    # p = 1/2 everywhere: (1/2)^2 log 2, times 0.25 for the object and 0.75 for what is none; one object.
    each = 0.25 * math.log(2)
    expected = each * (0.75 * 1.0 + 0.25 * 1.0 + 0.75 * 0.5 + 0.75 * 0.0)
    assert float(weighted_focal(logits, labels, weights)) == pytest.approx(expected, rel=1e-5)


def test_an_open_place_and_a_weight_of_nothing_teach_nothing() -> None:
    logits = torch.randn((3, 2), requires_grad=True)
    labels = torch.tensor([OPEN, BACKGROUND, BACKGROUND])
    weights = torch.tensor([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    weighted_focal(logits, labels, weights).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [[False, False], [False, False], [True, False]]


def test_overlap_by_hand() -> None:
    # Half of each: IoU 1/3, the hull is the union. Apart: IoU 0, the hull has 300, the boxes 200.
    found = boxes((0, 0, 10, 10), (0, 0, 10, 10), (0, 0, 10, 10))
    truth = boxes((0, 0, 10, 10), (5, 0, 15, 10), (20, 0, 30, 10))
    expected = (0 + (1 - 1 / 3) + (1 + 1 / 3)) / 3
    assert float(box_overlap(found, truth)) == pytest.approx(expected, rel=1e-5)


def test_quality_by_hand() -> None:
    found, truth = boxes((0, 0, 10, 10), (0, 0, 10, 10)), boxes((5, 0, 15, 10), (0, 0, 10, 10))
    logits = torch.tensor([0.0, 2.0])
    # Of a logit of 0 the cross entropy is log 2 whatever is true; of 2 and a perfect box it is log(1 + e^-2).
    expected = (math.log(2) + math.log1p(math.exp(-2))) / 2
    assert float(quality_loss(logits, found, truth)) == pytest.approx(expected, rel=1e-5)
    away = torch.tensor([math.log(0.5), 40.0], requires_grad=True)  # says 1/3 and 1, which is what is true
    quality_loss(away, found, truth).backward()  # type: ignore[no-untyped-call]
    assert away.grad is not None and away.grad.abs().max() < 1e-6


def test_nothing_costs_nothing_and_still_has_a_gradient() -> None:
    none = torch.zeros((0, 4), requires_grad=True)
    logits = torch.zeros(0, requires_grad=True)
    total = box_overlap(none, none) + quality_loss(logits, none, none)
    total.backward()  # type: ignore[no-untyped-call]
    assert float(total.detach()) == 0
    empty = weighted_focal(torch.zeros((0, 2)), torch.zeros(0, dtype=torch.int64), torch.zeros((0, 2)))
    assert float(empty) == 0


def test_the_gradients_are_the_slopes() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((5, 3), dtype=torch.float64, generator=generator, requires_grad=True)
    weights = torch.rand((5, 3), dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 2, BACKGROUND, OPEN, 1])
    assert torch.autograd.gradcheck(lambda x: weighted_focal(x, labels, weights), (logits,))
    found = torch.tensor([[0.0, 1.0, 9.0, 8.0], [3.0, 3.0, 6.0, 9.0]], dtype=torch.float64, requires_grad=True)
    truth = torch.tensor([[1.0, 0.0, 11.0, 7.0], [9.0, 4.0, 12.0, 8.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: box_overlap(x, truth), (found,))
    said = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: quality_loss(x, found.detach(), truth), (said,))
