"""Image-level loss from tags."""

from __future__ import annotations

import math

import torch

from models_zoo.losses.image_level import image_level

YES, NO = torch.tensor([[True, False]]), torch.tensor([[False, False]])


def _valid() -> torch.Tensor:
    return torch.ones(1, 4, 5, dtype=torch.bool)


def test_present_by_hand() -> None:
    probs = torch.zeros(1, 2, 4, 5)
    probs[0, 0, 0, 0] = 0.5  # 5 % of 20 cells: one cell is pooled
    assert math.isclose(float(image_level(probs, YES, NO, _valid())), math.log(2), rel_tol=1e-5)


def test_absent_by_hand() -> None:
    probs = torch.zeros(1, 2, 4, 5)
    probs[0, 0, 2, 2] = 0.75
    assert math.isclose(float(image_level(probs, NO, YES, _valid())), math.log(4), rel_tol=1e-5)


def test_unknown_tags_cost_nothing() -> None:
    assert float(image_level(torch.rand(1, 2, 4, 5), NO, NO, _valid())) == 0.0


def test_padding_cannot_show_a_class() -> None:
    probs = torch.zeros(1, 2, 4, 5)
    probs[0, 0, :, 4] = 1.0
    valid = _valid()
    valid[..., 4] = False
    assert float(image_level(probs, YES, NO, valid)) > 5.0


def test_gradient_matches_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    present = torch.tensor([[True, False, False], [False, False, True]])
    absent = torch.tensor([[False, True, False], [False, False, False]])
    valid = torch.ones(2, 4, 4, dtype=torch.bool)
    assert torch.autograd.gradcheck(
        lambda x: image_level(torch.softmax(x, dim=1), present, absent, valid, top_share=0.25), logits
    )
