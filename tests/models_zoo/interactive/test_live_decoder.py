"""The learned decoder of the live head: its network, its maps, and what its answers become."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

pytest.importorskip("cv2")

from models_zoo import Box, Mark, Point, Scribble
from models_zoo.interactive import ImageContext
from models_zoo.interactive.live_decoder import Decoder, decode, folded, load_weights, save_weights, weakened
from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.live_maps import CHANNELS, VALID

FloatArray = npt.NDArray[np.float32]
ON_DISC, ON_GROUND = Scribble(1, 1, ((34, 44), (46, 44)), 4), Scribble(0, 1, ((5, 90), (120, 90)), 4)


def two_discs() -> npt.NDArray[np.uint8]:
    """A red disc, the same farther right, on grey ground: uint8 (96, 128, 3)."""
    rows, columns = np.mgrid[:96, :128]
    discs = ((rows - 44) ** 2 + (columns - 40) ** 2 < 22**2) | ((rows - 44) ** 2 + (columns - 104) ** 2 < 16**2)
    noise = np.random.default_rng(0).normal(0, 4, (96, 128, 3))
    return np.clip(np.where(discs[..., None], (200, 40, 40), (120, 120, 120)) + noise, 0, 255).astype(np.uint8)


def asked(
    marks: Sequence[Mark], answer: float | None, *, classes: tuple[int, ...] = (0, 1)
) -> tuple[list[tuple[FloatArray, FloatArray]], FloatArray]:
    """What a decoder that always says ``answer`` was given, and the scores that came of it."""
    seen: list[tuple[FloatArray, FloatArray]] = []

    def decoder(maps: FloatArray, logits: FloatArray) -> FloatArray | None:
        seen.append((maps, logits))
        return None if answer is None else np.full_like(logits, answer)

    head = LiveHead(decode=decoder)
    head.set_image(ImageContext(rgb=two_discs(), class_indices=classes, background=0))
    return seen, head.segment(marks, allowed=classes).scores.astype(np.float32)


def random_network(*, norm: bool) -> Decoder:
    torch.manual_seed(0)
    network = Decoder(norm=norm)
    with torch.no_grad():
        for values in network.parameters():
            values.add_(0.05 * torch.randn_like(values))
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                assert part.running_mean is not None and part.running_var is not None
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
    return network.eval()


def test_a_new_network_changes_nothing_but_what_is_beyond_its_range() -> None:
    logits = torch.linspace(-5.9, 5.9, 128).expand(1, 128, 128)
    torch.testing.assert_close(Decoder().eval()(torch.rand(1, CHANNELS, 64, 64), logits), logits)


def test_norms_fold_into_the_convolutions_and_the_file_keeps_them(tmp_path: Path) -> None:
    network = random_network(norm=True)
    maps, logits = torch.randn(1, CHANNELS, 64, 64), torch.randn(1, 128, 128)
    torch.testing.assert_close(folded(network)(maps, logits), network(maps, logits), atol=1e-4, rtol=1e-4)
    save_weights(folded(network), tmp_path / "decoder.f16")
    kept = load_weights(tmp_path / "decoder.f16")
    torch.testing.assert_close(kept(maps, logits), network(maps, logits), atol=0.02, rtol=0.02)
    assert (tmp_path / "decoder.f16").stat().st_size < 100_000


def test_a_weakened_network_changes_half_as_much() -> None:
    maps, logits = torch.randn(1, CHANNELS, 64, 64), torch.linspace(-5, 5, 128).expand(1, 128, 128)
    change = random_network(norm=False)(maps, logits) - logits
    torch.testing.assert_close(weakened(random_network(norm=False), 0.5)(maps, logits) - logits, change / 2)


@pytest.mark.parametrize("damage", ["short", "nan"])
def test_a_file_of_another_network_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "decoder.f16"
    save_weights(random_network(norm=False), path)
    values = np.fromfile(path, "<f2")
    (values[:-1] if damage == "short" else np.where(values == values[0], np.nan, values).astype("<f2")).tofile(path)
    with pytest.raises(ValueError, match="make it again"):
        load_weights(path)


def test_every_map_is_finite_and_says_where_the_picture_is() -> None:
    given: tuple[Sequence[Mark], ...] = ((ON_DISC, ON_GROUND), (Point(1, 1, 40, 44),), (Box(1, 1, 10, 10, 80, 80),))
    for marks in given:
        ((maps, logits),) = asked(marks, None)[0]
        assert logits.shape == (48, 64) and maps.shape == (CHANNELS, 24, 32)
        assert np.isfinite(maps).all() and np.isfinite(logits).all()
        assert (maps[VALID] == 1).all()


def test_marks_stand_against_the_decoder() -> None:
    for says in (0.0, 1.0):
        scores = asked([ON_DISC, ON_GROUND], says)[1]
        assert scores[0, 45, 30] == 1 and scores[1, 22, 20] == 1
        assert scores[1, 2, 2] == says
        np.testing.assert_allclose(scores.sum(axis=0), 1, atol=1e-3)


def test_a_decoder_that_says_nothing_leaves_the_rule_for_unmarked_things() -> None:
    one_disc = asked([ON_DISC, ON_GROUND], None)[1]
    assert one_disc[1, 22, 26] > 0.5 and one_disc[1, 22, 52] < 0.5


def test_each_marked_class_is_asked_for_and_the_background_gets_the_rest() -> None:
    marks = [ON_DISC, ON_GROUND, Scribble(2, 1, ((100, 40), (110, 48)), 4)]
    seen, scores = asked(marks, 0.3, classes=(0, 1, 2, 3))
    assert len(seen) == 2
    np.testing.assert_allclose(scores[:, 0, 0], (0.4, 0.3, 0.3), atol=1e-3)
    many: list[Mark] = [ON_GROUND, *(Point(index, 1, 10 + 15 * index, 44) for index in range(1, 7))]
    assert len(asked(many, 0.1, classes=tuple(range(7)))[0]) == 4


def test_the_packaged_weights_answer_a_stroke() -> None:
    head = LiveHead(decode=partial(decode, load_weights()))
    head.set_image(ImageContext(rgb=two_discs(), class_indices=(0, 1), background=0))
    label_map = head.segment([ON_DISC, ON_GROUND], allowed=(0, 1)).label_map
    assert label_map[44, 40] == 1 and label_map[90, 60] == 0
