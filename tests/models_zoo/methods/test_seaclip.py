"""SeaCLIP: whose sentence a cell is nearest to, two grids in one answer, and what teaches when."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models_zoo import Cancelled, get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit, load_predictor
from models_zoo.engine.checkpoint import load_folder
from models_zoo.marks import IGNORE
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.seaclip.cells import NOBODY, averaged, compared, sentence_vectors, standardised, word_labels
from models_zoo.methods.seaclip.task import SeaClipTraining
from models_zoo.networks.cells import from_cells, to_cells
from models_zoo.networks.image_text.clip_files import load_clip
from models_zoo.networks.image_text.learnt import LearntImageText
from models_zoo.snapshot import read
from tests.models_zoo.networks.clip_folder import write_clip
from tests.models_zoo.toy import SETTINGS, disc_image, make_snapshot

INFO = get_method("seaclip")
CHEAP = {**SETTINGS, "encoder": "resnet18"}
OWNERS = torch.tensor([NOBODY, 1, 1, 2])
NOT_PURE = torch.tensor([False])


def _task(**settings: object) -> SeaClipTraining:
    torch.manual_seed(0)
    context = TaskContext(
        num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0, class_names=("ground", "disc")
    )
    return SeaClipTraining(parse_config(INFO, {**CHEAP, **settings}), context).train()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagged")
    make_snapshot(folder, count=2, kinds=("tag",))
    return folder


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_clip(tmp_path / "clip")
    monkeypatch.setenv("IMAGE_TEXT_MODEL", str(tmp_path / "clip"))
    return tmp_path / "clip"


def _batch(folder: Path, progress: float) -> Batch:
    dataset = TrainingSet(read(folder), image_size=64, accepts=INFO.accepts)
    return Loader(dataset, batch_size=2, steps=100, seed=0).batch(round(progress * 100))


def _scores(*cells: list[float]) -> Tensor:
    """One picture with a row of cells, each with its score of every sentence."""
    return torch.tensor(cells).T.view(1, 4, 1, -1)


def _labels(scores: Tensor, present: list[bool], background: int | None = 0) -> list[int]:
    found = word_labels(scores, OWNERS, torch.tensor([present]), NOT_PURE, background=background)
    return [int(value) for value in found.flatten()]


def test_a_cell_takes_the_pictures_label_if_its_best_sentence_is_about_any_thing() -> None:
    ground, own, another = [0.9, 0.1, 0.8, 0.2], [0.3, 0.1, 0.8, 0.2], [0.3, 0.1, 0.2, 0.8]
    assert _labels(_scores(ground, own, another), [False, True, False]) == [0, 1, 1]


def test_of_several_classes_a_cell_takes_the_most_fitting_and_without_background_always_one() -> None:
    scores = _scores([0.1, 0.2, 0.3, 0.4], [0.9, 0.1, 0.2, 0.0])
    assert _labels(scores, [False, True, True]) == [2, 0]
    assert _labels(scores, [False, True, True], background=None) == [2, 1]


def test_pictures_of_background_only_are_background_and_unknown_ones_teach_nothing() -> None:
    scores = _scores([0.1, 0.9, 0.3, 0.4]).expand(2, 4, 1, 1)
    nobody, pure = torch.zeros(2, 3, dtype=torch.bool), torch.tensor([True, False])
    assert word_labels(scores, OWNERS, nobody, pure, background=0).flatten().tolist() == [0, IGNORE]


def test_neither_grids_scale_nor_its_offset_changes_the_answer() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    found = averaged(first, second)
    torch.testing.assert_close(averaged(7 * first - 3, second), found)
    torch.testing.assert_close(averaged(first, 0.1 * second + 50), found, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(averaged(first[:1], second[:1]), found[:1])  # whatever else is in the batch
    torch.testing.assert_close(standardised(first).mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(standardised(first).square().mean(dim=(1, 2, 3)), torch.ones(2))
    assert averaged(torch.ones_like(first), second).isfinite().all()


def test_two_logits_by_hand() -> None:
    first = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1)  # standardised 1 and -1
    second = torch.tensor([-5.0, 5.0]).view(1, 2, 1, 1)  # -1 and 1
    torch.testing.assert_close(averaged(first, second).flatten(), torch.tensor([0.5, 0.5]))
    expected = torch.softmax(torch.tensor([1.0, -1.0]), dim=0)
    torch.testing.assert_close(averaged(first, first).flatten(), expected)


@pytest.mark.parametrize("side", [4, 8, 16])
def test_the_grid_covers_every_place_once(side: int) -> None:
    cells = to_cells(torch.ones(1, 1, 16, 24), side)
    number = torch.arange(cells.numel(), dtype=torch.float32).view(cells.shape)
    whole = from_cells(number, side, (16, 24), mode="nearest")
    assert whole.shape == (1, 1, 16, 24)
    assert sorted(set(whole.flatten().tolist())) == number.flatten().tolist()
    for value in number.flatten().tolist():
        rows, columns = torch.nonzero(whole[0, 0] == value).unbind(dim=1)
        height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
        assert len(rows) == height * width and max(height, width) <= side


def test_cells_are_the_mean_of_their_places_whatever_the_models_patches() -> None:
    places = torch.arange(8.0).view(1, 1, 2, 4)
    vectors = torch.tensor([[1.0]])
    assert compared(places, vectors, (1, 2), by_direction=False).flatten().tolist() == [2.5, 4.5]
    assert compared(places, vectors, (2, 4), by_direction=False).flatten().tolist() == list(range(8))
    assert compared(places, vectors, (4, 4), by_direction=False)[0, 0, :2, 0].tolist() == [0, 0]
    assert compared(places + 1, vectors, (1, 2), by_direction=True).flatten().tolist() == [1, 1]


def test_sentences_belong_to_classes_and_what_somebody_wrote_replaces_them(clip: Path) -> None:
    vectors, owners = sentence_vectors(load_clip(clip), ("ground", "disc"), 0)
    assert len(vectors) == len(owners) and (owners == 1).sum() == 3 and (owners == NOBODY).sum() > 60
    (clip / "descriptions.json").write_text('{"disc": ["a round thing"], "ground": ["sand", "water"]}')
    vectors, owners = sentence_vectors(load_clip(clip), ("ground", "disc"), 0)
    assert owners.tolist() == [NOBODY, NOBODY, 1]
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


def test_words_are_learnt_first_and_then_teach_the_second_grid(tagged: Path) -> None:
    task = _task()
    early = task.losses(_batch(tagged, 0.39))
    assert early.parts["tags"] > 0 and "word_cells" not in early.parts
    early.total.backward()  # type: ignore[no-untyped-call]
    assert isinstance(task.text.model, LearntImageText)
    assert any(p.grad is not None and p.grad.any() for p in task.text.model.words.parameters())
    assert all(p.grad is None for p in task.student.other.parameters())
    task.zero_grad()
    late = task.losses(_batch(tagged, 0.4))
    assert late.parts["word_cells"] > 0 and "tags" not in late.parts
    late.total.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in task.text.parameters())
    for part in (task.student.head, task.student.other.encoder, task.student.other.head):
        assert any(p.grad is not None and p.grad.any() for p in part.parameters())


def test_strokes_and_masks_are_not_guessed_over(tmp_path: Path) -> None:
    make_snapshot(tmp_path / "drawn", count=2, kinds=("tag", "scribble"))
    batch = _batch(tmp_path / "drawn", 0.8)
    labels = _task().word_labels(batch, (4, 4))
    drawn = to_cells(batch.targets_BChw.sum(dim=1, keepdim=True), 4)[:, 0] > 0
    assert drawn.any() and (labels[drawn] == IGNORE).all()
    make_snapshot(tmp_path / "full", count=2, num_masks=2)
    assert (_task().word_labels(_batch(tmp_path / "full", 0.8), (4, 4)) == IGNORE).all()


def test_a_clip_is_asked_at_once_and_neither_learns_nor_is_saved(tagged: Path, clip: Path) -> None:
    task = _task(image_text="clip")
    resting = {name: value.clone() for name, value in task.text.state_dict().items()}
    optimizer = torch.optim.AdamW(task.parameter_groups())
    losses = task.losses(_batch(tagged, 0.0))
    assert "word_cells" in losses.parts and "tags" not in losses.parts
    losses.total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert all(torch.equal(value, resting[name]) for name, value in task.text.state_dict().items())
    saved = task.checkpoint()
    assert saved and not any(name.startswith("text.") for name in saved)
    other = _task(image_text="clip")
    other.restore(saved)
    rgb = _batch(tagged, 0.0).rgb_BHWC
    assert torch.equal(task.predict(rgb), other.predict(rgb))


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == 4:
            raise Cancelled


@pytest.mark.parametrize("image_text", ["learnt", "clip"])
def test_a_run_that_was_stopped_ends_in_the_same_bits_and_predicts_without_the_clip(
    tagged: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_text: str
) -> None:
    config = parse_config(INFO, {**CHEAP, "image_text": image_text})

    def run(folder: str, callbacks: SilentCallbacks) -> Path:
        return fit(
            method="seaclip", config=config, snapshot_dir=tagged, work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        ).weights_dir  # fmt: skip

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt())
    first, second = (load_folder(folder)[0] for folder in (whole, run("parted", SilentCallbacks())))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    monkeypatch.delenv("IMAGE_TEXT_MODEL")
    (prediction,) = load_predictor(whole, "cpu").predict_batch([disc_image(1, 64, 48)[0]])
    assert prediction.probabilities.shape == (2, 12, 16)
