"""The higher threshold of three groups."""

from __future__ import annotations

import pytest
import torch

from models_zoo.seeds.multi_otsu import top_threshold


def test_three_heaps_are_parted_in_the_middle_of_the_upper_gap() -> None:
    values = torch.cat([torch.full((50,), 0.0), torch.full((30,), 2.0), torch.full((20,), 6.0)])
    assert float(top_threshold(values)) == pytest.approx(4.0, abs=0.1)
    assert float(top_threshold(10 + 3 * values)) == pytest.approx(22.0, abs=0.3)


def test_it_is_the_best_pair_of_edges() -> None:
    values = torch.rand(400, generator=torch.Generator().manual_seed(0)).square()

    def spread(edges: tuple[float, float]) -> float:
        groups = [values < edges[0], (values >= edges[0]) & (values < edges[1]), values >= edges[1]]
        return sum(float((values[g] - values[g].mean()).square().sum()) for g in groups if g.any())

    low, high = float(values.min()), float(values.max())
    steps = [low + (high - low) * at / 64 for at in range(1, 64)]
    best = min(((a, b) for a in steps for b in steps if a < b), key=spread)
    assert float(top_threshold(values)) == pytest.approx(best[1], abs=2 / 64)


def test_flat_values_give_their_value() -> None:
    assert float(top_threshold(torch.full((3, 3), 1.5))) == 1.5
