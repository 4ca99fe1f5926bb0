"""Candidates, their scores and the gate by hand; data; rounds; who learns from what; a run that stops and goes on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision import ops

from models_zoo import Box, Cancelled, SnapshotSpec, Tag, parse_config, write_manifest
from models_zoo.engine import SilentCallbacks, checkpoint, fit
from models_zoo.losses.detection import OPEN
from models_zoo.methods.base import TaskContext
from models_zoo.methods.tsddnet.data import TaggedBatch, TaggedBoxLoader, TaggedBoxSet
from models_zoo.methods.tsddnet.info import INFO
from models_zoo.methods.tsddnet.memory import BoxMemory, Kept
from models_zoo.methods.tsddnet.networks import elsewhere, grown, shaken
from models_zoo.methods.tsddnet.refining import Belief, Gate, discovered, mended, scores, support, variants
from models_zoo.methods.tsddnet.task import ROUNDS, TSDDNet, _moved
from models_zoo.networks.detector import Answer, Found
from models_zoo.snapshot import SnapshotClass, SnapshotImage, read
from tests.models_zoo.toy import CLASSES, DISC, make_snapshot

SIZE = (64, 64)
GATE = Gate(candidates=32, hold=1.0, least_gain=0.1, class_score=0.7, box_score=0.3)
NOTHING = Found(torch.zeros((0, 4)), torch.zeros(0), torch.zeros(0, dtype=torch.int64))


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def detections(*rows: tuple[float, float, float, float], score: tuple[float, ...]) -> Found:
    return Found(boxes(*rows), torch.tensor(score), torch.zeros(len(score), dtype=torch.int64))


def constant(*probabilities: float) -> Belief:
    return lambda found: torch.tensor([probabilities]).expand(len(found), -1)


def sees(truth: Tensor, label: int) -> Belief:
    """A judge of two classes who knows where an object of class ``label`` is: as sure as a crop is tight, else none."""

    def believe(found: Tensor) -> Tensor:
        met = torch.sigmoid(12 * (ops.box_iou(found, truth[None])[:, 0] - 0.65))
        answer = torch.full((len(found), 3), 0.02)
        answer[:, label] += 0.94 * met
        answer[:, 2] += 0.94 * (1 - met)
        return answer

    return believe


# --- candidates, scores, gate ------------------------------------------------------------------------


def test_variants_begin_with_the_box_and_go_outwards() -> None:
    found = variants(boxes((10, 10, 20, 30)), 45)[0]
    assert found.shape == (45, 4) and len(torch.unique(found.round(decimals=3), dim=0)) == 45
    torch.testing.assert_close(found[:2], boxes((10, 10, 20, 30), (9.5, 9, 20.5, 31)))  # itself, 1.1 times
    torch.testing.assert_close(found[2:4], boxes((9, 10, 19, 30), (11, 10, 21, 30)))  # a tenth to both sides
    assert variants(boxes((10, 10, 20, 30)), 1).tolist() == [[[10, 10, 20, 30]]]


def test_scores_by_hand() -> None:
    half, quarter = torch.tensor([0.5, 0.5, 0.5]), torch.tensor([0.25, 0.25, 0.25])
    found = scores(half, quarter, torch.tensor([1.0, 0.5, 0.02]))
    expected = [2 * math.log(0.5), 3 * math.log(0.5), 2 * math.log(0.5) + math.log(0.1)]
    torch.testing.assert_close(found, torch.tensor(expected))
    torch.testing.assert_close(scores(half, quarter), torch.full((3,), 2 * math.log(0.5)))
    torch.testing.assert_close(scores(half, quarter, torch.tensor([0.5] * 3), hold=0.0), scores(half, quarter))


def test_support_by_hand() -> None:
    asked = boxes((0, 0, 10, 10), (0, 0, 10, 5), (40, 40, 50, 50))
    found = detections((0, 0, 10, 10), (0, 0, 10, 5), score=(0.8, 0.3))
    torch.testing.assert_close(support(asked, found), torch.tensor([0.8, 0.4, 0.05]))
    assert support(asked, NOTHING).tolist() == pytest.approx([0.05] * 3)


def test_one_candidate_gives_the_box_back() -> None:
    box = boxes((10, 10, 40, 40))[0]
    alone = dataclasses.replace(GATE, candidates=1)
    assert torch.equal(mended(box, box, 0, sees(boxes((14, 14, 36, 36))[0], 0), NOTHING, SIZE, alone), box)


def test_the_drawn_box_is_always_a_candidate() -> None:
    drawn, current, asked = boxes((10, 10, 40, 40))[0], boxes((12, 14, 37, 39))[0], []

    def believe(found: Tensor) -> Tensor:
        asked.append(found)
        return constant(0.9, 0.1)(found)

    for candidates in (1, 7):
        mended(current, drawn, 0, believe, NOTHING, SIZE, dataclasses.replace(GATE, candidates=candidates))
    assert all(any(torch.equal(row, drawn) for row in rows) for rows in asked)


def test_a_judge_that_says_always_the_same_moves_no_drawn_box() -> None:
    box = boxes((10, 10, 40, 40))[0]
    tried = variants(box[None], 45)[0]
    believed, overlap = constant(0.6, 0.4)(tried)[:, 0], ops.box_iou(tried, box[None])[:, 0]
    assert int(scores(believed, support(tried, NOTHING), overlap).argmax()) == 0
    for found in (NOTHING, detections((16, 16, 46, 46), score=(0.9,))):
        assert torch.equal(mended(box, box, 0, constant(0.6, 0.4), found, SIZE, GATE), box)


def test_a_judge_that_says_always_the_same_takes_the_surest_detection() -> None:
    found = detections((5, 5, 20, 20), (30, 30, 60, 60), (2, 40, 20, 60), score=(0.4, 0.8, 0.5))
    box = discovered(1, constant(0.05, 0.9, 0.05), found, SIZE, GATE)
    assert box is not None and box.tolist() == [30, 30, 60, 60]


def test_an_unsure_box_of_a_tagged_image_is_not_taken() -> None:
    found = detections((30, 30, 60, 60), score=(0.8,))
    assert discovered(1, constant(0.1, 0.69, 0.21), found, SIZE, GATE) is None
    assert discovered(1, constant(0.1, 0.9, 0.0), detections((30, 30, 60, 60), score=(0.29,)), SIZE, GATE) is None
    assert discovered(1, constant(0.1, 0.9, 0.0), NOTHING, SIZE, GATE) is None


def test_a_moved_box_is_always_clearly_better() -> None:
    moved = 0
    for seed in range(40):
        torch.manual_seed(seed)
        weights, box = torch.randn(4, 3) / 12, boxes((16, 16, 44, 44))[0]

        def believe(found: Tensor, weights: Tensor = weights) -> Tensor:
            return torch.softmax((found - 30) @ weights, dim=1)

        new = mended(box, box, 1, believe, NOTHING, SIZE, GATE)
        gain = float(believe(new[None])[0, 1] - believe(box[None])[0, 1])
        assert torch.equal(new, box) or gain > GATE.least_gain
        moved += not torch.equal(new, box)
    assert moved >= 5


def _two_rounds(drawn: Tensor, label: int, believe: Belief) -> Tensor:
    once = mended(drawn, drawn, label, believe, NOTHING, SIZE, GATE)
    return mended(once, drawn, label, believe, NOTHING, SIZE, GATE)


def test_enlarged_boxes_come_nearer_and_those_with_a_wrong_tag_stay() -> None:
    truths = boxes((12, 14, 36, 40), (20, 8, 52, 30), (16, 20, 48, 50))
    coarse = grown(truths, 0.2)  # 40 % larger
    before = torch.diagonal(ops.box_iou(coarse, truths))
    clean = torch.stack([_two_rounds(box, 0, sees(true, 0)) for box, true in zip(coarse, truths, strict=True)])
    wrong = torch.stack([_two_rounds(box, 1, sees(true, 0)) for box, true in zip(coarse, truths, strict=True)])
    after = torch.diagonal(ops.box_iou(clean, truths))
    assert float(after.mean()) > float(before.mean()) + 0.1
    assert torch.equal(wrong, coarse)


# --- crops -------------------------------------------------------------------------------------------


def test_grown_boxes_by_hand() -> None:
    assert grown(boxes((10, 20, 20, 40)), 0.2).tolist() == [[8, 16, 22, 44]]


def test_shaken_boxes_stay_near_and_empty_ones_away() -> None:
    torch.manual_seed(0)
    box = boxes((24, 24, 40, 40)).expand(200, 4)
    near = shaken(box, SIZE)
    shift = (near[:, :2] + near[:, 2:]) / 2 - 32
    assert float(shift.abs().max()) <= 3.2 + 1e-4
    sides = (near[:, 2:] - near[:, :2]) / 16
    assert float(sides.min()) >= 0.8 * 1.2 - 1e-4 and float(sides.max()) <= 1.25 * 1.4 + 1e-4
    away = elsewhere(boxes((4, 4, 20, 20)), SIZE)
    assert len(away) == 1 and float(ops.box_iou(away, boxes((4, 4, 20, 20))).max()) < 0.3
    assert len(elsewhere(boxes((0, 0, 64, 64)), SIZE)) == 0 and len(elsewhere(boxes(), SIZE)) == 0


def test_each_crop_is_judged_by_itself() -> None:
    made, rgb = task(), torch.randint(0, 255, (1, 64, 64, 3), dtype=torch.uint8)
    ours = boxes((4, 4, 30, 30), (10, 2, 50, 40), (30, 30, 64, 60))
    together = made.resting_judge.believe(rgb, ours, SIZE)
    torch.testing.assert_close(together.sum(dim=1), torch.ones(3))
    for place, box in enumerate(ours):
        alone = made.resting_judge.believe(rgb, box[None], SIZE)[0]
        torch.testing.assert_close(alone, together[place], rtol=1e-4, atol=1e-5)
    mirrored = made.resting_judge.believe(rgb.flip(2), boxes((34, 4, 60, 30)), SIZE)
    torch.testing.assert_close(mirrored[0], together[0], rtol=1e-3, atol=1e-4)


# --- data --------------------------------------------------------------------------------------------


def tagged(folder: Path, *, second: bool = False) -> None:
    """Two boxed images, one tagged with the disc, one tagged as having none, one unmarked; ``second``: a class more."""
    make_snapshot(folder, count=5, kinds=("box",), size=(70, 50))
    snapshot = read(folder)
    images = list(snapshot.images)
    images[2] = dataclasses.replace(images[2], marks=(Tag(DISC, 1), Tag(0, 1)))
    images[3] = dataclasses.replace(images[3], marks=(Tag(DISC, -1), *((Tag(5, -1),) if second else ())))
    images[4] = dataclasses.replace(images[4], marks=())
    classes = (*CLASSES, SnapshotClass(index=5, name="square", color=(0, 9, 0))) if second else CLASSES
    write_manifest(folder, SnapshotSpec(classes=classes, images=tuple(images)))


def remark(folder: Path, number: int, change: Callable[[SnapshotImage], SnapshotImage]) -> None:
    snapshot = read(folder)
    images = [change(image) if place == number else image for place, image in enumerate(snapshot.images)]
    write_manifest(folder, SnapshotSpec(classes=snapshot.classes, images=tuple(images)))


def loader_of(folder: Path, *, batch_size: int = 4, steps: int = 10) -> TaggedBoxLoader:
    dataset = TaggedBoxSet(read(folder), image_size=64, accepts=INFO.accepts)
    return TaggedBoxLoader(dataset, batch_size=batch_size, steps=steps, seed=0)


def task(num_classes: int = 2, **settings: object) -> TSDDNet:
    torch.manual_seed(0)
    context = TaskContext(num_classes=num_classes, class_weights_C=torch.ones(num_classes), seed=0, background=0)
    config = parse_config(INFO, {"image_size": 64, "crop_size": "64", "candidates": 3, **settings})
    return TSDDNet(config, context)  # type: ignore[arg-type]


def at(batch: TaggedBatch, progress: float) -> TaggedBatch:
    return dataclasses.replace(batch, progress=progress)


def test_boxed_images_come_first_and_unmarked_ones_not_at_all(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    loader = loader_of(tmp_path / "s")
    assert len(loader.dataset) == 4 and loader.boxes.num_boxed == 2
    first, second = loader.batch(3), loader_of(tmp_path / "s").batch(3)
    assert first.num_boxed == 2 and max(first.numbers[:2]) < 2 <= min(first.numbers[2:])
    assert torch.equal(first.jittered_BHWC, second.jittered_BHWC) and torch.equal(first.to_view_B4, second.to_view_B4)


def test_boxes_of_the_whole_image_lie_on_the_object_and_so_do_they_on_the_canvas(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    loader = loader_of(tmp_path / "s")
    for step in range(3):
        batch = loader.batch(step)
        for place in range(batch.num_boxed):
            (whole,) = batch.whole_boxes[place]
            bright = torch.nonzero(batch.whole_BHWC[place, : batch.sizes[place][1], :, 0] > 90)
            seen = torch.tensor([*bright.amin(dim=0).flip(0), *(bright.amax(dim=0) + 1).flip(0)])
            assert float((whole - seen).abs().max()) < 3
            if len(batch.true_boxes[place]) and batch.true_labels[place][0] >= 0:
                canvas = torch.tensor([batch.rgb_BHWC.shape[2], batch.rgb_BHWC.shape[1]] * 2)
                shown = _moved(whole[None], batch.to_view_B4[place]).clamp(min=0).minimum(canvas)
                torch.testing.assert_close(shown, batch.true_boxes[place], atol=0.01, rtol=0)


def test_what_an_image_shows_is_said_by_boxes_and_tags(tmp_path: Path) -> None:
    tagged(tmp_path / "s", second=True)
    loader = loader_of(tmp_path / "s", batch_size=8)
    labels: dict[int, int] = {}
    for step in range(6):
        batch = loader.batch(step)
        labels |= {n: int(label) for n, label in zip(batch.numbers, batch.image_labels_B, strict=True) if label != OPEN}
    assert labels == {0: 0, 1: 0, 2: 0, 3: 2}  # two of objects: 2 is none
    remark(tmp_path / "s", 0, lambda image: dataclasses.replace(image, marks=(*image.marks, Tag(5, 1))))
    batch = loader_of(tmp_path / "s", batch_size=8).batch(0)
    several = [place for place, number in enumerate(batch.numbers) if number == 0]
    assert several and all(batch.present_BK[place].tolist() == [True, True] for place in several)
    assert all(int(batch.image_labels_B[place]) == OPEN for place in several)


# --- training ----------------------------------------------------------------------------------------


def test_stages_follow_each_other_and_each_has_its_losses(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    batch, made = loader_of(tmp_path / "s").batch(0), task()
    assert set(made.losses(at(batch, 0.0)).parts) == {"marks", "crops"} and len(made.memory) == 0
    assert set(made.losses(at(batch, ROUNDS[0])).parts) == {"marks", "crops"} and int(made.rounds) == 1
    late = made.losses(at(batch, ROUNDS[1]))
    assert set(late.parts) == {"marks", "boxes", "images", "distillation"} and int(made.rounds) == 2
    late.total.backward()  # type: ignore[no-untyped-call]
    learning = (made.student.of_box, made.student.of_image, made.student.detector)
    assert all(any(p.grad is not None for p in part.parameters()) for part in learning)
    resting = [*made.teacher.parameters(), *made.resting_detector.parameters(), *made.resting_judge.parameters()]
    assert all(p.grad is None for p in [*resting, *made.judge.parameters()])


def test_parts_can_be_turned_off(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    batch = loader_of(tmp_path / "s").batch(0)
    plain = task(refine_boxes=False, pseudo_boxes=False, image_share=0)
    assert set(plain.losses(at(batch, 0.0)).parts) == {"marks"}
    assert set(plain.losses(at(batch, 0.9)).parts) == {"marks", "boxes"} and len(plain.memory) == 0
    assert "distillation" not in task(distillation_weight=0).losses(at(batch, 0.9)).parts


def judged(made: TSDDNet, believe: Belief, found: Found) -> list[int]:
    """Make the resting networks say this of every image; the list grows by each image they are asked about."""
    asked: list[int] = []
    logits = torch.logit(found.scores_N)[None]  # a score is the root of two probabilities, here alike

    def answer(rgb: Tensor, where: Tensor, size: tuple[int, int]) -> Tensor:
        asked.append(len(where))
        return believe(where)

    made.resting_judge.believe = answer  # type: ignore[method-assign, assignment]
    made.resting_detector.forward = lambda rgb: Answer(logits[..., None], found.boxes_N4[None], logits)  # type: ignore[method-assign, assignment]
    return asked


def test_images_are_mended_once_a_round_and_with_tags_get_the_box_that_shows_them(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    loader, made = loader_of(tmp_path / "s"), task()
    asked = judged(made, constant(0.95, 0.05), detections((20, 10, 40, 30), score=(0.9,)))
    batch = at(loader.batch(0), ROUNDS[0])
    disc = next(place for place, number in enumerate(batch.numbers) if number == 2)
    none = next(place for place, number in enumerate(batch.numbers) if number == 3)
    made.losses(batch)
    assert len(asked) == 3  # two drawn boxes and one tagged image; none is asked of the image without
    kept = made.memory.get(2)
    assert kept is not None and kept.boxes_N4.tolist() == [[20, 10, 40, 30]] and kept.labels_N.tolist() == [0]
    truth, free = made._truth(batch, disc), made._truth(batch, none)
    assert truth is not None and truth.emptiness is None
    assert free is not None and free.emptiness == 1 and len(free.boxes_N4) == 0
    made.losses(batch)
    assert len(asked) == 3
    made.losses(at(batch, ROUNDS[1]))
    assert len(asked) == 6


def test_a_tagged_image_without_a_sure_box_teaches_no_box(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    batch, made = at(loader_of(tmp_path / "s").batch(0), 0.9), task()
    judged(made, constant(0.4, 0.6), detections((20, 10, 40, 30), score=(0.9,)))
    parts = made.losses(batch).parts
    disc = next(place for place, number in enumerate(batch.numbers) if number == 2)
    assert made._truth(batch, disc) is None and {"images", "distillation"} <= set(parts)
    jittered = batch.jittered_BHWC.clone()
    jittered[disc] = 0
    other = task()
    judged(other, constant(0.4, 0.6), detections((20, 10, 40, 30), score=(0.9,)))
    for made_of in (made, other):
        made_of.eval()  # no running statistics of the batch
    torch.manual_seed(0)
    first = made.losses(batch).parts
    torch.manual_seed(0)
    second = other.losses(dataclasses.replace(batch, jittered_BHWC=jittered)).parts
    assert first["marks"] == pytest.approx(second["marks"], rel=1e-4)
    assert first["images"] != pytest.approx(second["images"], rel=1e-4)


def test_what_a_person_ruled_out_is_not_taken(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    free = Box(DISC, -1, 0.0, 0.0, 70.0, 50.0)
    remark(tmp_path / "s", 2, lambda image: dataclasses.replace(image, marks=(*image.marks, free)))
    made = task()
    judged(made, constant(0.95, 0.05), detections((20, 10, 40, 30), score=(0.9,)))
    made.losses(at(loader_of(tmp_path / "s").batch(0), ROUNDS[0]))
    kept = made.memory.get(2)
    assert kept is not None and len(kept.boxes_N4) == 0


def test_two_drawn_boxes_stay_two(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    more = Box(DISC, 1, 2.0, 2.0, 12.0, 12.0)
    remark(tmp_path / "s", 0, lambda image: dataclasses.replace(image, marks=(*image.marks, more)))
    made = task(candidates=45)
    judged(made, sees(boxes((2, 2, 8, 8))[0], 0), NOTHING)
    batch = at(loader_of(tmp_path / "s").batch(0), ROUNDS[0])
    made.losses(batch)
    place, kept = batch.numbers.index(0), made.memory.get(0)
    assert kept is not None and len(kept.boxes_N4) == 2
    assert torch.equal(kept.boxes_N4[0], batch.whole_boxes[place][0])  # shows nothing more elsewhere
    assert not torch.equal(kept.boxes_N4[1], batch.whole_boxes[place][1])


def test_what_is_kept_survives_a_checkpoint() -> None:
    made, other = task(), task()
    made.memory.put(4, Kept(boxes((1, 2, 3, 4)), torch.tensor([0]), 1))
    made.memory.put(11, Kept(boxes(), torch.zeros(0, dtype=torch.int64), 2))
    made.rounds += 2
    other.restore(made.checkpoint())
    kept, nothing = other.memory.get(4), other.memory.get(11)
    assert kept is not None and (kept.boxes_N4.tolist(), kept.labels_N.tolist(), kept.round) == ([[1, 2, 3, 4]], [0], 1)
    assert nothing is not None and nothing.boxes_N4.shape == (0, 4) and nothing.round == 2
    assert int(other.rounds) == 2 and len(BoxMemory()) == 0


class _StopAt(SilentCallbacks):
    def __init__(self, step: int) -> None:
        self._step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self._step:
            raise Cancelled("enough")


def test_a_cancelled_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    tagged(tmp_path / "s")
    settings = {"image_size": 64, "batch_size": 2, "steps": 5, "crop_size": "64", "candidates": 4, "least_gain": 0}
    config = parse_config(INFO, {**settings, "pseudo_class_score": 0.05, "pseudo_box_score": 0.05})

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
        run("parted", _StopAt(3))  # in the second round
    parted = run("parted", SilentCallbacks())
    assert whole.keys() == parted.keys() and all(torch.equal(whole[name], parted[name]) for name in whole)


# --- use ---------------------------------------------------------------------------------------------


def test_scores_and_diagnoses_by_hand() -> None:
    made = task(num_classes=3)
    found = detections((4, 4, 30, 30), (32, 32, 60, 60), score=(0.8, 0.5))
    box_probs, image_probs = torch.tensor([[0.2, 0.6, 0.2], [0.1, 0.1, 0.8]]), torch.tensor([[0.4, 0.4, 0.2]])
    made._look = lambda rgb, sizes: ([found], [box_probs], image_probs)  # type: ignore[method-assign, assignment]
    (one,) = made.find(torch.zeros((1, 64, 64, 3)), [SIZE])
    assert one.labels_N.tolist() == [1, 0]
    torch.testing.assert_close(one.scores_N, torch.tensor([0.8 * 0.5, 0.5 * 0.25]))
    torch.testing.assert_close(made.diagnose(torch.zeros((1, 64, 64, 3)), [SIZE])[0], torch.tensor([0.3, 0.5, 0.2]))
    weak = Found(found.boxes_N4, found.scores_N * 0.3, found.labels_N)
    made._look = lambda rgb, sizes: ([weak], [box_probs], image_probs)  # type: ignore[method-assign, assignment]
    torch.testing.assert_close(made.diagnose(torch.zeros((1, 64, 64, 3)), [SIZE]), image_probs)


def test_a_prediction_is_a_distribution_over_classes() -> None:
    probabilities = task(num_classes=3).predict(torch.randint(0, 255, (2, 64, 96, 3), dtype=torch.uint8))
    assert probabilities.shape == (2, 3, 16, 24)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, 16, 24))


def test_weights_of_something_else_are_refused() -> None:
    made = task()
    with pytest.raises(RuntimeError):
        made.load_weights({name: value for name, value in made.weights().items() if "of_box" not in name}, strict=True)
