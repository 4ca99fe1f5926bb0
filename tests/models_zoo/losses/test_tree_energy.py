"""Tree energy: flat pictures, walls, hand-computed values, gradients by probabilities and by features."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models_zoo.losses.tree_energy import tree_energy, tree_filter


def _probs(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.softmax(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=1)


def _all(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.bool)


def test_a_flat_picture_averages_over_all_of_it() -> None:
    probs = _probs(0, 2, 3, 4, 5)
    made = tree_filter(probs, torch.zeros(2, 3, 4, 5))
    torch.testing.assert_close(made, probs.mean(dim=(2, 3), keepdim=True).expand_as(probs))


def test_two_pixels_by_hand() -> None:
    probs = torch.tensor([[[[0.9, 0.3]], [[0.1, 0.7]]]], dtype=torch.float64)
    guide = torch.tensor([[[[0.0, 1.0]]]], dtype=torch.float64)
    share = math.exp(-1)
    left = (0.9 + share * 0.3) / (1 + share)
    made = tree_filter(probs, guide)
    assert float(made[0, 0, 0, 0]) == pytest.approx(left)
    assert float(made[0, 1, 0, 0]) == pytest.approx(1 - left)


def test_the_loss_of_two_pixels_by_hand() -> None:
    probs = torch.tensor([[[[0.9, 0.3]], [[0.1, 0.7]]]], dtype=torch.float64)
    flat = torch.full((1, 3, 1, 2), 0.5, dtype=torch.float64)
    # Both are pulled to (0.6, 0.4): |0.3| for each of two classes, at each pixel.
    assert float(tree_energy(probs, flat, _all(1, 1, 2))) == pytest.approx(0.6)
    one = torch.tensor([[[True, False]]])
    assert float(tree_energy(probs, flat, one)) == pytest.approx(0.6)


def test_a_wall_of_colour_separates_two_halves() -> None:
    probs = _probs(1, 1, 2, 4, 6)
    rgb = torch.zeros(1, 3, 4, 6, dtype=torch.float64)
    rgb[..., 3:] = 1
    halves = torch.cat(
        [part.mean(dim=(2, 3), keepdim=True).expand_as(part) for part in (probs[..., :3], probs[..., 3:])], dim=3
    )
    expected = (probs - halves).abs().sum(dim=1).mean()
    torch.testing.assert_close(tree_energy(probs, rgb, _all(1, 4, 6)), expected)


def test_the_second_tree_follows_the_features() -> None:
    probs = _probs(2, 1, 2, 3, 4)
    flat = torch.zeros(1, 3, 3, 4, dtype=torch.float64)
    apart = torch.zeros(1, 2, 3, 4, dtype=torch.float64)
    apart[..., 2:] = 30
    # The colours' tree makes everything even; the features then have nothing left to separate.
    torch.testing.assert_close(tree_energy(probs, flat, _all(1, 3, 4), apart), tree_energy(probs, flat, _all(1, 3, 4)))
    made = tree_filter(probs, apart)
    torch.testing.assert_close(made[..., :2], probs[..., :2].mean(dim=(2, 3), keepdim=True).expand(1, 2, 3, 2))


def test_sums_over_classes_stay_one() -> None:
    made = tree_filter(_probs(3, 1, 4, 5, 5), torch.randn(1, 3, 5, 5, dtype=torch.float64))
    torch.testing.assert_close(made.sum(dim=1), torch.ones(1, 5, 5, dtype=torch.float64))


def test_the_order_of_classes_does_not_matter_and_one_class_costs_nothing() -> None:
    probs, rgb = _probs(4, 1, 4, 5, 5), torch.rand(1, 3, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(
        tree_energy(probs[:, [2, 0, 3, 1]], rgb, _all(1, 5, 5)), tree_energy(probs, rgb, _all(1, 5, 5))
    )
    assert float(tree_energy(torch.ones_like(probs[:, :1]), rgb, _all(1, 5, 5))) == pytest.approx(0, abs=1e-12)


def test_nothing_unlabelled_costs_nothing_and_gives_no_nan() -> None:
    probs = _probs(5, 1, 2, 4, 4).requires_grad_()
    loss = tree_energy(probs, torch.rand(1, 3, 4, 4, dtype=torch.float64), torch.zeros(1, 4, 4, dtype=torch.bool))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert probs.grad is not None and not probs.grad.isnan().any()


def test_padding_does_not_reach_into_the_picture() -> None:
    probs, rgb = _probs(6, 1, 2, 4, 7), torch.rand(1, 3, 4, 7, dtype=torch.float64)
    valid = _all(1, 4, 7)
    valid[..., 4:] = False
    padded = tree_energy(probs, rgb, valid, valid_BHW=valid)
    torch.testing.assert_close(padded, tree_energy(probs[..., :4], rgb[..., :4], _all(1, 4, 4)))


@pytest.mark.parametrize("hold_target", [False, True])
def test_gradients_match_finite_differences(hold_target: bool) -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    rgb, open_cells = torch.rand(1, 3, 3, 4, dtype=torch.float64), torch.rand(1, 3, 4) > 0.2
    features = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=not hold_target)

    held = torch.softmax(logits.detach().clone(), dim=1)

    def loss(x: Tensor, f: Tensor) -> Tensor:
        if hold_target:  # the target as a constant: what the loss is by P alone
            guide = (rgb - rgb.new_tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)) / rgb.new_tensor(
                (0.229, 0.224, 0.225)
            ).view(1, 3, 1, 1)
            target = tree_filter(tree_filter(held, guide / 2**0.5), f)
            distance = (torch.softmax(x, dim=1) - target).abs().sum(dim=1)
            return (distance * open_cells).sum() / open_cells.sum()
        return tree_energy(torch.softmax(x, dim=1), rgb, open_cells, f, sigma=2.0)

    assert torch.autograd.gradcheck(loss, (logits, features))
    if hold_target:
        ours = tree_energy(torch.softmax(logits, dim=1), rgb, open_cells, features, sigma=2.0, hold_target=True)
        torch.testing.assert_close(
            torch.autograd.grad(ours, logits)[0], torch.autograd.grad(loss(logits, features), logits)[0]
        )


def test_half_precision_is_computed_in_single() -> None:
    probs = _probs(7, 1, 2, 4, 4, dtype=torch.float32)
    rgb = torch.rand(1, 3, 4, 4)
    made = tree_energy(probs.bfloat16(), rgb, _all(1, 4, 4))
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, tree_energy(probs.bfloat16().float(), rgb, _all(1, 4, 4)))


def test_sizes_that_differ_and_features_that_diverged_are_refused() -> None:
    probs = _probs(8, 1, 2, 4, 4)
    with pytest.raises(ValueError, match="one size"):
        tree_energy(probs, torch.rand(1, 3, 8, 8), _all(1, 4, 4))
    with pytest.raises(ValueError, match="diverged"):
        tree_energy(probs, torch.rand(1, 3, 4, 4), _all(1, 4, 4), torch.full((1, 2, 4, 4), torch.nan))
