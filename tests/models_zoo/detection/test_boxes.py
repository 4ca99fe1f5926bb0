"""Views by hand, deltas there and back, noise as measured."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models_zoo.detection.boxes import best_match, clip, context_views, decode, encode, jitter, with_area


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


def test_the_views_of_a_box() -> None:
    (views,) = context_views(boxes((0, 0, 100, 100)))
    expected = boxes(
        (0, 0, 100, 100),
        (-6, -6, 94, 94),
        (6, -6, 106, 94),
        (-6, 6, 94, 106),
        (6, 6, 106, 106),
        (-6, -6, 106, 106),
        (-12, -12, 112, 112),
    )
    torch.testing.assert_close(views, expected)
    wide = context_views(boxes((10, 20, 110, 70)))[0, 1]
    torch.testing.assert_close(wide, torch.tensor([4.0, 17.0, 104.0, 67.0]))


def test_deltas_go_there_and_back_and_none_change_nothing() -> None:
    found, truth = boxes((10, 20, 110, 70), (0, 0, 8, 8)), boxes((15, 20, 95, 90), (-4, 2, 30, 5))
    # Centres (60, 45) and (55, 55), sides 100 x 50 and 80 x 70.
    first = torch.tensor([-0.05, 0.2, torch.log(torch.tensor(0.8)), torch.log(torch.tensor(1.4))])
    torch.testing.assert_close(encode(found, truth)[0], first)
    torch.testing.assert_close(decode(found, encode(found, truth)), truth)
    torch.testing.assert_close(decode(found, torch.zeros(2, 4)), found)
    assert torch.isfinite(decode(found, torch.full((2, 4), 1e4))).all()


@pytest.mark.parametrize(("scale", "mean", "same"), [(0.06, 0.83, 0.98), (0.1, 0.74, 0.68), (0.2, 0.55, 0.13)])
def test_noise_is_as_strong_as_it_is_said_to_be(scale: float, mean: float, same: float) -> None:
    torch.manual_seed(0)
    truth = boxes((1000, 1000, 1100, 1050))
    noisy = jitter(truth, scale=scale, count=4000, size=(4000, 4000))
    met, _ = best_match(noisy, truth)
    assert float(met.mean()) == pytest.approx(mean, abs=0.02)
    assert float((met >= 0.7).float().mean()) == pytest.approx(same, abs=0.02)


def test_noisy_boxes_lie_in_the_picture_and_have_an_area() -> None:
    torch.manual_seed(1)
    noisy = jitter(boxes((0, 0, 3, 40), (50, 30, 60, 48)), scale=0.5, count=500, size=(60, 48))
    assert 0 < len(noisy) < 1000
    assert (noisy[:, 2:] > noisy[:, :2]).all() and (noisy >= 0).all()
    assert noisy[:, 2].max() <= 60 and noisy[:, 3].max() <= 48
    assert len(jitter(torch.zeros((0, 4)), scale=0.2, count=5, size=(9, 9))) == 0


def test_matching_clipping_and_what_has_no_area() -> None:
    truths = boxes((0, 0, 10, 10), (20, 0, 30, 10))
    met, which = best_match(boxes((22, 0, 32, 10), (1, 0, 11, 10)), truths)
    assert which.tolist() == [1, 0]
    torch.testing.assert_close(met, torch.tensor([8 / 12, 9 / 11]))
    inside = clip(boxes((-5, -5, 4, 70), (90, 2, 95, 4)), (50, 60))
    assert inside.tolist() == [[0, 0, 4, 60], [50, 2, 50, 4]]
    assert with_area(inside).tolist() == [[0, 0, 4, 60]]
