"""Partial cross entropy and its counterpart for excluded classes."""

from __future__ import annotations

import math

import torch

from models_zoo.losses.partial_ce import even_classes, excluded_cross_entropy, partial_cross_entropy


def test_hand_computed_value_on_two_cells() -> None:
    logits = torch.tensor([[[[0.0, 2.0]], [[0.0, 0.0]]]])  # two classes, two cells
    targets = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    expected = (math.log(2) + math.log(1 + math.exp(2.0))) / 2
    assert math.isclose(float(partial_cross_entropy(logits, targets)), expected, rel_tol=1e-6)


def test_nothing_labelled_gives_zero_with_a_gradient_of_zero() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = partial_cross_entropy(logits, torch.zeros(2, 3, 4, 4))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0
    assert logits.grad is not None and float(logits.grad.abs().sum()) == 0.0


def test_unlabelled_cells_do_not_matter() -> None:
    logits = torch.randn(1, 3, 2, 2)
    targets = torch.zeros(1, 3, 2, 2)
    targets[0, 1, 0, 0] = 1.0
    changed = logits.clone()
    changed[..., 1, 1] += 5.0
    assert torch.equal(partial_cross_entropy(logits, targets), partial_cross_entropy(changed, targets))


def test_class_weights_scale_their_class() -> None:
    logits = torch.zeros(1, 2, 1, 1)
    targets = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    weighted = partial_cross_entropy(logits, targets, torch.tensor([3.0, 1.0]))
    assert math.isclose(float(weighted), 3 * math.log(2), rel_tol=1e-6)


def test_a_full_mask_weighs_more_than_a_stroke_but_not_by_its_area() -> None:
    logits = torch.zeros(2, 2, 4, 4)
    logits[1, 0] = 3.0
    targets = torch.zeros(2, 2, 4, 4)
    targets[0, 0] = 1.0  # 16 cells
    targets[1, 0, 0, 0] = 1.0  # 1 cell
    full, stroke = math.log(2), math.log(1 + math.exp(-3.0))
    expected = (4 * full + 1 * stroke) / 5
    assert math.isclose(float(partial_cross_entropy(logits, targets)), expected, rel_tol=1e-5)


def test_in_chosen_images_classes_that_occur_weigh_alike() -> None:
    targets = torch.zeros(2, 3, 2, 3)
    targets[:, 0, 0] = 1.0  # three cells
    targets[:, 2, 1, 0] = 1.0  # one cell
    even = even_classes(targets, torch.tensor([True, False]))
    assert even.sum(dim=(2, 3)).tolist() == [[2.0, 0.0, 2.0], [3.0, 0.0, 1.0]]
    assert torch.equal(even > 0, targets > 0)
    assert not even_classes(torch.zeros(1, 3, 2, 2), torch.tensor([True])).any()


def test_excluded_class_is_pushed_down() -> None:
    logits = torch.zeros(1, 4, 1, 1)
    excluded = torch.zeros(1, 4, 1, 1, dtype=torch.bool)
    excluded[0, 2] = True
    assert math.isclose(float(excluded_cross_entropy(logits, excluded)), -math.log(0.75), rel_tol=1e-5)


def test_excluding_every_class_says_nothing() -> None:
    excluded = torch.ones(1, 3, 2, 2, dtype=torch.bool)
    assert float(excluded_cross_entropy(torch.randn(1, 3, 2, 2), excluded)) == 0.0


def test_gradients_match_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(2, 3, 2, 2, dtype=torch.float64) / 3
    excluded = torch.rand(2, 3, 2, 2) > 0.6
    assert torch.autograd.gradcheck(lambda x: partial_cross_entropy(x, targets), logits)
    assert torch.autograd.gradcheck(lambda x: excluded_cross_entropy(x, excluded), logits)
