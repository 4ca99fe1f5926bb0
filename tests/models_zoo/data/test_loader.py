"""Batches: what marks say ends up in the right cells, and step s is always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models_zoo import MarkKind, TrainingError, decode_png, encode_png
from models_zoo.data import transforms
from models_zoo.data.dataset import TrainingSet, load_rgb
from models_zoo.data.loader import Loader
from models_zoo.marks import IGNORE, UNLABELLED, rasterize
from models_zoo.methods.base import Batch
from models_zoo.snapshot import read
from tests.models_zoo.toy import make_snapshot

ALL = frozenset(MarkKind)


def _set(folder: Path, accepts: frozenset[MarkKind] = ALL, **snapshot: object) -> TrainingSet:
    make_snapshot(folder, **snapshot)  # type: ignore[arg-type]
    return TrainingSet(read(folder), image_size=64, accepts=accepts)


def _batch(dataset: TrainingSet, step: int = 0) -> Batch:
    return Loader(dataset, batch_size=4, steps=10, seed=0).batch(step)


def _equal(first: Batch, second: Batch) -> bool:
    names = [name for name, value in vars(first).items() if isinstance(value, torch.Tensor)]
    tensors = all(torch.equal(getattr(first, name), getattr(second, name)) for name in names)
    return tensors and first.boxes == second.boxes


def test_step_s_is_the_same_batch_however_one_gets_there(tmp_path: Path) -> None:
    dataset = _set(tmp_path, kinds=("scribble", "box"))
    loader = Loader(dataset, batch_size=3, steps=6, seed=2)
    straight, resumed = list(loader.batches(0)), list(loader.batches(4))
    assert len(straight) == 6 and len(resumed) == 2
    assert all(_equal(a, b) for a, b in zip(straight[4:], resumed, strict=True))
    assert not _equal(straight[4], straight[5])


def test_every_image_comes_once_before_any_comes_twice(tmp_path: Path) -> None:
    loader = Loader(_set(tmp_path, count=6), batch_size=4, steps=3, seed=0)
    seen = [number for step in range(3) for number in loader._numbers(step)]
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_targets_are_shares_and_accepted_masks_fill_the_picture(tmp_path: Path) -> None:
    batch = _batch(_set(tmp_path, count=4, num_masks=2))
    labelled = batch.targets_BChw.sum(dim=1)
    assert float(labelled.max()) <= 1.0 + 1e-6
    assert batch.is_full_B.sum() == 2
    for number in range(4):
        inside = labelled[number][batch.valid_Bhw[number]]
        if batch.is_full_B[number]:
            assert float(inside.mean()) > 0.9
        else:
            assert 0 < float(inside.mean()) < 0.2
    assert not labelled[~batch.valid_Bhw].gt(0.5).any()


def test_marks_count_where_an_accepted_mask_names_no_class(tmp_path: Path) -> None:
    dataset = _set(tmp_path, count=4, num_masks=1, kinds=("scribble",))
    number = next(i for i, image in enumerate(dataset.images) if image.mask is not None)
    image = dataset.images[number]
    assert image.mask is not None
    path = dataset.snapshot.path(image.mask)
    mask = decode_png(path.read_bytes()).copy()
    seeds = rasterize(image.marks, width=image.width, height=image.height).seeds
    drawn = seeds != UNLABELLED
    assert drawn.any()
    mask[:, : image.width // 2] = IGNORE
    mask[drawn] = IGNORE
    path.write_bytes(encode_png(mask))
    sample = dataset.sample(number)
    assert not sample.is_full
    assert set(np.unique(seeds[drawn])) <= set(np.unique(sample.labels))
    assert (sample.labels == UNLABELLED).any()


def test_classes_of_a_marked_image_have_equal_shares(tmp_path: Path) -> None:
    shares = _set(tmp_path, count=4, num_masks=0, kinds=("scribble",)).labelled_shares()
    assert shares.min() == pytest.approx(shares.max())


def test_boxes_exclude_their_class_outside_and_stay_plausible(tmp_path: Path) -> None:
    batch = _batch(_set(tmp_path, count=4, kinds=("box",)))
    assert batch.boxes
    for box in batch.boxes:
        assert box.class_position == 1
        excluded = batch.excluded_BChw[box.image, 1]
        assert not excluded[box.y0 + 1 : box.y1 - 1, box.x0 + 1 : box.x1 - 1].any()
        assert excluded.any()


def test_two_named_classes_rule_out_others_and_one_does_not(tmp_path: Path) -> None:
    assert _batch(_set(tmp_path / "one", count=4, kinds=("box",))).plausible_BC.all()
    assert _batch(_set(tmp_path / "two", count=4, kinds=("scribble",))).plausible_BC.all()


def test_kinds_a_method_does_not_accept_are_left_out(tmp_path: Path) -> None:
    dataset = _set(tmp_path, frozenset({MarkKind.SCRIBBLE}), count=4, kinds=("scribble", "tag", "box"))
    batch = _batch(dataset)
    assert not batch.present_BC.any() and not batch.boxes
    with pytest.raises(TrainingError, match="no marks"):
        TrainingSet(read(tmp_path), image_size=64, accepts=frozenset({MarkKind.POINT}))


def test_tags_are_believed_of_crops_that_show_most_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = _set(tmp_path, count=4, kinds=("tag",))
    monkeypatch.setattr(transforms, "SCALE_RANGE", (0.99, 1.01))
    assert _batch(dataset).present_BC.all()
    monkeypatch.setattr(transforms, "SCALE_RANGE", (2.0, 2.1))
    assert not _batch(dataset).present_BC.any()


def test_val_images_never_train(tmp_path: Path) -> None:
    dataset = _set(tmp_path, count=4)
    assert len(dataset) == 4
    assert {image.split for image in dataset.images} == {"train"}


def test_a_text_file_named_png_is_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "fake.png").write_text("not a picture")
    with pytest.raises(TrainingError, match=r"fake\.png cannot be read"):
        load_rgb(tmp_path / "fake.png")
