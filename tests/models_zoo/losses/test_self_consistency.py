"""Otsu's pooling and what streams and places have to agree on: numbers by hand, identities, gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models_zoo.losses.otsu_pooling import otsu_pool
from models_zoo.losses.self_consistency import agreed_map, different_kinds, map_agreement, pair_agreement, ramp

PRESENT, ABSENT = torch.tensor([[True]]), torch.tensor([[False]])
ALL = torch.ones(1, 2, 2, dtype=torch.bool)


def test_a_constant_map_pools_to_its_constant() -> None:
    assert float(otsu_pool(torch.full((40,), 0.3))) == pytest.approx(0.3)
    assert float(otsu_pool(torch.tensor([0.7]))) == pytest.approx(0.7)


def test_a_tenth_that_stands_out_is_what_is_pooled() -> None:
    values = torch.full((2, 100), 0.1)
    values[0, 40:50], values[1, :10] = 0.8, 0.6
    assert otsu_pool(values).tolist() == pytest.approx([0.8, 0.6])


def test_never_more_than_half_of_the_values_count() -> None:
    values = torch.tensor([0.0, 0.8, 0.9, 1.0, 1.0, 1.0])
    assert float(otsu_pool(values)) == pytest.approx(1.0)  # the split is after the first, but only two may count


def test_the_split_is_the_best_of_all() -> None:
    torch.manual_seed(0)
    values = torch.rand(31, dtype=torch.float64).pow(6)
    ordered = values.sort().values
    spreads = [ordered[:k].var(correction=0) * k + ordered[k:].var(correction=0) * (31 - k) for k in range(1, 31)]
    first = min(max(int(torch.stack(spreads).argmin()) + 1, 16), 30)
    assert float(otsu_pool(values)) == pytest.approx(float(ordered[first:].mean()))


def test_only_pooled_places_get_a_gradient_and_it_is_right() -> None:
    values = torch.tensor([0.1, 0.9, 0.2, 0.15, 0.7], dtype=torch.float64, requires_grad=True)
    otsu_pool(values).backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None and values.grad.tolist() == pytest.approx([0, 0.5, 0, 0, 0.5])
    assert torch.autograd.gradcheck(otsu_pool, (torch.rand(2, 9, dtype=torch.float64, requires_grad=True),))


def test_no_place_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one place"):
        otsu_pool(torch.zeros(2, 0))


def test_the_ramp_starts_low_and_ends_at_one() -> None:
    assert ramp(0.0) == pytest.approx(math.exp(-5)) and ramp(1.0) == 1


def test_an_absent_class_is_nowhere_and_all_places_are_alike() -> None:
    agreed = agreed_map(torch.full((1, 1, 2, 2), 0.9), ABSENT, ALL)
    assert not agreed.any() and not different_kinds(agreed).any()


def test_a_present_class_that_nothing_shows_is_at_its_highest_places() -> None:
    means = torch.tensor([[0.1, 0.3], [0.3, 0.2]])[None, None]
    assert agreed_map(means, PRESENT, ALL).flatten().tolist() == [False, True, True, False]
    outside = torch.tensor([[True, False], [False, True]])[None]
    assert agreed_map(means, PRESENT, outside).flatten().tolist() == [False, False, False, True]
    assert agreed_map(means + 0.35, PRESENT, ALL).flatten().tolist() == [False, True, True, True]


def test_pairs_differ_where_a_class_does() -> None:
    agreed = torch.tensor([[[True, False, False]], [[False, False, True]]])[None]
    pairs = different_kinds(agreed)[0]
    assert torch.equal(pairs, pairs.T) and pairs.diagonal().tolist() == [0, 0, 0]
    assert pairs[0].tolist() == [0, 1, 1] and float(pairs[1, 2]) == 1
    one = torch.rand(1, 1, 3, 4) > 0.5
    t = one.flatten(2)[0, 0].float()
    assert torch.equal(different_kinds(one)[0], 1 - (torch.outer(t, t) + torch.outer(1 - t, 1 - t)))


def test_map_agreement_by_hand() -> None:
    maps = torch.tensor([[0.5, 1.0], [0.0, 0.2]])[None, None].repeat(1, 2, 1, 1)
    agreed = torch.tensor([[True, True], [False, False]])[None, None].repeat(1, 2, 1, 1)
    valid = torch.tensor([[True, True], [True, False]])[None]
    known = torch.tensor([[True, False]])
    assert float(map_agreement(maps, agreed, known, valid)) == pytest.approx(0.25 / 3)
    assert float(map_agreement(maps, agreed, ABSENT, ALL)) == 0


def test_pair_agreement_by_hand() -> None:
    agreed = torch.tensor([True, False]).view(1, 1, 1, 2)
    logits = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])[None]
    valid, known = torch.ones(1, 1, 2, dtype=torch.bool), torch.tensor([True])
    # The two pairs of one place with itself: log 2; the other two are believed to differ with 3/4: log(4/3).
    expected = (2 * math.log(2) + 2 * math.log(4 / 3)) / 4
    assert float(pair_agreement(logits, agreed, known, valid)) == pytest.approx(expected)
    half = torch.tensor([[True, False]])[:, None]
    assert float(pair_agreement(logits, agreed, known, half)) == pytest.approx(math.log(2))
    assert float(pair_agreement(logits, agreed, ~known, valid)) == 0
    with pytest.raises(ValueError, match="one grid"):
        pair_agreement(logits[:, :1], agreed, known, valid)


def test_gradients_are_right() -> None:
    torch.manual_seed(0)
    agreed, known, valid = torch.rand(2, 1, 2, 2) > 0.5, torch.ones(2, dtype=torch.bool), torch.rand(2, 2, 2) > 0.2
    maps = torch.rand(2, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: map_agreement(x, agreed, known[:, None], valid), (maps,))
    pairs = torch.randn(2, 4, 4, dtype=torch.float64, requires_grad=True)

    def energy(x: Tensor) -> Tensor:
        return pair_agreement(x, agreed, known, valid)

    assert torch.autograd.gradcheck(energy, (pairs,))
