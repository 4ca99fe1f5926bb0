"""The rule, the grouping, who learns from what, what polishing gains, and a run that is stopped and goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision import ops

from models_zoo import Box, Cancelled, Scribble, SnapshotSpec, TrainingError, parse_config, write_manifest
from models_zoo.detection.boxes import best_match, jitter
from models_zoo.detection.data import BoxBatch, BoxLoader, BoxSet
from models_zoo.detection.learning import allowed
from models_zoo.engine import SilentCallbacks, checkpoint, fit
from models_zoo.methods.base import TaskContext
from models_zoo.methods.dual_polishing.info import INFO
from models_zoo.methods.dual_polishing.polishers import Polishers, category_targets, decide, polished
from models_zoo.methods.dual_polishing.task import DualPolishing
from models_zoo.networks.detector import LEVELS, WIDTH, Found
from models_zoo.snapshot import read
from tests.models_zoo.toy import CLASSES, DISC, make_snapshot

SIZE = (64, 64)


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def maps(count: int) -> list[Tensor]:
    """Feature maps from which a box's place can be read: ramps, and noise of no use."""
    torch.manual_seed(2)
    found = []
    for stride in LEVELS:
        cells = (torch.arange(SIZE[0] // stride) + 0.5) * stride / SIZE[0]
        noise = torch.rand(count, WIDTH, len(cells), len(cells))
        noise[:, :32], noise[:, 32:64] = cells, cells[:, None]
        found.append(noise)
    return found


def stirred(num_classes: int = 2) -> Polishers:
    """Polishers that move boxes."""
    torch.manual_seed(0)
    made = Polishers(num_classes)
    torch.nn.init.normal_(made.box.look[-1].weight, std=0.05)  # type: ignore[arg-type]
    return made


def part_boxed(folder: Path, **more: object) -> None:
    """Two boxed images, one with marks of other kinds, one unmarked, and a boxed one for val."""
    make_snapshot(folder, count=4, kinds=("box",), size=(64, 48))
    snapshot = read(folder)
    images = list(snapshot.images)
    images[2] = dataclasses.replace(images[2], marks=(Scribble(DISC, 1, ((5.0, 5.0), (9.0, 9.0)), 3.0),))
    images[3] = dataclasses.replace(images[3], marks=(), split="pool", **more)  # type: ignore[arg-type]
    write_manifest(folder, SnapshotSpec(classes=CLASSES, images=tuple(images)))


def loader_of(folder: Path, *, batch_size: int = 4, steps: int = 10) -> BoxLoader:
    dataset = BoxSet(read(folder), image_size=64, accepts=INFO.accepts)
    return BoxLoader(dataset, batch_size=batch_size, steps=steps, seed=0)


def task(**settings: object) -> DualPolishing:
    torch.manual_seed(0)
    context = TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0)
    return DualPolishing(parse_config(INFO, {"image_size": 64, **settings}), context)  # type: ignore[arg-type]


# --- the polishers -----------------------------------------------------------------------------------


def test_which_boxes_teach_a_class_and_which() -> None:
    # (detector's score, polisher's probability of class 1), the detector says class 0.
    cases = [(0.95, 0.2), (0.6, 0.95), (0.6, 0.5), (0.95, 0.95)]
    probability = torch.tensor([p for _, p in cases])
    logits = torch.log(torch.stack([torch.full((4,), 0.01), probability, 0.99 - probability], dim=1))
    found = Found(torch.zeros(4, 4), torch.tensor([s for s, _ in cases]), torch.zeros(4, dtype=torch.int64))
    kept, labels = decide(found, logits, sure=0.9)
    assert kept.tolist() == [True, True, False, True]
    assert labels[kept].tolist() == [0, 1, 0]


def test_noisy_boxes_get_the_class_of_what_they_mostly_cover_or_none() -> None:
    truths, classes = boxes((0, 0, 10, 10), (20, 0, 30, 10)), torch.tensor([1, 0])
    noisy = boxes((1, 0, 10, 10), (23, 0, 30, 10), (24, 0, 34, 10))  # IoU 0.9, 0.7, 0.43
    assert category_targets(noisy, truths, classes, 2).tolist() == [1, 0, 2]


def test_each_box_is_polished_by_itself() -> None:
    made, level = stirred(), maps(2)
    ours = [boxes((4, 4, 30, 30)), boxes((10, 2, 50, 40), (30, 30, 60, 60), (0, 0, 12, 9))]
    together = made.move(level, ours, SIZE)
    classes = made.classify(level, ours, SIZE)
    for number, part in enumerate(ours):
        for place, box in enumerate(part):
            alone = [one[number : number + 1] for one in level]
            torch.testing.assert_close(made.move(alone, [box[None]], SIZE)[0][0], together[number][place])
            torch.testing.assert_close(made.classify(alone, [box[None]], SIZE)[0][0], classes[number][place])
    assert not torch.allclose(together[1], ours[1])
    nothing = boxes()
    assert made.move(level, [nothing, ours[0]], SIZE)[0].shape == (0, 4)
    assert [len(part) for part in made.classify(level, [nothing, nothing], SIZE)] == [0, 0]


def test_untrained_the_box_polisher_changes_nothing() -> None:
    ours = boxes((4, 4, 30, 30), (10, 2, 50, 40))
    torch.testing.assert_close(Polishers(1).move(maps(1), [ours], SIZE)[0], ours)


def test_polished_boxes_stay_in_the_picture() -> None:
    made = stirred()
    torch.nn.init.constant_(made.box.look[-1].bias, 3.0)  # type: ignore[arg-type]
    found = Found(boxes((4, 4, 30, 30), (50, 50, 60, 64)), torch.ones(2), torch.zeros(2, dtype=torch.int64))
    (made_of,) = polished(made, maps(1), [found], SIZE, [(60, 64)])
    moved = made_of.boxes_N4
    assert (
        (moved >= 0).all()
        and (moved <= torch.tensor([60, 64, 60, 64])).all()
        and (moved[:, 2:] - moved[:, :2] >= 1).all()
    )


def test_it_learns_to_move_boxes_back_and_leaves_good_ones() -> None:
    made, level = Polishers(1), maps(1)
    truths = [boxes((8, 8, 36, 30), (36, 34, 60, 58))]
    # Where the objects are must be seen: mark them on one channel.
    for stride, one in zip(LEVELS, level, strict=True):
        one[:, 64:] = 0
        for x0, y0, x1, y1 in (truths[0] / stride).round().int().tolist():
            one[:, 64:, y0:y1, x0:x1] = 1
    optimizer = torch.optim.Adam(made.box.parameters(), lr=2e-3)
    for _ in range(60):
        loss = made.box_loss(level, truths, SIZE)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    torch.manual_seed(5)
    noisy = jitter(truths[0], scale=0.2, count=100, size=SIZE)
    before, which = best_match(noisy, truths[0])
    with torch.no_grad():
        (after,) = made.move(level, [noisy], SIZE)
        (tight,) = made.move(level, truths, SIZE)
    met = torch.diagonal(torch.stack([best_match(after, one[None])[0] for one in truths[0]])[which])
    assert float(met.mean()) > float(before.mean()) + 0.1
    assert float(best_match(tight, truths[0])[0].min()) > 0.8


# --- data --------------------------------------------------------------------------------------------


def test_batches_are_half_boxed_and_always_the_same(tmp_path: Path) -> None:
    part_boxed(tmp_path / "s")
    first, second = (loader_of(tmp_path / "s").batch(3) for _ in range(2))
    assert first.num_boxed == 2 and torch.equal(first.jittered_BHWC, second.jittered_BHWC)
    assert all(torch.equal(a, b) for a, b in zip(first.true_boxes, second.true_boxes, strict=True))
    assert [len(part) for part in first.true_boxes[2:]] == [0, 0]
    assert all((part[:, 2:] > part[:, :2]).all() for part in first.true_boxes)


def test_a_box_follows_its_object(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=("box",), size=(64, 48))
    batch = loader_of(tmp_path / "s", batch_size=8).batch(0)
    for rgb, found, labels in zip(batch.rgb_BHWC, batch.true_boxes, batch.true_labels, strict=True):
        if len(found) and labels[0] >= 0:
            bright = torch.nonzero(rgb[..., 0] > 90)
            seen = torch.tensor([bright[:, 1].min(), bright[:, 0].min(), bright[:, 1].max(), bright[:, 0].max()])
            assert (found[0] - seen).abs().max() < 3


def test_of_a_class_marked_without_a_box_nothing_is_concluded(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=1, kinds=("box",))
    snapshot = read(tmp_path / "s")
    stroke = Scribble(5, 1, ((5.0, 5.0), (9.0, 9.0)), 3.0)
    images = [dataclasses.replace(image, marks=(*image.marks, stroke)) for image in snapshot.images]
    classes = (*CLASSES, dataclasses.replace(CLASSES[1], index=5, name="square"))
    write_manifest(tmp_path / "s", SnapshotSpec(classes=classes, images=tuple(images)))
    assert loader_of(tmp_path / "s", batch_size=1).batch(0).known_BK.tolist() == [[True, False]]


def test_boxes_of_the_background_teach_nothing(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=1, kinds=())
    snapshot = read(tmp_path / "s")
    images = [dataclasses.replace(image, marks=(Box(0, 1, 1.0, 1.0, 9.0, 9.0),)) for image in snapshot.images]
    write_manifest(tmp_path / "s", SnapshotSpec(classes=CLASSES, images=tuple(images)))
    with pytest.raises(TrainingError, match="draw boxes around all objects"):
        loader_of(tmp_path / "s")


def test_masks_beside_the_boxes_are_no_hindrance(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=2, kinds=("box",), num_masks=2)
    assert BoxSet(read(tmp_path / "s"), image_size=64, accepts=INFO.accepts).labelled_shares().tolist() == [2, 2]
    config = parse_config(INFO, {"image_size": 64, "batch_size": 1, "steps": 1})
    made = fit(
        method=INFO.name,
        config=config,
        snapshot_dir=tmp_path / "s",
        work_dir=tmp_path / "w",
        seed=0,
        callbacks=SilentCallbacks(),
        device="cpu",
    )
    assert made.steps == 1


def test_what_a_person_ruled_out_is_not_learnt(tmp_path: Path) -> None:
    part_boxed(tmp_path / "s")
    snapshot = read(tmp_path / "s")
    images = list(snapshot.images)
    images[2] = dataclasses.replace(images[2], marks=(Box(DISC, -1, 0.0, 0.0, 64.0, 48.0),))
    write_manifest(tmp_path / "s", SnapshotSpec(classes=CLASSES, images=tuple(images)))
    batch = loader_of(tmp_path / "s").batch(0)
    assert sorted(len(part) for part in batch.true_boxes[2:]) == [0, 1]
    found = Found(boxes((0, 0, 10, 10), (0, 0, 10, 10), (20, 0, 30, 10)), torch.ones(3), torch.tensor([0, 1, 0]))
    kept = allowed(found, boxes((0, 0, 25, 6)), torch.tensor([0]))
    assert kept.labels_N.tolist() == [1, 0] and kept.boxes_N4[1, 0] == 20


# --- training ----------------------------------------------------------------------------------------


def late(batch: BoxBatch) -> BoxBatch:
    return dataclasses.replace(batch, progress=0.9)


def test_the_polishers_teach_the_detector_nothing_and_copies_do_not_learn(tmp_path: Path) -> None:
    part_boxed(tmp_path / "s")
    made = task()
    parts = made._polishing_losses(loader_of(tmp_path / "s").batch(0))
    assert set(parts) == {"box_polisher", "category_polisher"}
    losses = made.polishers.box_loss(
        made.teacher.pyramid(torch.zeros((1, 64, 64, 3), dtype=torch.uint8)), [boxes((1, 1, 9, 9))], SIZE
    )
    losses.backward()  # type: ignore[no-untyped-call]
    copies = [*made.student.parameters(), *made.teacher.parameters(), *made.polishing.parameters()]
    assert all(part.grad is None for part in copies)
    assert any(part.grad is not None for part in made.polishers.box.parameters())


def test_unmarked_images_are_learnt_from_once_the_copy_finds_something(tmp_path: Path) -> None:
    part_boxed(tmp_path / "s")
    batch = late(loader_of(tmp_path / "s").batch(0))
    made = task(pseudo_box_score=0.05, category_sure=0.3)
    found = made.losses(batch).parts
    assert found["unmarked_class"] > 0 and found["unmarked_box"] > 0
    early = made.losses(dataclasses.replace(batch, progress=0.0)).parts
    assert set(early) == {"marks"}
    without = task(unmarked_weight=0, box_polishing=False, category_polishing=False).losses(batch).parts
    assert set(without) == {"marks"}


def test_the_copies_follow_as_the_closed_form_says() -> None:
    made = task(ema_decay=0.5)
    start = made.polishing.box.mix[0].bias.clone()  # type: ignore[operator]
    with torch.no_grad():
        made.polishers.box.mix[0].bias.add_(1.0)  # type: ignore[operator]
    for step in (20, 21, 22):  # late enough that it no longer follows faster
        made.after_step(step)
    torch.testing.assert_close(made.polishing.box.mix[0].bias, start + 1 - 0.5**3)


class _StopAt(SilentCallbacks):
    def __init__(self, step: int) -> None:
        self._step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self._step:
            raise Cancelled("enough")


def test_a_cancelled_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    part_boxed(tmp_path / "s")
    config = parse_config(INFO, {"image_size": 64, "batch_size": 2, "steps": 3, "pseudo_box_score": 0.05})

    def run(name: str, callbacks: SilentCallbacks) -> dict[str, Tensor]:
        made = fit(
            method=INFO.name,
            config=config,
            snapshot_dir=tmp_path / "s",
            work_dir=tmp_path / name,
            seed=1,
            callbacks=callbacks,
            device="cpu",
        )
        return checkpoint.load_folder(made.weights_dir)[0]

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopAt(1))
    parted = run("parted", SilentCallbacks())
    assert whole.keys() == parted.keys() and all(torch.equal(whole[name], parted[name]) for name in whole)


def test_weights_of_something_else_are_refused() -> None:
    made = task()
    weights = made.weights()
    with pytest.raises(RuntimeError, match="train it again"):
        made.load_weights({name: value for name, value in weights.items() if "class_head" not in name}, strict=True)


def test_a_prediction_is_a_distribution_over_classes() -> None:
    probabilities = task().predict(torch.randint(0, 255, (2, 64, 96, 3), dtype=torch.uint8))
    assert probabilities.shape == (2, 2, 16, 24)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, 16, 24))


def test_results_are_polished_too_and_told_apart_again() -> None:
    made, rgb = task(), torch.randint(0, 255, (1, 64, 96, 3), dtype=torch.uint8)
    (plain,) = made.find(rgb, [(90, 64)])
    torch.nn.init.constant_(made.polishing.box.look[-1].bias, 0.2)  # type: ignore[arg-type]
    (moved,) = made.find(rgb, [(90, 64)])
    assert len(moved.boxes_N4) > 0 and moved.boxes_N4[:, 2].max() <= 90
    assert not torch.equal(moved.boxes_N4[0], plain.boxes_N4[0]) and moved.scores_N[0] == plain.scores_N[0]
    overlaps = ops.box_iou(moved.boxes_N4, moved.boxes_N4) - torch.eye(len(moved.boxes_N4))
    assert float(overlaps.max()) <= 0.6
    unpolished = task(box_polishing=False)
    unpolished.load_weights(made.weights(), strict=True)
    torch.testing.assert_close(unpolished.find(rgb, [(90, 64)])[0].boxes_N4, plain.boxes_N4)
