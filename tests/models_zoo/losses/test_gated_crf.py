"""Gated CRF: hand-computed energies, gates, symmetry, gradients."""

from __future__ import annotations

import math

import torch

from models_zoo.losses.gated_crf import gated_crf, half_plane_offsets


def _everywhere(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, dtype=torch.bool)


def test_one_class_everywhere_costs_nothing() -> None:
    probs = torch.zeros(1, 3, 8, 8)
    probs[:, 1] = 1.0
    assert abs(float(gated_crf(probs, torch.rand(1, 3, 8, 8), _everywhere(1, 8, 8)))) < 1e-4


def test_two_pixels_of_one_colour_by_hand() -> None:
    probs = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    rgb = torch.full((1, 3, 1, 2), 0.5)
    loss = gated_crf(probs, rgb, _everywhere(1, 1, 2), sigma_xy=1.0, radii=(1,))
    assert math.isclose(float(loss), 2 * math.exp(-0.5) / 2, rel_tol=1e-6)


def test_uniform_prediction_costs_the_kernel_mass_times_one_minus_one_over_c() -> None:
    rgb = torch.rand(1, 3, 6, 6)
    opposed = torch.zeros(1, 4, 6, 6)  # agreement 0 everywhere: the energy is the kernel mass
    uniform = torch.full((1, 4, 6, 6), 0.25)
    mass = gated_crf(opposed, rgb, _everywhere(1, 6, 6))
    torch.testing.assert_close(gated_crf(uniform, rgb, _everywhere(1, 6, 6)), mass * 0.75)


def test_a_colour_edge_separates() -> None:
    probs = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    edge = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    assert float(gated_crf(probs, edge, _everywhere(1, 1, 2), radii=(1,))) < 1e-6


def test_order_of_classes_does_not_matter() -> None:
    probs = torch.softmax(torch.randn(2, 5, 8, 8), dim=1)
    rgb = torch.rand(2, 3, 8, 8)
    turned = gated_crf(probs[:, [4, 2, 0, 1, 3]], rgb, _everywhere(2, 8, 8))
    torch.testing.assert_close(gated_crf(probs, rgb, _everywhere(2, 8, 8)), turned)


def test_no_valid_pixel_gives_zero_and_no_nan() -> None:
    probs = torch.softmax(torch.randn(1, 2, 4, 4), dim=1).requires_grad_()
    loss = gated_crf(probs, torch.rand(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0
    assert probs.grad is not None and not probs.grad.isnan().any()


def test_padding_neither_sends_nor_receives() -> None:
    probs = torch.softmax(torch.randn(1, 2, 4, 6), dim=1)
    rgb, valid = torch.rand(1, 3, 4, 6), _everywhere(1, 4, 6)
    valid[..., 4:] = False
    cropped = gated_crf(probs[..., :4], rgb[..., :4], _everywhere(1, 4, 4))
    torch.testing.assert_close(gated_crf(probs, rgb, valid), cropped)


def test_offsets_hold_one_of_each_opposite_pair() -> None:
    offsets = half_plane_offsets((1, 3))
    assert len(offsets) == 8
    assert not {(-dy, -dx) for dy, dx in offsets} & set(offsets)


def test_gradient_matches_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    rgb, valid = torch.rand(1, 3, 6, 6, dtype=torch.float64), torch.rand(1, 6, 6) > 0.2
    assert torch.autograd.gradcheck(lambda x: gated_crf(torch.softmax(x, dim=1), rgb, valid, radii=(1, 2)), logits)
