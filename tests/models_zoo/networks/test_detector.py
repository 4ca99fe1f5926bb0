"""Who learns which box, and what is found, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models_zoo.losses.detection import BACKGROUND, OPEN
from models_zoo.networks.detector import LEVELS, Answer, Detector, assign, find, places
from models_zoo.networks.encoders import build_encoder

SIZE = (96, 64)
CPU = torch.device("cpu")


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def test_the_network_answers_at_every_place_with_a_box_around_it() -> None:
    torch.manual_seed(0)
    detector = Detector(build_encoder("resnet18"), 3)
    rgb = torch.randint(0, 255, (2, SIZE[1], SIZE[0], 3), dtype=torch.uint8)
    answer = detector(rgb)
    middles, strides = places(SIZE, CPU)
    assert answer.logits_BLK.shape == (2, len(middles), 3) and answer.quality_BL.shape == (2, len(middles))
    assert sorted(set(strides.tolist())) == list(LEVELS) and len(middles) == 12 * 8 + 6 * 4 + 3 * 2
    assert (answer.boxes_BL4[..., :2] < middles).all() and (answer.boxes_BL4[..., 2:] > middles).all()
    # Nothing is likely at first, so that the many empty places do not fill the first steps.
    assert float(torch.sigmoid(answer.logits_BLK.detach()).max()) < 0.1


def test_a_place_learns_the_smallest_box_of_its_size_that_it_is_in_the_middle_of() -> None:
    middles, strides = places(SIZE, CPU)
    truths = boxes((8, 8, 40, 40), (20, 20, 30, 30), (0, 0, 96, 64))
    labels, targets = assign(truths, torch.tensor([0, 1, 2]), middles, strides)
    fine = {tuple(m): int(v) for m, v, s in zip(middles.tolist(), labels, strides, strict=True) if s == 8}
    # Around (24, 24) within 12 px; what also lies in the small box belongs to it.
    assert fine[(20.0, 20.0)] == 0 and fine[(28.0, 28.0)] == 1 and fine[(12.0, 12.0)] == BACKGROUND
    of_large = set(strides[labels == 2].tolist())
    assert of_large == {16.0}  # 48 px and a little from its middle to its sides
    assert torch.equal(targets[labels == 2], truths[2].expand(int((labels == 2).sum()), 4))


def test_all_is_background_without_boxes_and_open_inside_an_open_one() -> None:
    middles, strides = places(SIZE, CPU)
    labels, _ = assign(boxes(), torch.zeros(0, dtype=torch.int64), middles, strides)
    assert (labels == BACKGROUND).all()
    labels, _ = assign(boxes((0, 0, 40, 64), (12, 12, 28, 28)), torch.tensor([OPEN, 4]), middles, strides)
    inside = middles[:, 0] < 40
    assert (labels[~inside] == BACKGROUND).all() and set(labels[inside].tolist()) == {OPEN, 4}


def test_finding_by_hand() -> None:
    def logit(p: float) -> float:
        return float(torch.logit(torch.tensor(p)))

    # Two boxes of one thing, one of another class there, one hardly likely, one outside the picture.
    at = boxes((0, 0, 10, 10), (0, 0, 10, 9), (0, 0, 10, 10), (30, 0, 40, 10), (60, 0, 70, 10))
    logits = torch.full((1, 5, 2), -20.0)
    for place, (label, p) in enumerate([(0, 0.81), (0, 0.64), (1, 0.49), (0, 0.0001), (1, 0.9)]):
        logits[0, place, label] = logit(p)
    answer = Answer(logits, at[None], torch.full((1, 5), logit(0.25)))
    (found,) = find(answer, [(50, 20)], least=0.05)
    # sqrt(0.81 * 0.25), sqrt(0.49 * 0.25)
    assert found.scores_N.tolist() == pytest.approx([0.45, 0.35], rel=1e-4)
    assert found.labels_N.tolist() == [0, 1]
    assert found.boxes_N4.tolist() == [[0, 0, 10, 10], [0, 0, 10, 10]]
    (none,) = find(answer, [(50, 20)], least=0.9)
    assert none.boxes_N4.shape == (0, 4)
