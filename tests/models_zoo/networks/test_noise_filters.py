"""Residual filters: flat pictures leave nothing, a lonely pixel does."""

from __future__ import annotations

import pytest
import torch

from models_zoo.networks.noise_filters import BayarFilter, SrmFilter


def test_fixed_filters_leave_nothing_of_a_flat_picture_and_of_a_slope() -> None:
    assert SrmFilter()(torch.full((1, 3, 8, 9), 77.0)).abs().max() < 1e-4
    slope = torch.arange(9.0).expand(1, 3, 8, 9) * 20
    assert SrmFilter()(slope)[..., 2:-2].abs().max() < 1e-4


def test_fixed_filters_by_hand_at_a_lonely_pixel() -> None:
    rgb = torch.zeros(1, 3, 9, 9)
    rgb[0, 0, 4, 4] = 2.0
    middle = SrmFilter()(rgb)[0, :, 4, 4]
    # Weights of the middle are -4/4, -12/12 and -2/2; residuals are told in fifths.
    assert middle.tolist() == pytest.approx([-0.4, -0.4, -0.4])
    assert float(SrmFilter()(rgb * 100)[0, 0, 4, 4]) == -1


def test_learnt_filters_keep_their_constraint_whatever_they_learn() -> None:
    torch.manual_seed(0)
    bayar = BayarFilter()
    with torch.no_grad():
        bayar.others.add_(torch.randn_like(bayar.others), alpha=5)
    kernels = bayar.kernels()
    assert (kernels[:, :, 2, 2] == -1).all()
    assert torch.allclose(kernels.sum(dim=(2, 3)), torch.zeros(3, 3), atol=1e-4)
    assert bayar(torch.full((1, 3, 8, 8), 200.0)).abs().max() < 1e-2
    bayar(torch.rand(1, 3, 8, 8)).square().sum().backward()
    assert bayar.others.grad is not None and bayar.others.grad.any()
