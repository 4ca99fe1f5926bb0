"""Early-learning regularisation: the paper's identities, its gradient, and that it forgets wrong labels."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from models_zoo.losses.early_learning import EarlyLearning
from models_zoo.marks import IGNORE


def _logits(seed: int = 0, items: int = 4, classes: int = 3) -> torch.Tensor:
    return torch.randn(items, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_first_memory_is_what_is_new_of_the_prediction() -> None:
    loss = EarlyLearning(6, 3, beta=0.7)
    logits, items = _logits(), torch.tensor([5, 0, 2, 3])
    loss(logits, torch.tensor([0, 1, 2, 0]), items)
    torch.testing.assert_close(loss.memory_NC[items], (0.3 * torch.softmax(logits, dim=1)).float())
    assert (loss.memory_NC[[1, 4]] == 0).all()


def test_memory_adds_up_to_at_most_one_and_tends_there_without_gradient() -> None:
    loss = EarlyLearning(4, 3)
    for _ in range(60):
        loss(_logits().requires_grad_(), torch.zeros(4, dtype=torch.long), torch.arange(4))
        assert (loss.memory_NC.sum(dim=1) <= 1 + 1e-6).all()
    torch.testing.assert_close(loss.memory_NC.sum(dim=1), torch.ones(4))
    assert not loss.memory_NC.requires_grad


def test_no_weight_is_plain_cross_entropy_bit_for_bit() -> None:
    logits, labels = _logits(), torch.tensor([0, 1, 2, 0])
    assert torch.equal(
        EarlyLearning(4, 3, weight=0.0)(logits, labels, torch.arange(4)), F.cross_entropy(logits, labels)
    )


def test_opposed_prediction_and_memory_cost_nothing_and_agreement_is_bounded() -> None:
    loss = EarlyLearning(1, 2)
    sure = torch.tensor([[40.0, -40.0]], dtype=torch.float64)
    loss.memory_NC[0] = torch.tensor([0.0, 1.0])
    assert float(loss.regulariser(sure, torch.tensor([0]))) == pytest.approx(0, abs=2e-4)
    loss.memory_NC[0] = torch.tensor([1.0, 0.0])
    agreed = float(loss.regulariser(sure, torch.tensor([0])))
    assert math.isfinite(agreed) and agreed == pytest.approx(math.log(1e-4), rel=1e-3)


def test_a_value_by_hand() -> None:
    loss = EarlyLearning(1, 2, beta=0.5, weight=2.0)
    logits = torch.tensor([[math.log(3.0), 0.0]], dtype=torch.float64)  # p = (0.75, 0.25)
    made = float(loss(logits, torch.tensor([1]), torch.tensor([0])))
    agreement = 0.75 * 0.375 + 0.25 * 0.125
    assert made == pytest.approx(-math.log(0.25) + 2 * math.log(1 - agreement), rel=1e-6)


def test_the_gradient_is_the_papers() -> None:
    loss = EarlyLearning(4, 3, weight=3.0)
    items, labels = torch.arange(4), torch.tensor([0, 1, 2, 0])
    loss.double()
    loss.memory_NC[:] = torch.softmax(_logits(1), dim=1) * 0.8
    logits = _logits().requires_grad_()
    (F.cross_entropy(logits, labels, reduction="sum") + 3 * 4 * loss.regulariser(logits, items)).backward()  # type: ignore[no-untyped-call]
    probs, memory = torch.softmax(logits.detach(), dim=1), loss.memory_NC
    agreement = (probs * memory).sum(dim=1, keepdim=True)
    # g_c = p_c / (1 - <p, T>) * sum_k (T_k - T_c) p_k
    pull = probs / (1 - agreement) * (agreement - memory)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, probs - F.one_hot(labels, 3) + 3 * pull, rtol=1e-6, atol=1e-9)
    assert torch.autograd.gradcheck(lambda x: loss.regulariser(x, items), _logits().requires_grad_())


def test_ignored_items_take_no_part_and_are_not_remembered() -> None:
    loss, other = EarlyLearning(4, 3), EarlyLearning(4, 3)
    labels = torch.tensor([0, IGNORE, 2, IGNORE])
    made = loss(_logits(), labels, torch.arange(4))
    torch.testing.assert_close(made, other(_logits()[[0, 2]], labels[[0, 2]], torch.tensor([0, 2])))
    assert (loss.memory_NC[[1, 3]] == 0).all()
    before = loss.memory_NC.clone()
    nothing = loss(_logits().requires_grad_(), torch.full((4,), IGNORE), torch.arange(4))
    assert nothing.requires_grad and float(nothing.detach()) == 0
    assert torch.equal(loss.memory_NC, before)


def test_suspicion_and_suggestion_come_from_the_memory() -> None:
    loss = EarlyLearning(4, 2)
    loss.memory_NC[:] = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.0, 0.0], [0.5, 0.4]])
    found = loss.suspicion(torch.tensor([0, 0, 0, IGNORE]))
    torch.testing.assert_close(found[:2], torch.tensor([0.1, 0.8]))
    assert found[2:].isnan().all()
    assert loss.suggestion().tolist() == [0, 1, IGNORE, 0]
    loss.forget(torch.tensor([1]))
    assert loss.suggestion().tolist() == [0, IGNORE, IGNORE, 0]


def test_memory_survives_a_checkpoint() -> None:
    loss, other = EarlyLearning(4, 3), EarlyLearning(4, 3)
    loss(_logits(), torch.zeros(4, dtype=torch.long), torch.arange(4))
    other.load_state_dict(loss.state_dict())
    assert torch.equal(loss.memory_NC, other.memory_NC)


def test_it_does_not_learn_wrong_labels_by_heart() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 3, (240,), generator=generator)
    points = F.one_hot(truth, 3).float() * 4 + torch.randn(240, 3, generator=generator)
    points = torch.cat([points, torch.randn(240, 60, generator=generator)], dim=1)  # room to learn by heart
    wrong = torch.rand(240, generator=generator) < 0.4
    labels = torch.where(wrong, (truth + torch.randint(1, 3, (240,), generator=generator)) % 3, truth)
    learnt = {}
    for weight in (0.0, 3.0):
        torch.manual_seed(1)
        layer, loss = torch.nn.Linear(63, 3), EarlyLearning(240, 3, weight=weight)
        steps = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
        for _ in range(100):
            steps.zero_grad()
            loss(layer(points), labels, torch.arange(240)).backward()
            steps.step()
        learnt[weight] = float((layer(points).argmax(dim=1) == truth).float().mean())
        doubt = loss.suspicion(labels)
        assert not weight or float((doubt[wrong][:, None] > doubt[~wrong][None]).float().mean()) > 0.9
    assert learnt[3.0] > learnt[0.0] + 0.2


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        EarlyLearning(0, 3)
    with pytest.raises(ValueError, match="beta"):
        EarlyLearning(4, 3, beta=1.0)
    loss = EarlyLearning(4, 3)
    with pytest.raises(ValueError, match=r"\(batch, 3\)"):
        loss(torch.zeros(4, 2), torch.zeros(4), torch.arange(4))
    assert (loss.memory_NC == 0).all()
