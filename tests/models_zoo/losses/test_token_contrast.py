"""Tokens by hand: the ends of the scale, missing labels, gradients."""

from __future__ import annotations

import math

import pytest
import torch

from models_zoo.losses.token_contrast import label_pairs, patch_contrast, piece_contrast
from models_zoo.marks import IGNORE

HALVES = torch.tensor([[[0] * 4 + [1] * 4] * 8])


def test_pairs_are_symmetric_and_of_two_known_places() -> None:
    alike, unlike = label_pairs(torch.tensor([[0, 0, 2, IGNORE]]))
    assert alike[0].int().tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert unlike[0].int().tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


def test_three_tokens_by_hand() -> None:
    tokens = torch.tensor([[[3.0, 0.8, 1.0], [0.0, 0.6, 1.0]]]).view(1, 2, 1, 3)
    labels = torch.tensor([[[0, 0, 1]]])
    # Cosines: 0.8 in the class; across 1 / sqrt 2 and 1.4 / sqrt 2. Each pair counts in both orders.
    pulled, pushed = 2 * 0.8 / 3, 2 * (1 + 1.4) / math.sqrt(2) / 5
    assert float(patch_contrast(tokens, labels)) == pytest.approx((1 - pulled) / 2 + pushed / 2)
    mirrored = tokens * torch.tensor([1.0, -1.0, 1.0])
    assert float(patch_contrast(mirrored, labels)) == pytest.approx(float(patch_contrast(tokens, labels)))


def test_the_same_token_everywhere_costs_a_half_and_one_a_class_nothing() -> None:
    same = torch.ones(1, 5, 8, 8)
    assert float(patch_contrast(same, HALVES)) == pytest.approx(0.5, abs=1e-3)
    apart = torch.cat([HALVES == 0, HALVES == 1]).float()[None]
    assert float(patch_contrast(apart, HALVES)) == pytest.approx(0, abs=1e-3)


def test_without_labels_it_is_a_half_and_teaches_nothing() -> None:
    tokens = torch.randn(2, 3, 2, 2, requires_grad=True)
    loss = patch_contrast(tokens, torch.full((2, 2, 2), IGNORE))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.5 and tokens.grad is not None and not tokens.grad.any()


def test_labels_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="one label a token"):
        patch_contrast(torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 4))


def test_pieces_by_hand() -> None:
    teaching = torch.tensor([[[1.0]], [[0.5]]])
    learning = torch.tensor([[[1.0]], [[-0.5]]])
    positive, counted = torch.tensor([[True], [False]]), torch.tensor([True])
    expected = [
        -math.log(math.exp(2 * t) / (math.exp(2 * t) + math.exp(-t) + 1e-4)) for t in (1.0, 0.5)
    ]  # e = exp(z_t z_s / 0.5)
    assert float(piece_contrast(teaching, learning, positive, counted)) == pytest.approx(sum(expected) / 2, abs=1e-5)


def test_only_counted_pictures_teach_and_no_negatives_cost_nothing() -> None:
    torch.manual_seed(0)
    teaching, learning = torch.rand(2, 2, 4), torch.rand(3, 2, 4, requires_grad=True)
    everything = torch.ones(3, 2, dtype=torch.bool)
    assert float(piece_contrast(teaching, learning, everything, torch.tensor([True, True])).detach()) < 1e-3
    first_only = torch.tensor([[True, True], [True, False], [False, False]])
    loss = piece_contrast(teaching, learning, first_only, torch.tensor([True, False]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert learning.grad is not None and learning.grad[:, 0].any() and not learning.grad[:, 1].any()
    assert float(piece_contrast(teaching, learning.detach(), first_only, torch.tensor([False, False]))) == 0


def test_the_gradients_are_the_slopes_and_none_reaches_the_teacher() -> None:
    torch.manual_seed(0)
    tokens = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 0], [1, IGNORE]], [[2, 1], [1, 1]]])
    assert torch.autograd.gradcheck(lambda x: patch_contrast(x, labels), (tokens,))
    teaching = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    learning = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    positive = torch.tensor([[1, 1], [1, 0], [0, 0], [0, 1]], dtype=torch.bool)
    both = torch.tensor([True, True])
    assert torch.autograd.gradcheck(lambda x: piece_contrast(teaching.detach(), x, positive, both), (learning,))
    (gradient,) = torch.autograd.grad(piece_contrast(teaching, learning, positive, both), teaching, allow_unused=True)
    assert gradient is None
