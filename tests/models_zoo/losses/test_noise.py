"""Small-loss selection, co-teaching, nested dropout, confidence weighting: identities, ignore, gradients, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from models_zoo.losses.confidence import confidence_weighted, sureness
from models_zoo.losses.nested_dropout import (
    NestedDropout,
    best_prefix,
    prefix_logits,
    prefix_mask,
    prefix_probabilities,
)
from models_zoo.losses.small_loss import exchange, forget_rate, mean_of, small_loss
from models_zoo.marks import IGNORE, UNLABELLED


def test_the_share_with_the_smallest_loss_is_chosen() -> None:
    losses = torch.tensor([5.0, 1.0, 3.0, 1.0, 4.0])
    assert small_loss(losses, 0.4).tolist() == [False, True, True, True, False]
    assert small_loss(losses, 0.8).tolist() == [False, True, False, False, False]  # the earlier of two alike
    assert small_loss(losses, 0.0).all()
    assert small_loss(losses, 0.99).sum() == 1


def test_unlabelled_and_broken_losses_are_never_chosen() -> None:
    losses = torch.tensor([1.0, math.nan, math.inf, 9.0])
    assert small_loss(losses, 0.0).tolist() == [True, False, False, True]
    assert small_loss(losses, 0.0, torch.tensor([False, True, True, True])).tolist() == [False, False, False, True]
    assert not small_loss(losses, 0.5, torch.zeros(4, dtype=torch.bool)).any()
    assert not small_loss(torch.zeros(0), 0.5).any()


def test_the_forget_rate_rises_to_its_end() -> None:
    assert [forget_rate(p, 0.2, ramp=0.5) for p in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0, 0.1, 0.2, 0.2])
    assert forget_rate(0.0, 0.2) == 0.2
    for bad in ({"final": 1.0}, {"final": -0.1}, {"final": 0.2, "ramp": 2.0}):
        with pytest.raises(ValueError, match="forget rate"):
            forget_rate(0.5, **bad)


def test_each_network_learns_from_what_the_other_chose() -> None:
    first, second = torch.tensor([1.0, 9.0, 1.0, 9.0]), torch.tensor([9.0, 1.0, 9.0, 1.0])
    for_first, for_second = exchange(first, second, 0.5)
    assert for_second.tolist() == [True, False, False, False]  # network 1 ranked the first half
    assert for_first.tolist() == [False, False, False, True]
    for_first, for_second = exchange(first, second, 0.5, halves=False)
    assert for_first.tolist() == [False, True, False, True]
    assert for_second.tolist() == [True, False, True, False]


def test_gradients_of_one_network_come_only_from_the_others_choice() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
    nets = [torch.nn.Linear(4, 2) for _ in range(2)]
    losses = [F.cross_entropy(net(x), y, reduction="none") for net in nets]
    for_first, _ = exchange(losses[0].detach(), losses[1].detach(), 0.5, halves=False)
    mean_of(losses[0], for_first).backward()  # type: ignore[no-untyped-call]
    alone = torch.autograd.grad(F.cross_entropy(nets[0](x[for_first]), y[for_first]), nets[0].weight)[0]
    assert nets[0].weight.grad is not None and nets[1].weight.grad is None
    torch.testing.assert_close(nets[0].weight.grad, alone)


def test_forgetting_nothing_is_training_apart() -> None:
    first, second = torch.rand(6), torch.rand(6)
    for_first, for_second = exchange(first, second, 0.0, halves=False)
    assert for_first.all() and for_second.all()


def test_the_chosen_are_labelled_better_than_all() -> None:
    torch.manual_seed(0)
    wrong = torch.rand(400) < 0.4
    losses = torch.where(wrong, torch.randn(400) + 3, torch.randn(400) + 1)
    chosen = small_loss(losses, 0.4)
    assert float((~wrong[chosen]).float().mean()) > float((~wrong).float().mean()) + 0.1


def test_the_mean_of_nothing_is_nothing_and_what_is_left_out_sends_no_nan() -> None:
    losses = torch.tensor([2.0, 4.0, math.nan], requires_grad=True)
    kept = mean_of(losses, torch.tensor([True, True, False]))
    kept.backward()  # type: ignore[no-untyped-call]
    assert float(kept.detach()) == 3
    assert losses.grad is not None and losses.grad.tolist() == [0.5, 0.5, 0.0]
    assert float(mean_of(losses.detach(), torch.zeros(3, dtype=torch.bool))) == 0


def test_selection_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="flatten"):
        small_loss(torch.zeros(2, 2), 0.1)
    with pytest.raises(ValueError, match="forget rate"):
        small_loss(torch.zeros(2), 1.0)
    with pytest.raises(ValueError, match="same items"):
        exchange(torch.zeros(2), torch.zeros(3), 0.1)


def test_prefixes_are_drawn_as_the_gaussian_says() -> None:
    chances = prefix_probabilities(5, sigma=2.0)
    expected = torch.tensor([math.exp(-((k / 2) ** 2)) for k in range(1, 6)], dtype=torch.float64)
    torch.testing.assert_close(chances, expected / expected.sum())
    torch.manual_seed(0)
    layer = NestedDropout(5, sigma=2.0)
    drawn = torch.tensor([layer.sample() for _ in range(2000)])
    assert int(drawn.min()) >= 1 and int(drawn.max()) <= 5
    shares = torch.bincount(drawn, minlength=6)[1:] / 2000
    assert float((shares - chances).abs().max()) < 0.03


def test_a_mask_is_a_prefix_of_ones_and_the_same_for_the_whole_batch() -> None:
    assert prefix_mask(5, 2, like=torch.zeros(3, 5)).tolist() == [[1, 1, 0, 0, 0]]
    torch.manual_seed(0)
    made = NestedDropout(6, sigma=3.0)(torch.ones(4, 6, 2, 2))
    assert (made == made[:1]).all()
    row = made[0, :, 0, 0]
    assert row[0] == 1 and (row.diff() <= 0).all()


def test_all_channels_in_evaluation_change_nothing_and_fewer_can_be_kept() -> None:
    layer = NestedDropout(4, sigma=1.0).eval()
    features = torch.randn(3, 4)
    assert torch.equal(layer(features), features)
    layer.keep(2)
    assert torch.equal(layer(features), features * torch.tensor([1.0, 1, 0, 0]))
    for bad in (0, 5):
        with pytest.raises(ValueError, match="1 to 4"):
            layer.keep(bad)


def test_all_prefixes_in_one_pass_equal_one_pass_each() -> None:
    features, weight = torch.randn(5, 7, dtype=torch.float64), torch.randn(3, 7, dtype=torch.float64)
    made = prefix_logits(features, weight)
    for k in range(1, 8):
        torch.testing.assert_close(made[k - 1], features[:, :k] @ weight[:, :k].T)


def test_the_best_prefix_is_the_shortest_of_the_best() -> None:
    # Channel 1 tells the classes apart; channel 2 adds nothing; channel 3 spoils it.
    features = torch.tensor([[1.0, 0, -9], [1, 0, -9], [-1, 0, 9]])
    weight = torch.tensor([[1.0, 1, 1], [-1, -1, -1]])
    assert best_prefix(features, weight, torch.tensor([0, 0, 1])) == 1
    useful = features * torch.tensor([0.0, 1, 0]) + torch.tensor([[0.0, 1, 0], [0, 1, 0], [0, -1, 0]])
    assert best_prefix(useful, weight, torch.tensor([0, 0, 1])) == 2
    with pytest.raises(ValueError, match="clean label"):
        best_prefix(features[:0], weight, torch.zeros(0))


def test_nested_dropout_has_the_gradient_of_its_prefix() -> None:
    layer = NestedDropout(3, sigma=1.0).eval()
    layer.keep(2)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda value: layer(value).square().sum(), x)
    for shape in ((2, 4), (3,)):
        with pytest.raises(ValueError, match="3 channels"):
            layer(torch.zeros(*shape))
    with pytest.raises(ValueError, match="sigma above 0"):
        NestedDropout(3, sigma=0.0)


def _cells(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 2, 2, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, 3, (2, 2, 2), generator=generator)


def test_full_confidence_is_plain_cross_entropy_and_none_is_nothing() -> None:
    logits, labels = _cells()
    ones = torch.ones(2, 2, 2, dtype=torch.float64)
    torch.testing.assert_close(confidence_weighted(logits, labels, ones), F.cross_entropy(logits, labels))
    torch.testing.assert_close(
        confidence_weighted(logits, labels, ones * 0.3, gamma=0.0), F.cross_entropy(logits, labels)
    )
    assert float(confidence_weighted(logits, labels, ones * 0)) == 0


def test_two_cells_by_hand_and_doubt_is_not_handed_on() -> None:
    logits = torch.zeros(1, 2, 1, 2, dtype=torch.float64)
    confidence = torch.tensor([[[1.0, 0.5]]], dtype=torch.float64)
    made = confidence_weighted(logits, torch.tensor([[[0, 1]]]), confidence, gamma=2.0)
    assert float(made) == pytest.approx(math.log(2) * (1 + 0.25) / 2)


def test_cells_without_a_label_do_not_count() -> None:
    logits, labels = _cells()
    labels[0, 0, 0], labels[1, 1, 1] = IGNORE, UNLABELLED
    counted = (labels != IGNORE) & (labels != UNLABELLED)
    energy = F.cross_entropy(logits, labels.where(counted, torch.tensor(0)), reduction="none")
    ones = torch.ones(2, 2, 2)
    torch.testing.assert_close(confidence_weighted(logits, labels, ones), energy[counted].mean())
    nothing = confidence_weighted(logits.requires_grad_(), torch.full_like(labels, IGNORE), ones)
    nothing.backward()  # type: ignore[no-untyped-call]
    assert float(nothing.detach()) == 0 and logits.grad is not None and not logits.grad.isnan().any()


def test_confidence_weighting_has_the_right_gradient() -> None:
    logits, labels = _cells()
    confidence = torch.rand(2, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: confidence_weighted(x, labels, confidence), logits.requires_grad_())


def test_confidence_weighting_refuses_what_does_not_fit() -> None:
    logits, labels = _cells()
    with pytest.raises(ValueError, match="one confidence"):
        confidence_weighted(logits, labels, torch.ones(2, 2))
    with pytest.raises(ValueError, match="gamma"):
        confidence_weighted(logits, labels, torch.ones(2, 2, 2), gamma=-1.0)


def test_sureness_runs_from_an_even_guess_to_certainty() -> None:
    probs = torch.tensor([[1 / 3, 1.0, 2 / 3], [1 / 3, 0.0, 1 / 3], [1 / 3, 0.0, 0.0]]).view(1, 3, 1, 3)
    torch.testing.assert_close(sureness(probs), torch.tensor([[[0.0, 1.0, 0.5]]]))
    assert (sureness(torch.ones(1, 1, 2, 2)) == 1).all()
