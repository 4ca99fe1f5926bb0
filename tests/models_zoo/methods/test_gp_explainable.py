"""Explainable classifiers: one layer before and after pooling, heat to masks, the three networks."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from models_zoo import Cancelled, get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit
from models_zoo.engine.checkpoint import load_folder
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.gp_explainable.heat import HeatNetwork, masks_from_heat, pool
from models_zoo.methods.gp_explainable.info import NETWORKS
from models_zoo.methods.gp_explainable.networks import ShuffleUp, build_network, sinc_upsample
from models_zoo.methods.gp_explainable.task import GpExplainable
from models_zoo.registry import load_entry
from models_zoo.snapshot import read
from tests.models_zoo.toy import SETTINGS, disc_image, make_snapshot

INFO = get_method("gp_explainable")
CHEAP = {**SETTINGS, "width": "8"}


def _task(background: int | None = 0, **settings: object) -> GpExplainable:
    torch.manual_seed(0)
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=background)
    task = load_entry(INFO.entry)(parse_config(INFO, {**CHEAP, **settings}), context)
    assert isinstance(task, GpExplainable)
    return task


def _batch(folder: Path, **snapshot: object) -> Batch:
    make_snapshot(folder, count=2, **snapshot)  # type: ignore[arg-type]
    dataset = TrainingSet(read(folder), image_size=64, accepts=INFO.accepts)
    return Loader(dataset, batch_size=2, steps=10, seed=0).batch(0)


def _head(width: int = 4, num_classes: int = 3) -> HeatNetwork:
    torch.manual_seed(1)
    return HeatNetwork(nn.Identity(), width, num_classes, None).double()


def _features(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


# --- the layer that both share ----------------------------------------------------------------------


def test_of_one_place_heat_and_logits_are_the_same() -> None:
    head, features = _head(), _features(2, 4, 1, 1).expand(-1, -1, 4, 4)
    torch.testing.assert_close(head.heat(features)[:, :, 0, 0], head.logits(features, 0.0))


def test_with_weights_above_zero_a_logit_is_at_least_the_highest_heat_and_equal_when_one_place_has_it_all() -> None:
    head, features = _head(), _features(2, 4, 8, 8)
    with torch.no_grad():
        head.classify.weight.abs_()
    pointwise = head.classify(features).float()
    assert (head.logits(features, 0.0) >= pointwise.amax(dim=(2, 3)) - 1e-6).all()
    features = torch.zeros(1, 4, 4, 4, dtype=torch.float64)
    features[0, :, 2, 1] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    torch.testing.assert_close(head.logits(features, 0.0), head.classify(features).float().amax(dim=(2, 3)))


def test_pooling_before_the_layer_is_not_pooling_after_it() -> None:
    head, features = _head(), _features(1, 4, 8, 8)
    after = head.classify(features).float().amax(dim=(2, 3))
    assert not torch.allclose(head.logits(features, 0.0), after, atol=1e-3)


def test_where_features_are_does_not_matter_to_the_logits() -> None:
    head, features = _head(), _features(1, 4, 8, 8)
    moved = features.flatten(2)[:, :, torch.randperm(64)].view_as(features)
    for share in (0.0, 0.1):
        torch.testing.assert_close(head.logits(features, share), head.logits(moved, share))


def test_pooling_by_hand() -> None:
    features = torch.arange(20.0).view(1, 1, 4, 5)
    assert pool(features, 0.0).item() == 19
    assert pool(features, 0.2).item() == 17.5  # 16, 17, 18 and 19
    valid = torch.zeros(1, 4, 5, dtype=torch.bool)
    assert pool(features, 0.0, valid).item() == 19  # nothing valid: all of it
    valid[0, :2] = True
    assert pool(features, 0.2, valid).item() == 8.5  # 8 and 9


def test_gradients_of_pooled_logits_match_finite_differences() -> None:
    head, features = _head(), _features(1, 4, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: head.classify(pool(f, 0.4)[:, :, None, None]), (features,))


# --- from heat to masks -----------------------------------------------------------------------------


def _blob() -> torch.Tensor:
    """Heat of one class on 40 x 40: cold, a warm ring, a hot core of 36 places and one hot speck."""
    heat = torch.full((1, 1, 40, 40), -3.0)
    heat[0, 0, 10:22, 10:22] = 2.0
    heat[0, 0, 13:19, 13:19] = 6.0
    heat[0, 0, 35, 35] = 6.0
    return heat


def test_the_hottest_of_three_groups_is_the_mask_and_specks_are_dropped() -> None:
    sure = torch.tensor([[5.0]])
    mask = masks_from_heat(_blob(), sure, 0.5) > 0
    assert mask.sum() == 36 and mask[0, 0, 13:19, 13:19].all()
    wider = masks_from_heat(_blob(), sure, 2.5) > 0
    assert wider.sum() == 144 and wider[0, 0, 10:22, 10:22].all()
    assert (masks_from_heat(_blob(), sure, math.inf) > 0).sum() == 144  # cut at 0


def test_a_place_is_no_surer_than_the_picture_and_a_healthy_one_has_no_mask() -> None:
    assert masks_from_heat(_blob(), torch.tensor([[1.25]]), 0.5).max() == 1.25
    assert not (masks_from_heat(_blob(), torch.tensor([[-0.1]]), 0.5) > 0).any()
    assert not (masks_from_heat(torch.full((1, 1, 8, 8), -1.0), torch.tensor([[3.0]]), 0.5) > 0).any()


def test_the_background_is_what_no_mask_claims() -> None:
    task, rgb = _task(), torch.from_numpy(disc_image(0, 64, 64)[0])[None]
    task.eval()
    with torch.no_grad():
        task.teacher.classify.weight.zero_()
        task.teacher.classify.bias.copy_(torch.tensor([9.0, -4.0]))  # type: ignore[union-attr]
    made = task.predict(rgb)
    torch.testing.assert_close(made[:, 1], torch.full((1, 16, 16), 1 / (1 + math.exp(4))))
    torch.testing.assert_close(made.sum(dim=1), torch.ones(1, 16, 16))


# --- the networks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_keep_the_size_and_all_of_them_learns(name: str) -> None:
    torch.manual_seed(0)
    network = build_network(name, 8)
    made = network(torch.rand(2, 3, 32, 64))
    assert made.shape == (2, 8, 32, 64)
    made.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_learns_tags(name: str, tmp_path: Path) -> None:
    task = _task(network=name)
    losses = task.losses(_batch(tmp_path, kinds=("tag",)))
    assert set(losses.parts) == {"tags"} and math.isfinite(losses.parts["tags"])
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert any(p.grad is not None and p.grad.any() for p in task.student.network.parameters())


def test_without_dropout_training_and_prediction_agree(tmp_path: Path) -> None:
    task, batch = _task(network="gp_shuffle_unet"), _batch(tmp_path, kinds=("tag",))
    made = [task.train(mode).student.features(batch.rgb_BHWC) for mode in (True, False)]
    torch.testing.assert_close(task.student.logits(made[0], 0.01), task.student.logits(made[1], 0.01))
    dropping = _task(network="gp_unet").train()
    assert dropping.student.training and not dropping.teacher.training


def test_sinc_interpolation_keeps_what_was_there_and_hits_a_wave_between() -> None:
    values = _features(1, 2, 6, 8)
    torch.testing.assert_close(sinc_upsample(values)[..., ::2, ::2], values, atol=1e-6, rtol=0)
    wave = torch.cos(2 * math.pi * torch.arange(16.0) / 16)
    rows = wave[::2].view(1, 1, 8, 1).expand(1, 1, 8, 8)
    torch.testing.assert_close(sinc_upsample(rows)[0, 0, :, 3], wave, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="even sides"):
        sinc_upsample(torch.zeros(1, 1, 3, 4))


def test_shuffled_places_start_alike() -> None:
    network = build_network("gp_shuffle_unet", 8)
    up = next(part for part in network.modules() if isinstance(part, ShuffleUp))
    made = up(torch.randn(1, 16, 4, 4))
    torch.testing.assert_close(made[..., ::2, ::2], made[..., 1::2, 1::2])


@pytest.mark.parametrize(("name", "width", "message"), [("unet", 8, "choose one of"), ("gp_unet", 6, "multiple of 4")])
def test_what_cannot_be_built_is_refused(name: str, width: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network(name, width)


# --- training ---------------------------------------------------------------------------------------


def test_drawn_background_and_things_teach_where_heat_ends_and_tags_do_not(tmp_path: Path) -> None:
    task = _task()
    tags = _batch(tmp_path / "tags", kinds=("tag",))
    task.losses(tags)
    assert not task.student.get_buffer("knows_places")
    parts = task.losses(_batch(tmp_path / "strokes")).parts
    assert parts["marks"] > 0
    task.after_step(1)
    assert bool(task.weights()["knows_places"])


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def __init__(self, step: int) -> None:
        self.step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self.step:
            raise Cancelled


def test_a_stopped_run_goes_on_and_ends_in_the_same_bits_dropout_and_all(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=("tag",))
    config = parse_config(INFO, {**CHEAP, "steps": 4})

    def run(folder: str, callbacks: SilentCallbacks) -> dict[str, torch.Tensor]:
        made = fit(
            method=INFO.name, config=config, snapshot_dir=tmp_path / "s", work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        )  # fmt: skip
        return load_folder(made.weights_dir)[0]

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt(2))
    parted = run("parted", SilentCallbacks())
    assert all(torch.equal(value, parted[name]) for name, value in whole.items())


def _squares(seed: int, sides: tuple[int, ...]) -> Batch:
    """Grey pictures of 32 x 32 with a bright square of those sides (0: none); a bright corner in all, so that dividing
    by the highest value gives nothing away. Tags alone."""
    random = torch.Generator().manual_seed(seed)
    rgb = torch.randint(60, 100, (len(sides), 32, 32, 3), generator=random, dtype=torch.uint8)
    for picture, side in zip(rgb, sides, strict=True):
        x, y = torch.randint(2, 31 - side, (2,), generator=random).tolist()
        picture[y : y + side, x : x + side] = 220
        picture[0, 0] = 255
    count = len(sides)
    shows = torch.tensor(sides) > 0
    return Batch(
        rgb_BHWC=rgb,
        jittered_BHWC=rgb,
        targets_BChw=torch.zeros(count, 2, 8, 8),
        excluded_BChw=torch.zeros(count, 2, 8, 8, dtype=torch.bool),
        present_BC=torch.stack([torch.zeros_like(shows), shows], dim=1),
        absent_BC=torch.stack([torch.zeros_like(shows), ~shows], dim=1),
        plausible_BC=torch.ones(count, 2, dtype=torch.bool),
        valid_Bhw=torch.ones(count, 8, 8, dtype=torch.bool),
        is_full_B=torch.zeros(count, dtype=torch.bool),
        items_Bhw=torch.full((count, 8, 8), -1),
        boxes=(),
        progress=0.0,
    )


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [("gp_unet", 5e-3, 60), ("gp_shuffle_unet", 3e-3, 40), ("gp_reconresnet", 5e-3, 25)],
)
def test_tags_alone_teach_where_the_thing_is(name: str, rate: float, steps: int) -> None:
    task = _task(network=name, ema_decay=0.5, learning_rate=rate).train()
    optimizer = torch.optim.AdamW(task.parameter_groups())
    for step in range(steps):
        optimizer.zero_grad()
        task.losses(_squares(step, (12, 0, 14, 0))).total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(task.student.parameters(), 5.0)
        optimizer.step()
        task.after_step(step + 1)
    new = _squares(99, (12, 0))
    with_it, without = task.predict(new.rgb_BHWC)[:, 1]
    bright = torch.nn.functional.avg_pool2d((new.rgb_BHWC[0, ..., 0] > 200).float()[None], 4)[0]
    assert with_it[bright == 1].mean() > 0.5 > without.max()
    assert with_it[bright == 1].mean() > with_it[bright == 0].mean() + 0.1
