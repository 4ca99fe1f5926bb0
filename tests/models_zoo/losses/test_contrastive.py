"""The contrastive loss of two views, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from models_zoo.losses.contrastive import nt_xent


def test_two_things_at_right_angles_by_hand() -> None:
    views = torch.eye(2)
    # Each vector sees its partner at cosine 1 and two others at cosine 0.
    expected = -math.log(math.e**2 / (math.e**2 + 2))
    assert float(nt_xent(views, 3 * views, temperature=0.5)) == pytest.approx(expected, abs=1e-6)


def test_vectors_all_alike_cannot_be_told_apart() -> None:
    views = torch.ones(3, 4)
    assert float(nt_xent(views, views, temperature=0.1)) == pytest.approx(math.log(5), abs=1e-6)


def test_mixed_up_partners_cost_more() -> None:
    views = torch.eye(4)
    assert nt_xent(views, views.roll(1, 0), temperature=0.5) > nt_xent(views, views, temperature=0.5)


def test_gradient_is_right() -> None:
    torch.manual_seed(0)
    views = [torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, temperature=0.5), views)


def test_a_single_thing_has_nothing_to_be_told_from() -> None:
    one = torch.ones(1, 4, requires_grad=True)
    loss = nt_xent(one, one, temperature=0.5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss) == 0


def test_views_that_do_not_pair_up_and_bad_temperatures_are_refused() -> None:
    with pytest.raises(ValueError, match="as many second views"):
        nt_xent(torch.ones(2, 4), torch.ones(3, 4), temperature=0.5)
    with pytest.raises(ValueError, match="above 0"):
        nt_xent(torch.ones(2, 4), torch.ones(2, 4), temperature=0.0)
