"""The mixture of a class each: hand-computed values, EM, what counts and what does not, gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models_zoo.losses.gaussian_mixture import (
    Mixture,
    class_separation,
    fit_mixture,
    labelled_scores,
    mixture_scores,
    mutual_supervision,
)


def _row(*cells: tuple[float, ...]) -> Tensor:
    """Features (1, D, 1, W) of a row of cells."""
    return torch.tensor(cells, dtype=torch.float64).T[None, :, None]


def _labels(num_classes: int, *cells: int | None) -> Tensor:
    """Labels (1, C, 1, W) of a row; None is unlabelled."""
    made = torch.zeros(1, num_classes, 1, len(cells), dtype=torch.float64)
    for at, label in enumerate(cells):
        if label is not None:
            made[0, label, 0, at] = 1
    return made


def _all(width: int) -> Tensor:
    return torch.ones(1, 1, width, dtype=torch.bool)


def _probs(seed: int, *shape: int) -> Tensor:
    return torch.softmax(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), 1)


def test_one_label_on_even_features_is_that_class_everywhere() -> None:
    features, labels = torch.full((1, 3, 1, 4), 0.7, dtype=torch.float64), _labels(2, None, 1, None, None)
    for rounds in (0, 3):
        mixture = fit_mixture(features, labels, _all(4), rounds=rounds)
        scores = mixture_scores(mixture, features)
        torch.testing.assert_close(scores[:, 1], torch.ones(1, 1, 4, dtype=torch.float64))
        assert not scores[:, 0].any()
        assert labelled_scores(scores, labels, mixture.occurs_BC).item() == 0
        # No other class competes: that it claims everything teaches the network nothing.
        assert mutual_supervision(_probs(0, 1, 2, 1, 4), scores, mixture.occurs_BC, _all(4)).item() == 0


def test_two_labelled_cells_by_hand() -> None:
    features, labels = _row((0, 0), (1, 3), (1, 0)), _labels(2, 0, 1, None)
    mixture = fit_mixture(features, labels, _all(3))
    scores = mixture_scores(mixture, features)
    # Mean absolute differences: 0, 2 and 0.5 from the first class, 2, 0 and 1.5 from the second.
    expected = [[1.0, math.exp(-4), math.exp(-0.25)], [math.exp(-4), 1.0, math.exp(-2.25)]]
    torch.testing.assert_close(scores[0, :, 0], torch.tensor(expected, dtype=torch.float64))

    probs = torch.tensor([[[[0.9, 0.2, 0.6]], [[0.1, 0.8, 0.4]]]], dtype=torch.float64)
    taught = [
        -goal * math.log(chance) - (1 - goal) * math.log(1 - chance)
        for goals, chances in zip(expected, probs[0, :, 0].tolist(), strict=True)
        for goal, chance in zip(goals, chances, strict=True)
    ]
    labelled = [0, -math.log(1 - math.exp(-4)), -math.log(1 - math.exp(-4)), 0]
    loss = mutual_supervision(probs, scores, mixture.occurs_BC, _all(3))
    assert float(loss) == pytest.approx(sum(taught) / 6 / 2)
    assert float(labelled_scores(scores, labels, mixture.occurs_BC)) == pytest.approx(sum(labelled) / 4 / 2, abs=1e-5)


def test_shares_of_cells_weigh_the_mean() -> None:
    labels = torch.tensor([[[[1.0, 0.25]]]], dtype=torch.float64)
    assert fit_mixture(_row((0,), (5,)), labels, _all(2)).means_BCD.item() == pytest.approx(1.0)


def test_rounds_of_em_move_means_and_spreads_to_what_nobody_labelled() -> None:
    features = _row((0.0,), (0.6,), (5.0,), (5.2,), (100.0,))
    labels, valid = _labels(2, 0, None, 1, None, None), _all(5)
    valid[..., 4] = False
    mixture = fit_mixture(features, labels, valid, rounds=8, momentum=0.0)
    torch.testing.assert_close(mixture.means_BCD[0, :, 0], torch.tensor([0.3, 5.1], dtype=torch.float64))
    torch.testing.assert_close(mixture.variances_BC[0], torch.tensor([0.09, 0.01], dtype=torch.float64))
    still = fit_mixture(features, labels, valid, rounds=8, momentum=1.0)
    torch.testing.assert_close(still.means_BCD[0, :, 0], torch.tensor([0.0, 5.0], dtype=torch.float64))
    assert (still.variances_BC == 0.5).all()


def test_one_round_by_hand_with_half_kept() -> None:
    # The free cell lies between two labels at 0 and 2, equally far: half of it belongs to each.
    mixture = fit_mixture(_row((0.0,), (1.0,), (2.0,)), _labels(2, 0, None, 1), _all(3), rounds=1, momentum=0.5)
    torch.testing.assert_close(mixture.means_BCD[0, :, 0], torch.tensor([1 / 6, 11 / 6], dtype=torch.float64))
    found = (1 / 36 + 0.5 * 25 / 36) / 1.5
    torch.testing.assert_close(mixture.variances_BC[0], torch.full((2,), 0.25 + found / 2, dtype=torch.float64))


def test_labelled_cells_keep_their_label_whatever_their_features_say() -> None:
    features, labels = _row((0.0,), (0.0,), (5.0,), (0.0,)), _labels(2, 0, 0, 1, 1)
    mixture = fit_mixture(features, labels, _all(4), rounds=4, momentum=0.0)
    torch.testing.assert_close(mixture.means_BCD[0, :, 0], torch.tensor([0.0, 2.5], dtype=torch.float64))


def test_the_order_of_images_does_not_matter() -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(2, 3, 4, 5), torch.zeros(2, 3, 4, 5)
    labels[0, 0, 1, 1] = labels[0, 2, 3, 3] = labels[1, 1, 0, 0] = 1
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    made = mixture_scores(fit_mixture(features, labels, valid, rounds=2), features)
    turned = mixture_scores(fit_mixture(features.flip(0), labels.flip(0), valid, rounds=2), features.flip(0))
    torch.testing.assert_close(made.flip(0), turned)
    assert ((made >= 0) & (made <= 1)).all()


def test_padding_gets_no_gradient_and_what_is_not_labelled_in_an_image_no_loss() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 3, 1, 6, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(1, 3, 1, 6, dtype=torch.float64, requires_grad=True)
    labels, valid = _labels(3, 0, 2, None, None, None, None), _all(6)
    valid[..., 4:] = False
    mixture = fit_mixture(features, labels, valid, rounds=2)
    probs = torch.sigmoid(logits)
    scores = mixture_scores(mixture, features)
    loss = mutual_supervision(probs, scores, mixture.occurs_BC, valid)
    loss = loss + labelled_scores(scores, labels, mixture.occurs_BC)
    by_features, by_logits = torch.autograd.grad(loss, (features, logits))
    assert not by_features[..., 4:].any() and by_features[..., :4].any()
    assert not by_logits[..., 4:].any() and not by_logits[:, 1].any() and by_logits[:, [0, 2], :, :4].all()


def test_without_labels_there_is_no_loss_and_no_nan() -> None:
    features = torch.randn(2, 3, 2, 2, requires_grad=True)
    valid = torch.ones(2, 2, 2, dtype=torch.bool)
    labels = torch.zeros(2, 2, 2, 2)
    labels[1, 0, 0, 0] = 1  # the other image has one, so that both go through
    mixture = fit_mixture(features, labels, valid, rounds=2)
    scores = mixture_scores(mixture, features)
    loss = mutual_supervision(torch.full((2, 2, 2, 2), 0.5), scores, mixture.occurs_BC, valid)
    loss = loss + labelled_scores(scores, labels, mixture.occurs_BC)
    loss.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None and not features.grad.isnan().any() and not features.grad[0].any()
    nothing = fit_mixture(features, torch.zeros_like(labels), valid, rounds=2)
    scores = mixture_scores(nothing, features)
    assert mutual_supervision(scores, scores, nothing.occurs_BC, valid).item() == 0
    assert labelled_scores(scores, torch.zeros_like(labels), nothing.occurs_BC).item() == 0


def test_separation_by_hand() -> None:
    means = torch.tensor([[[0.0, 0.0], [1.0, 3.0]], [[2.0, 0.0], [9.0, 9.0]]])
    occurs = torch.tensor([[True, True], [False, False]])
    assert float(class_separation(means, occurs)) == pytest.approx(math.exp(-4))
    # The mean over both images, not the sum: (1, 0) and (1, 3).
    occurs[1, 0] = True
    assert float(class_separation(means, occurs)) == pytest.approx(math.exp(-(1.5**2)))
    assert float(class_separation(torch.ones(1, 3, 2), torch.ones(1, 3, dtype=torch.bool))) == 1
    assert float(class_separation(means, torch.tensor([[True, False], [True, False]]))) == 0


def test_gradients_match_finite_differences() -> None:
    torch.manual_seed(1)
    features = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(2, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.zeros(2, 2, 2, 3, dtype=torch.float64)
    labels[0, 0, 0, :2] = labels[0, 1, 1, 2] = labels[1, 1, 0, 1] = 1
    valid = torch.rand(2, 2, 3) > 0.2

    def loss(f: Tensor, x: Tensor) -> Tensor:
        mixture = fit_mixture(f, labels, valid)
        scores = mixture_scores(mixture, f)
        taught = mutual_supervision(torch.softmax(x, dim=1), scores, mixture.occurs_BC, valid)
        known = labelled_scores(scores, labels, mixture.occurs_BC)
        return taught + known + class_separation(mixture.means_BCD, mixture.occurs_BC)

    assert torch.autograd.gradcheck(loss, (features, logits))


def test_spreads_widen_the_scores() -> None:
    mixture = Mixture(torch.zeros(1, 1, 1), torch.tensor([[2.0]]), torch.ones(1, 1, dtype=torch.bool))
    assert float(mixture_scores(mixture, torch.tensor([[[[2.0]]]]))) == pytest.approx(math.exp(-1))


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        fit_mixture(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 8, 8), torch.ones(1, 8, 8, dtype=torch.bool))
