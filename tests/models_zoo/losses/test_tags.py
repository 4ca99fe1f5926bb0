"""Tag margin, tag contest and halved cross entropy: numbers by hand, gradients, unknown tags and ignored cells."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models_zoo.losses.halves import halved_cross_entropy
from models_zoo.losses.tags import tag_contest, tag_cross_entropy, tag_margin
from models_zoo.marks import IGNORE


def _bools(*rows: list[int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.bool)


def test_tags_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)]])
    # -log s(0) = log 2; -log s(-log 3) = log 4; the mean of both.
    assert float(tag_margin(logits, _bools([1, 0]), _bools([0, 1]))) == pytest.approx(1.5 * math.log(2))


def test_smoothed_tags_by_hand() -> None:
    logits = torch.tensor([[math.log(3.0)]])
    # The goal is 0.9: 0.9 log(4/3) + 0.1 log 4.
    expected = 0.9 * math.log(4 / 3) + 0.1 * math.log(4)
    assert float(tag_margin(logits, _bools([1]), _bools([0]), smoothing=0.2)) == pytest.approx(expected)


def test_unknown_tags_teach_nothing() -> None:
    logits = torch.tensor([[5.0, 1.0]], requires_grad=True)
    loss = tag_margin(logits, _bools([0, 1]), _bools([0, 0]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and float(logits.grad[0, 0]) == 0 and float(logits.grad[0, 1]) < 0
    assert float(tag_margin(logits.detach(), _bools([0, 0]), _bools([0, 0]))) == 0


def test_a_smoothing_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match="smoothing"):
        tag_margin(torch.zeros(1, 1), _bools([1]), _bools([0]), smoothing=1.0)


def test_the_gradient_of_the_tag_margin_is_its_slope() -> None:
    logits = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    present, absent = _bools([1, 0, 0], [0, 1, 0]), _bools([0, 1, 0], [0, 0, 1])
    assert torch.autograd.gradcheck(lambda x: tag_margin(x, present, absent, smoothing=0.1), (logits,))


def test_the_contest_by_hand() -> None:
    logits = torch.tensor([[math.log(2.0), math.log(3.0), math.log(4.0)]])
    # Classes 0 and 1 are there, 2 is not: -log(2 / (1 + 2 + 4)) - log(3 / (1 + 3 + 4)).
    expected = math.log(7 / 2) + math.log(8 / 3)
    assert float(tag_contest(logits, _bools([1, 1, 0]), _bools([0, 0, 1]))) == pytest.approx(expected)
    # None is there: -log(1 / (1 + 3 + 4)); class 0 is unknown.
    assert float(tag_contest(logits, _bools([0, 0, 0]), _bools([0, 1, 1]))) == pytest.approx(math.log(8))
    both = tag_contest(logits.repeat(2, 1), _bools([1, 1, 0], [0, 0, 0]), _bools([0, 0, 1], [0, 1, 1]))
    assert float(both) == pytest.approx((expected + math.log(8)) / 2)


def test_one_class_alone_has_the_logistic_loss() -> None:
    logits, is_there = torch.randn(4, 1), _bools([1], [0], [1], [0])
    for smoothing in (0.0, 0.1):
        alone = tag_margin(logits, is_there, ~is_there, smoothing=smoothing)
        assert float(tag_contest(logits, is_there, ~is_there, smoothing=smoothing)) == pytest.approx(float(alone))


def test_a_smoothed_contest_by_hand() -> None:
    logits = torch.tensor([[math.log(2.0), math.log(3.0)]])
    # 2 against 1 + 3: the first should win by 0.9, or lose by 0.9.
    there = tag_contest(logits, _bools([1, 0]), _bools([0, 1]), smoothing=0.2)
    assert float(there) == pytest.approx(0.9 * math.log(3) + 0.1 * math.log(3 / 2))
    nothing = tag_contest(logits, _bools([0, 0]), _bools([1, 1]), smoothing=0.2)
    assert float(nothing) == pytest.approx(0.9 * math.log(6) + 0.1 * math.log(6 / 5))


def test_unknown_tags_take_no_part_in_the_contest() -> None:
    logits = torch.tensor([[9.0, 1.0], [7.0, 7.0]], requires_grad=True)
    loss = tag_contest(logits, _bools([0, 1], [0, 0]), _bools([0, 0], [0, 0]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == pytest.approx(math.log(1 + math.exp(-1)))
    assert logits.grad is not None and float(logits.grad[0, 1]) < 0
    assert not logits.grad[0, 0] and not logits.grad[1].any()


def test_the_gradient_of_the_contest_is_its_slope() -> None:
    logits = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    present, absent = _bools([1, 1, 0], [0, 0, 0], [0, 0, 0]), _bools([0, 0, 1], [0, 1, 1], [0, 0, 0])
    assert torch.autograd.gradcheck(lambda x: tag_contest(x, present, absent, smoothing=0.1), (logits,))


def test_halves_by_hand() -> None:
    # Three cells of background at log 2 each, one thing at log 4: half of each mean.
    logits = torch.zeros(1, 2, 1, 5)
    logits[0, 0, 0, 3] = math.log(3.0)
    labels = torch.tensor([[[0, 0, 0, 1, IGNORE]]])
    expected = 0.5 * math.log(2) + 0.5 * math.log(4)
    assert float(halved_cross_entropy(logits, labels, background=0)) == pytest.approx(expected)
    together = (3 * math.log(2) + math.log(4)) / 4 / 2
    assert float(halved_cross_entropy(logits, labels, background=None)) == pytest.approx(together)


def test_a_half_without_cells_is_nothing() -> None:
    labels = torch.full((1, 2, 2), IGNORE)
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = halved_cross_entropy(logits, labels, background=0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0 and logits.grad is not None and not logits.grad.any()


def test_labels_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="one label a cell"):
        halved_cross_entropy(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2, dtype=torch.long), background=None)


def test_the_gradient_of_the_halves_is_their_slope() -> None:
    logits = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 1], [2, IGNORE]]])
    assert torch.autograd.gradcheck(lambda x: halved_cross_entropy(x, labels, background=0), (logits,))


def test_tags_of_probabilities_by_hand_and_their_gradient() -> None:
    probs = torch.tensor([[0.25, 0.25, 0.9]], dtype=torch.float64, requires_grad=True)
    present, absent = _bools([1, 0, 0]), _bools([0, 1, 0])
    expected = (math.log(4) + math.log(4 / 3)) / 2
    assert float(tag_cross_entropy(probs.detach(), present, absent)) == pytest.approx(expected)
    assert torch.autograd.gradcheck(lambda x: tag_cross_entropy(x, present, absent), (probs,))
    assert float(tag_cross_entropy(probs.detach(), ~present & False, absent & False)) == 0
