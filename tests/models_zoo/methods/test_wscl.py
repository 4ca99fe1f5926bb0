"""WSCL: streams that see different evidence and have to agree, on the pictures' own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models_zoo import SnapshotSpec, Tag, get_method, parse_config, write_manifest
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.wscl.network import PAIRED, pair_side
from models_zoo.methods.wscl.pixels import PixelLoader, PixelSet
from models_zoo.methods.wscl.task import WsclTraining, image_scores
from models_zoo.snapshot import read
from tests.models_zoo.toy import CLASSES, DISC, SETTINGS, disc_image, make_snapshot


def _task(num_classes: int = 2, **settings: object) -> WsclTraining:
    torch.manual_seed(0)
    config = parse_config(get_method("wscl"), {**SETTINGS, "encoder": "resnet18", **settings})
    context = TaskContext(num_classes=num_classes, class_weights_C=torch.ones(num_classes), seed=0, background=0)
    return WsclTraining(config, context)  # type: ignore[arg-type]


def _loader(folder: Path) -> PixelLoader:
    dataset = PixelSet(read(folder), image_size=64, accepts=get_method("wscl").accepts)
    return PixelLoader(dataset, batch_size=2, steps=100, seed=0)


def _batch(folder: Path, progress: float, **snapshot: object) -> Batch:
    make_snapshot(folder, count=2, **snapshot)  # type: ignore[arg-type]
    return _loader(folder).batch(round(progress * 100))


def test_pictures_keep_their_own_pixels(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, size=(64, 40))
    pictures = [disc_image(number, 64, 40)[0] for number in range(2)]
    pictures += [picture[:, ::-1] for picture in pictures]
    rows = {row.tobytes() for picture in pictures for row in picture}
    for step in range(4):
        batch = _loader(tmp_path).batch(step)
        for rgb, valid in zip(batch.rgb_BHWC.numpy(), batch.valid_Bhw.numpy(), strict=True):
            assert all(row.tobytes() in rows for row in rgb[4 * np.flatnonzero(valid.all(axis=1)) + 2])


def test_agreement_comes_to_count(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    task = _task()
    early, late = (task.losses(_loader(tmp_path).batch(step)).parts for step in (0, 99))
    assert early["tags"] > 0 and late["tags"] > 0
    assert 0 < early["streams"] < 0.05 * late["streams"] and early["places"] < 0.05 * late["places"]
    without = _task(stream_agreement=0, place_agreement=0, streams="rgb").losses(_loader(tmp_path).batch(99))
    assert not {"streams", "places"} & set(without.parts)


def test_every_part_teaches_every_stream(tmp_path: Path) -> None:
    task = _task()
    task.losses(_batch(tmp_path, 0.9, kinds=("tag",))).total.backward()  # type: ignore[no-untyped-call]
    for stream in task.student.named().values():
        assert all(
            any(p.grad is not None and p.grad.any() for p in part.parameters())
            for part in (stream.encoder, stream.head, stream.pairs)
        )
    bayar = task.student.named()["bayar"].residual
    assert bayar is not None and all(p.grad is not None and p.grad.any() for p in bayar.parameters())


def test_the_proposal_is_the_weighted_mean_of_the_streams() -> None:
    task = _task()
    assert task.teacher.shares() == {"rgb": 0.2, "srm": 0.4, "bayar": 0.4}
    assert _task(streams="rgb srm").teacher.shares() == pytest.approx({"rgb": 1 / 3, "srm": 2 / 3})
    with torch.no_grad():
        for name, stream in task.teacher.named().items():
            last = stream.head[-1]
            assert isinstance(last, nn.Conv2d) and last.bias is not None
            last.weight.zero_()
            last.bias.copy_(torch.tensor([5.0, 2.0 if name == "rgb" else -2.0]))
    found = task.predict(torch.zeros(1, 64, 96, 3, dtype=torch.uint8))
    assert found.shape == (1, 2, 16, 24)
    expected = 0.2 * torch.sigmoid(torch.tensor(2.0)) + 0.8 * torch.sigmoid(torch.tensor(-2.0))
    assert torch.allclose(found[:, 1], expected, atol=1e-5)


def test_people_decide_what_the_streams_agree_on(tmp_path: Path) -> None:
    task, batch = _task(), _batch(tmp_path, 0.9, num_masks=2)
    known = task._known(batch)
    sure = torch.full((2, 2, 4, 4), 9.0)
    agreed = task._agreed({"rgb": sure, "srm": sure, "bayar": sure}, known)
    drawn = known.drawn_BCgk
    is_drawn = drawn.sum(dim=1) > 0
    assert not agreed[:, 0].any()
    assert torch.equal(agreed[:, 1][is_drawn], (drawn[:, 1] > drawn.sum(dim=1) / 2)[is_drawn])


def test_where_the_class_is_not_nothing_differs_and_unknown_pictures_pair_nothing(tmp_path: Path) -> None:
    make_snapshot(tmp_path, count=2, kinds=("tag",))
    images = tuple(
        type(image)(**{**vars(image), "marks": (Tag(DISC, -1 if image.id == "000" else 1),)})
        for image in read(tmp_path).images
    )
    write_manifest(tmp_path, SnapshotSpec(classes=CLASSES, images=images))
    task = _task()
    known = task._known(_loader(tmp_path).batch(0))
    agreed = task._agreed({"rgb": torch.randn(2, 2, 4, 4)}, known)
    assert not agreed[known.absent_BC[:, 1]].any() and agreed[known.present_BC[:, 1]].any()
    unknown = type(known)(
        torch.zeros_like(known.present_BC), torch.zeros_like(known.absent_BC), known.valid_Bgk, known.drawn_BCgk,
        known.excluded_BCgk,
    )  # fmt: skip
    features = {name: torch.randn(2, 256, 4, 4) for name in task.student.named()}
    assert float(task._places(features, agreed, unknown)) == 0


def test_scores_come_from_inside_the_picture() -> None:
    maps = torch.full((1, 1, 2, 4), 0.2)
    maps[..., 3] = 1.0
    valid = torch.ones(1, 2, 4, dtype=torch.bool)
    valid[..., 3] = False
    assert float(image_scores(maps, valid)) == pytest.approx(0.2)
    assert float(image_scores(maps, torch.zeros_like(valid))) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [(16, 24), (33, 40), (256, 256), (1, 5000)])
def test_large_maps_are_averaged_until_all_pairs_fit(size: tuple[int, int]) -> None:
    side = pair_side(size)
    assert -(-size[0] // side) * -(-size[1] // side) <= PAIRED
    assert side == 1 or -(-size[0] // (side - 1)) * -(-size[1] // (side - 1)) > PAIRED
