"""Box projection: known values and the cross it cannot tell from a box."""

from __future__ import annotations

import math

import torch

from models_zoo.losses.box_projection import GridBox, box_projection

BOX = GridBox(image=0, class_position=1, x0=2, y0=1, x1=7, y1=6)


def _probs(inside: float) -> torch.Tensor:
    probs = torch.zeros(1, 2, 8, 8)
    probs[0, 1, BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] = inside
    return probs


def test_a_full_box_costs_only_the_fill_hinge() -> None:
    assert math.isclose(float(box_projection(_probs(1.0), [BOX])), 0.1 * 0.05, abs_tol=1e-5)


def test_an_empty_box_costs_two_and_the_hinge() -> None:
    assert math.isclose(float(box_projection(_probs(0.0), [BOX])), 2.0 + 0.1 * 0.2, abs_tol=1e-5)


def test_half_probability_by_hand() -> None:
    # D = 1 - 2 * 2.5 / (5 * 0.25 + 5) = 0.2 on both axes; half of the box is filled.
    assert math.isclose(float(box_projection(_probs(0.5), [BOX])), 0.4, abs_tol=1e-5)


def test_a_cross_satisfies_the_projections() -> None:
    probs = _probs(0.0)
    probs[0, 1, 3, BOX.x0 : BOX.x1] = 1.0
    probs[0, 1, BOX.y0 : BOX.y1, 4] = 1.0
    assert float(box_projection(probs, [BOX])) < 1e-5


def test_no_boxes_give_zero_that_can_be_differentiated() -> None:
    probs = _probs(0.3).requires_grad_()
    loss = box_projection(probs, [])
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0


def test_gradient_matches_finite_differences() -> None:
    torch.manual_seed(0)
    probs = torch.rand(1, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: box_projection(x, [BOX]), probs)
