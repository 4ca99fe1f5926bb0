"""Self-ViT-MIL: bags of tiles, the most telling one, what is like it, and the heat that comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo import Cancelled, get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit
from models_zoo.engine.checkpoint import load_folder
from models_zoo.losses.tags import tag_margin
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.self_vit_mil import network
from models_zoo.methods.self_vit_mil.aggregator import BagAnswer, DualStream, speaking_share, top_scores
from models_zoo.methods.self_vit_mil.network import TileNetwork
from models_zoo.methods.self_vit_mil.task import SelfVitMilTraining, heat
from models_zoo.networks.encoders import STRIDES, Encoder
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, make_snapshot


def _aggregator() -> DualStream:
    torch.manual_seed(0)
    return DualStream(6, 2).eval()


def _all(tiles_BNK: Tensor) -> Tensor:
    return torch.ones(tiles_BNK.shape[:2], dtype=torch.bool)


def test_the_order_of_tiles_says_nothing() -> None:
    aggregate, tiles, order = _aggregator(), torch.randn(2, 5, 6), torch.tensor([3, 0, 4, 1, 2])
    plain, mixed = (aggregate(each, _all(each)) for each in (tiles, tiles[:, order]))
    assert torch.allclose(plain.logits_BC, mixed.logits_BC, atol=1e-5)
    assert torch.allclose(plain.attention_BNC[:, order], mixed.attention_BNC, atol=1e-5)
    assert torch.allclose(plain.attention_BNC.sum(dim=1), torch.ones(2, 2), atol=1e-5)


def test_a_bag_of_one_tile_is_that_tile() -> None:
    aggregate, tiles = _aggregator(), torch.randn(1, 1, 6)
    answer = aggregate(tiles, _all(tiles))
    assert torch.equal(answer.attention_BNC, torch.ones(1, 1, 2))
    assert torch.allclose(answer.bags_BCK, aggregate.value(aggregate.norm(tiles)).expand(1, 2, 6), atol=1e-6)


def test_tiles_that_come_twice_change_nothing() -> None:
    aggregate, tiles = _aggregator(), torch.randn(1, 4, 6)
    twice = torch.cat([tiles, tiles], dim=1)
    once, again = aggregate(tiles, _all(tiles)), aggregate(twice, _all(twice))
    assert torch.allclose(once.bags_BCK, again.bags_BCK, atol=1e-5)


def test_tiles_that_do_not_count_are_as_if_they_were_not_there() -> None:
    aggregate, tiles = _aggregator(), torch.randn(1, 4, 6)
    counts = torch.tensor([[True, False, True, False]])
    some, few = aggregate(tiles, counts), aggregate(tiles[:, ::2], counts[:, ::2])
    assert torch.allclose(some.logits_BC, few.logits_BC, atol=1e-5)
    assert not some.attention_BNC[0, 1].any()
    assert torch.equal(top_scores(some.scores_BNC, counts), few.scores_BNC.amax(dim=1))


def test_the_highest_tile_alone_gets_the_gradient_of_its_stream() -> None:
    scores = torch.tensor([[0.2, 1.5, -3.0]]).view(1, 3, 1).requires_grad_()
    counts = torch.ones(1, 3, dtype=torch.bool)
    top_scores(scores, counts).sum().backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None and scores.grad.flatten().tolist() == [0, 1, 0]


def test_in_large_bags_a_share_of_the_tiles_speaks() -> None:
    scores = torch.arange(200.0).view(1, 200, 1)
    counts = torch.ones(1, 200, dtype=torch.bool)
    assert float(top_scores(scores, counts)) == 198.5
    assert float(top_scores(scores, counts, share=0.0)) == 199
    counts[:, 100:] = False
    assert float(top_scores(scores, counts, share=0.04)) == pytest.approx((99 + 98 + 97 + 96) / 4)
    values = torch.randn(1, 6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: top_scores(x, torch.ones(1, 6, dtype=torch.bool), share=0.5), (values,))


def _found_tiles(*, narrowing: bool) -> tuple[float, float, float]:
    """Of bags in which the sixth tile makes the tag: shares of right bags, right highest scores, right attention."""
    torch.manual_seed(0)
    tiles = torch.randn(40, 12, 16)
    present = torch.zeros(40, 1, dtype=torch.bool)
    present[::2] = True
    tiles[::2, 5, :4] += 4.0
    aggregate = DualStream(16, 1)
    optimizer = torch.optim.Adam(aggregate.parameters(), 1e-2)
    for step in range(60):
        answer = aggregate(tiles, _all(tiles))
        share = speaking_share(step / 60) if narrowing else 0.0
        highest = top_scores(answer.scores_BNC, _all(tiles), share=share)
        loss = tag_margin(answer.logits_BC, present, ~present) + tag_margin(highest, present, ~present)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    answer = aggregate.eval()(tiles, _all(tiles))
    found = [values[::2, :, 0].argmax(dim=1) == 5 for values in (answer.scores_BNC, answer.attention_BNC)]
    right = (answer.logits_BC > 0) == present
    return float(right.float().mean()), float(found[0].float().mean()), float(found[1].float().mean())


def test_beginning_with_all_tiles_finds_the_one_that_the_tag_comes_from() -> None:
    bags, scores, attention = _found_tiles(narrowing=True)
    assert min(bags, scores, attention) > 0.85
    assert _found_tiles(narrowing=False)[1] < 0.5


def test_fewer_and_fewer_tiles_speak() -> None:
    assert speaking_share(0.0) == 1 and speaking_share(0.15) == pytest.approx(0.5) and speaking_share(1.0) == 0.01


class _Means(nn.Module):
    """A stage that halves the size and keeps the values."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2)


def _tiles(tile: int, step: int) -> TileNetwork:
    stages = {stride: _Means() for stride in STRIDES}
    encoder = Encoder("means", stages, dict.fromkeys(STRIDES, 3), mean=(0, 0, 0), std=(1, 1, 1))
    return TileNetwork(encoder, 2, tile=tile, step=step)


def test_tiles_side_by_side_cover_the_picture_once() -> None:
    image = torch.arange(6.0).view(1, 1, 2, 3).repeat(1, 3, 1, 1)
    picture = F.interpolate(image, scale_factor=32.0)
    found = _tiles(32, 32).embed(picture)
    assert found.shape == (1, 6, 2, 3) and torch.allclose(found[0, 0], image[0, 0], atol=1e-4)
    assert _tiles(64, 64).embed(picture).shape == (1, 6, 1, 2)


def test_overlapping_tiles_lie_about_the_middle_of_their_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = torch.zeros(1, 3, 64, 64)
    picture[:, :, 16:32, 32:48] = 1.0
    found = _tiles(32, 16).embed(picture)[0, 0]
    assert found.shape == (4, 4)
    assert float(found[1, 2]) == pytest.approx(0.25) and int(found.flatten().argmax()) in (6,)
    monkeypatch.setattr(network, "_PIXELS_AT_ONCE", 1)
    assert torch.allclose(_tiles(32, 16).embed(picture)[0, 0], found)


def test_heat_is_the_tiles_scores_or_attention_times_the_bags_likelihood() -> None:
    scores, attention = torch.tensor([[[1.0], [-2.0]]]), torch.tensor([[[0.75], [0.25]]])
    answer = BagAnswer(scores, attention, torch.zeros(1, 1, 4), torch.tensor([[0.0]]))
    assert heat(answer, "scores") is scores
    assert torch.sigmoid(heat(answer, "attention")).flatten().tolist() == pytest.approx([0.5, 0.5 / 3], abs=1e-3)


def _task(**settings: object) -> SelfVitMilTraining:
    torch.manual_seed(0)
    config = parse_config(get_method("self_vit_mil"), {**SETTINGS, "tile": "32", **settings})
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0)
    return SelfVitMilTraining(config, context)  # type: ignore[arg-type]


def _batch(folder: Path) -> Batch:
    make_snapshot(folder, count=2, kinds=("tag",))
    dataset = TrainingSet(read(folder), image_size=64, accepts=get_method("self_vit_mil").accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(0)


def test_an_encoder_that_knows_something_rests_and_one_that_does_not_learns(tmp_path: Path) -> None:
    batch = _batch(tmp_path)
    for task, rests in ((_task(), True), (_task(encoder="resnet18"), False)):
        losses = task.losses(batch)
        losses.total.backward()  # type: ignore[no-untyped-call]
        assert losses.parts["tiles"] > 0 and losses.parts["bags"] > 0
        assert all(p.grad is None for p in task.student.encoder.parameters()) == rests
        assert any(p.grad is not None and p.grad.any() for p in task.student.aggregator.parameters())
        assert len(task.parameter_groups()) == (1 if rests else 2)


@pytest.mark.parametrize("chosen", [{"heat": "attention"}, {"overlap": False, "tile": "64"}, {"tile": "96"}])
def test_every_kind_of_heat_is_a_probability_at_a_quarter_of_the_size(chosen: dict[str, object]) -> None:
    found = _task(**chosen).predict(torch.randint(0, 255, (1, 64, 96, 3), dtype=torch.uint8))
    assert found.shape == (1, 2, 16, 24)
    assert torch.allclose(found.sum(dim=1), torch.ones(1, 16, 24), atol=1e-5)


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def __init__(self, step: int) -> None:
        self.step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self.step:
            raise Cancelled


def test_a_stopped_run_goes_on_and_ends_in_the_same_bits(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=("tag",))
    config = parse_config(get_method("self_vit_mil"), {**SETTINGS, "tile": "32"})

    def run(folder: str, callbacks: SilentCallbacks) -> dict[str, Tensor]:
        made = fit(
            method="self_vit_mil", config=config, snapshot_dir=tmp_path / "s", work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        )  # fmt: skip
        return load_folder(made.weights_dir)[0]

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt(3))
    parted = run("parted", SilentCallbacks())
    assert all(torch.equal(value, parted[name]) for name, value in whole.items())
