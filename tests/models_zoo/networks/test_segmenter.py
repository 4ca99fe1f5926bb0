"""The segmenter's shape and gradient flow."""

from __future__ import annotations

import torch

from models_zoo.networks.encoders import build_encoder
from models_zoo.networks.segmenter import Segmenter


def test_logits_at_a_quarter_of_the_input() -> None:
    net = Segmenter(build_encoder("efficientnet_lite0"), 5).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 3, 64, 96)).shape == (2, 5, 16, 24)


def test_an_image_is_judged_without_its_neighbours_in_the_batch() -> None:
    torch.manual_seed(0)
    net = Segmenter(build_encoder("efficientnet_lite0"), 3)
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(net(images)[1:2], net(images[1:2]), atol=1e-4, rtol=1e-3)


def test_every_part_learns() -> None:
    net = Segmenter(build_encoder("resnet18"), 3)
    net(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
