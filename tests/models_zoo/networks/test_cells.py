"""Pictures cut into cells and put together again."""

from __future__ import annotations

import pytest
import torch

from models_zoo.networks.cells import CellClassifier, from_cells, hold_at_zero, to_cells
from models_zoo.networks.encoders import build_encoder


@pytest.mark.parametrize(("height", "width", "side"), [(8, 12, 4), (7, 10, 4), (3, 3, 8), (5, 6, 1)])
def test_cells_cover_every_place_once(height: int, width: int, side: int) -> None:
    rows, columns = -(-height // side), -(-width // side)
    number = torch.arange(rows * columns, dtype=torch.float32).view(1, 1, rows, columns)
    laid_out = from_cells(number, side, (height, width), mode="nearest")
    assert laid_out.shape[2:] == (height, width)
    assert torch.equal(to_cells(laid_out, side), number)
    assert float(laid_out[0, 0, -1, -1]) == rows * columns - 1


def test_a_cell_is_the_mean_of_its_places_and_a_cut_one_of_what_is_there() -> None:
    values = torch.tensor([[1.0, 2.0, 5.0], [3.0, 4.0, 7.0]])[None, None]
    assert to_cells(values, 2).flatten().tolist() == [2.5, 6.0]


def test_bilinear_enlarging_keeps_sums_of_probabilities() -> None:
    probs = torch.softmax(torch.randn(1, 3, 2, 4), dim=1)
    assert torch.allclose(from_cells(probs, 8, (16, 30)).sum(dim=1), torch.ones(1, 16, 30), atol=1e-6)


def test_a_classifier_gives_one_answer_a_cell() -> None:
    network = CellClassifier(build_encoder("resnet18"), 3, cell=32).eval()
    cells, logits = network(torch.zeros(2, 3, 64, 96))
    assert cells.shape == (2, 256, 2, 3) and logits.shape == (2, 3, 2, 3)
    with pytest.raises(ValueError, match="multiple of 16"):
        CellClassifier(build_encoder("resnet18"), 3, cell=24)


def test_one_thing_beside_the_background_has_the_sigmoid_for_its_softmax() -> None:
    logits = torch.randn(2, 2, 3, 4)
    held = torch.softmax(hold_at_zero(logits, 0), dim=1)
    assert torch.allclose(held[:, 1], torch.sigmoid(logits[:, 1]), atol=1e-6)
    assert hold_at_zero(logits, None) is logits
