"""Numbers by hand, gradients, who learns from whom, and nothing to learn from."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models_zoo.losses.self_distillation import self_distillation, softened_divergence


def rows(*values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_divergence_by_hand() -> None:
    # Softened: (3/4, 1/4). KL((1/2, 1/2) || it) = 1/2 log(2/3) + 1/2 log 2, times T^2.
    found = softened_divergence(rows((2 * math.log(3), 0.0)), torch.tensor([[0.5, 0.5]]).double(), temperature=2.0)
    assert found.item() == pytest.approx(4 * 0.5 * math.log(4 / 3))


def test_divergence_has_the_gradient_of_its_differences() -> None:
    torch.manual_seed(0)
    targets = torch.softmax(torch.randn(3, 4, dtype=torch.float64), dim=1)
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: softened_divergence(x, targets, temperature=2.0), (logits,))


def test_both_heads_by_hand() -> None:
    # Box (1/2, 1/2), image (3/4, 1/4), together (5/8, 3/8).
    found = self_distillation(rows((0.0, 0.0)), rows((2 * math.log(3), 0.0)), temperature=2.0)
    of_image = 0.5 * math.log(4 / 3)
    of_box = 5 / 8 * math.log(5 / 4) + 3 / 8 * math.log(3 / 4)
    assert found.item() == pytest.approx(4 * (of_image + of_box))


def test_each_head_learns_from_its_teacher_alone() -> None:
    # d T^2 KL(t || softmax(x / T)) / dx = T (softmax(x / T) - t), the mean of the rows: no path leads to a teacher.
    box, image = rows((0.0, 0.0), (1.0, -2.0)), rows((2 * math.log(3), 0.0), (0.5, 0.0))
    self_distillation(box, image, temperature=2.0).backward()  # type: ignore[no-untyped-call]
    p_box, p_image = torch.softmax(box.detach() / 2, dim=1), torch.softmax(image.detach() / 2, dim=1)
    torch.testing.assert_close(image.grad, p_image - p_box)
    torch.testing.assert_close(box.grad, p_box - (p_box + p_image) / 2)


def test_agreement_and_nothing_cost_nothing() -> None:
    same = rows((1.0, -1.0, 0.3))
    assert self_distillation(same, same, temperature=2.0).item() == pytest.approx(0.0, abs=1e-12)
    nothing = torch.zeros((0, 3), requires_grad=True)
    none = self_distillation(nothing, nothing, temperature=2.0)
    none.backward()  # type: ignore[no-untyped-call]
    assert none.item() == 0.0 and nothing.grad is not None
