"""Pairwise affinity of BoxInst: published identities, colours, what counts, gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models_zoo.losses.pairwise_affinity import (
    colour_similarity,
    neighbours,
    pairwise_affinity,
    pairwise_classes,
    to_lab,
)


def _flat_similarity(size: int = 7) -> torch.Tensor:
    return colour_similarity(torch.full((1, 3, size, size), 0.4))


def _inside(size: int = 7) -> torch.Tensor:
    return torch.ones(1, size, size, dtype=torch.bool)


def test_even_odds_everywhere_cost_log_two() -> None:
    loss = pairwise_affinity(torch.zeros(1, 7, 7), _flat_similarity(), _inside())
    assert float(loss) == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_a_mask_all_in_or_all_out_costs_nothing_and_stays_finite(logit: float) -> None:
    loss = pairwise_affinity(torch.full((1, 7, 7), logit), _flat_similarity(), _inside())
    assert float(loss) == pytest.approx(0, abs=1e-6)


def test_log_space_equals_the_formula_and_is_finite_where_the_formula_is_not() -> None:
    logits = torch.randn(1, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    similarity = _flat_similarity(5)
    inside = torch.sigmoid(logits)
    there = neighbours(inside)
    same = inside.unsqueeze(1) * there + (1 - inside.unsqueeze(1)) * (1 - there)
    counted = similarity >= 0.3
    expected = -(same.log() * counted).sum() / counted.sum()
    torch.testing.assert_close(pairwise_affinity(logits, similarity, _inside(5)), expected, rtol=1e-6, atol=1e-6)
    torn = torch.full((1, 5, 5), 50.0)
    torn[0, 2, 2] = -50.0
    assert math.isfinite(float(pairwise_affinity(torn, similarity, _inside(5))))


def test_two_pixels_two_apart_by_hand() -> None:
    logits = torch.zeros(1, 1, 3, dtype=torch.float64)
    logits[0, 0, 0], logits[0, 0, 2] = math.log(9), math.log(4)  # 0.9 and 0.8
    same = 0.9 * 0.8 + 0.1 * 0.2
    loss = pairwise_affinity(logits, colour_similarity(torch.zeros(1, 3, 1, 3)), torch.ones(1, 1, 3) > 0)
    assert float(loss) == pytest.approx(-math.log(same))


def test_no_counted_edge_costs_nothing() -> None:
    nowhere = torch.zeros(1, 7, 7, dtype=torch.bool)
    assert float(pairwise_affinity(torch.randn(1, 7, 7), _flat_similarity(), nowhere)) == 0
    assert float(pairwise_affinity(torch.randn(1, 1, 1), _flat_similarity(1), _inside(1))) == 0


def test_an_edge_of_colours_lets_the_mask_change() -> None:
    rgb = torch.zeros(1, 3, 6, 8)
    rgb[..., 4:] = 1
    mask = torch.full((1, 6, 8), -20.0)
    mask[..., 4:] = 20
    inside = torch.ones(1, 6, 8, dtype=torch.bool)
    assert float(pairwise_affinity(mask, colour_similarity(rgb), inside)) == pytest.approx(0, abs=1e-6)
    assert float(pairwise_affinity(mask, colour_similarity(torch.zeros_like(rgb)), inside)) > 1


def test_similarity_is_one_on_a_flat_picture_symmetric_and_nought_beyond_it() -> None:
    flat = _flat_similarity(5)
    torch.testing.assert_close(flat[:, :, 2, 2], torch.ones(1, 8))
    assert (flat[:, 0, :2] == 0).all()
    rgb = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    similar = colour_similarity(rgb, dilation=1)
    torch.testing.assert_close(similar[0, 4, :, :-1], similar[0, 3, :, 1:])  # to the right, to the left
    valid = torch.ones(1, 6, 6, dtype=torch.bool)
    valid[..., 3:] = False
    cut = colour_similarity(rgb, valid, dilation=1)
    assert (cut[0, 4, :, 2] == 0).all() and (cut[..., 3:] == 0).all()


def test_a_higher_threshold_counts_fewer_edges() -> None:
    similar = colour_similarity(torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(2)) * 0.2)
    counts = [int((similar >= threshold).sum()) for threshold in (0.1, 0.3, 0.6, 0.9)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_lab_of_known_colours() -> None:
    rgb = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0.5, 0.5, 0.5]]).T.reshape(1, 3, 1, 4)
    known = np.array([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [53.39, 0, 0]])
    np.testing.assert_allclose(to_lab(rgb)[0, :, 0].T.numpy(), known, atol=0.02)


def test_for_two_classes_the_label_map_form_is_that_of_a_mask() -> None:
    logits = torch.randn(1, 7, 7, generator=torch.Generator().manual_seed(3))
    both = torch.stack([logits, torch.zeros_like(logits)], dim=1)
    torch.testing.assert_close(
        pairwise_classes(both, _flat_similarity(), _inside()), pairwise_affinity(logits, _flat_similarity(), _inside())
    )


def test_uncertain_among_four_classes_costs_log_four() -> None:
    loss = pairwise_classes(torch.zeros(1, 4, 7, 7), _flat_similarity(), _inside())
    assert float(loss) == pytest.approx(math.log(4), rel=1e-6)


def test_gradients_match_finite_differences() -> None:
    torch.manual_seed(0)
    similarity = colour_similarity(torch.rand(1, 3, 4, 4, dtype=torch.float64) * 0.2, dilation=1)
    mask = torch.randn(1, 4, 4, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    inside = torch.rand(1, 4, 4) > 0.2
    assert torch.autograd.gradcheck(lambda x: pairwise_affinity(x, similarity, inside, dilation=1), mask)
    assert torch.autograd.gradcheck(lambda x: pairwise_classes(x, similarity, inside, dilation=1), logits)
