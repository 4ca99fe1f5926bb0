"""Background suppression: numbers by hand, the slope, where it is silent, and what its three terms do to a map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models_zoo.losses.background_suppression import background_suppression


def test_suppression_by_hand() -> None:
    whole = torch.tensor([4.0, 2.0, 5.0])
    # A quarter is left; erasing raised it, which counts as all of it; nothing is left.
    assert float(background_suppression(torch.tensor([1.0, 3.0, -2.0]), whole)) == pytest.approx((0.25 + 1 + 0) / 3)


def test_an_image_without_a_sure_class_does_not_count() -> None:
    whole = torch.tensor([0.05, -3.0, 2.0])
    assert float(background_suppression(torch.tensor([0.01, 0.0, 1.0]), whole)) == pytest.approx(0.5)
    assert float(background_suppression(torch.ones(2), torch.zeros(2))) == 0


def test_the_gradient_is_the_slope_and_the_whole_logit_gets_none() -> None:
    erased = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64, requires_grad=True)
    whole = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: background_suppression(x, whole.detach()), (erased,))
    background_suppression(erased, whole).backward()  # type: ignore[no-untyped-call]
    assert erased.grad is not None and erased.grad.tolist() == pytest.approx([1 / 12, 0, 1 / 3])
    assert whole.grad is None


def _learnt_map(*, area: float, suppression: float) -> Tensor:
    """A map over 12 places of which the first four speak for the class, after some steps of plain descent."""
    evidence = torch.tensor([4.0, 3.0, 2.0, 1.0] + [0.0] * 8)
    scores = torch.zeros(12, requires_grad=True)
    for _ in range(300):
        place = torch.sigmoid(scores)
        erased = (evidence * (1 - place)).mean()[None]
        loss = suppression * background_suppression(erased, evidence.mean()[None]) + area * place.mean()
        (slope,) = torch.autograd.grad(loss, scores)
        scores = (scores - 10 * slope).detach().requires_grad_()
    return torch.sigmoid(scores.detach())


def test_the_map_covers_what_speaks_for_the_class_and_no_more() -> None:
    place = _learnt_map(area=0.5, suppression=1.0)
    assert (place[:4] > 0.9).all() and (place[4:] < 0.1).all()


def test_a_dearer_area_makes_smaller_maps() -> None:
    areas = [float(_learnt_map(area=price, suppression=1.0).mean()) for price in (0.5, 1.5, 3.0)]
    assert areas[0] > areas[1] > areas[2]


def test_without_suppression_the_map_vanishes_and_without_area_nothing_shrinks() -> None:
    assert (_learnt_map(area=1.0, suppression=0.0) < 0.1).all()
    free = _learnt_map(area=0.0, suppression=1.0)
    assert (free[:4] > 0.9).all() and (free >= 0.5).all()
