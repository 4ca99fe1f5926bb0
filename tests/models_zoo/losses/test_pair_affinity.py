"""Pairs by hand, walls, missing kinds of pair, gradients; the same affinities as the refiner's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models_zoo.losses.pair_affinity import border_pairs, feature_pairs, pair_affinity, parted
from models_zoo.marks import IGNORE
from models_zoo.refiners.affinity_walk import border_affinities, feature_affinities, half_plane

RIGHT = [(0, 1)]


def test_three_kinds_of_pair_by_hand() -> None:
    affinity = torch.tensor([[[0.5, 0.2, 0.8, 0.3]]])
    labels = torch.tensor([[[0, 0, 2, 2, IGNORE]]])
    # Ground 0.5, ground against thing 0.2, thing 0.8; the last pair is not known.
    expected = -math.log(0.5) / 4 - math.log(0.8) / 4 - math.log(1 - 0.2) / 2
    assert float(pair_affinity([affinity], labels, RIGHT, background=0)) == pytest.approx(expected, abs=1e-4)
    things = -(math.log(0.5) + math.log(0.8)) / 2 / 4 - math.log(1 - 0.2) / 2
    assert float(pair_affinity([affinity], labels, RIGHT, background=None)) == pytest.approx(things, abs=1e-4)


def test_a_missing_kind_of_pair_and_extreme_affinities_stay_finite() -> None:
    labels = torch.zeros(1, 1, 3, dtype=torch.long)
    for value in (0.0, 1.0):
        affinity = torch.full((1, 1, 2), value, requires_grad=True)
        loss = pair_affinity([affinity], labels, RIGHT, background=0)
        loss.backward()  # type: ignore[no-untyped-call]
        assert affinity.grad is not None and torch.isfinite(loss.detach()) and torch.isfinite(affinity.grad).all()
    nothing = torch.full((1, 1, 3), IGNORE)
    assert float(pair_affinity([torch.rand(1, 1, 2)], nothing, RIGHT, background=0)) == 0


def test_the_gradient_is_the_slope() -> None:
    offsets = half_plane(2)
    labels = torch.tensor([[[0, 0, 1], [1, IGNORE, 2], [2, 0, 0]]])
    borders = (torch.rand(1, 3, 3, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    features = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    for pairs, given in ((border_pairs, borders), (feature_pairs, features)):
        assert torch.autograd.gradcheck(
            lambda x, pairs=pairs: pair_affinity(pairs(x, offsets), labels, offsets, background=0), (given,)
        )


def test_what_is_learnt_is_what_is_walked_on() -> None:
    offsets = half_plane(5)
    rng = np.random.default_rng(0)
    borders, features = rng.random((7, 9)).astype(np.float32), rng.random((3, 7, 9)).astype(np.float32)
    ours = border_pairs(torch.from_numpy(borders)[None], offsets)
    theirs = border_affinities(borders, offsets)
    assert all(np.allclose(a[0].numpy(), b) for a, b in zip(ours, theirs, strict=True))
    ours = feature_pairs(torch.from_numpy(features)[None], offsets)
    assert all(
        np.allclose(a[0].numpy(), b, atol=1e-6)
        for a, b in zip(ours, feature_affinities(features, offsets), strict=True)
    )


def test_each_pair_comes_once() -> None:
    offsets = half_plane(5)
    near = sum(y * y + x * x < 25 for y in range(-5, 6) for x in range(-5, 6)) - 1
    assert len(set(offsets)) == len(offsets) == near // 2
    assert not {(-dy, -dx) for dy, dx in offsets} & set(offsets)


def test_there_is_an_offset_away_from_here() -> None:
    grid = torch.arange(12).view(3, 4)
    for dy, dx in half_plane(3):
        here, there = parted(grid, (dy, dx))
        assert (there - here == 4 * dy + dx).all()
