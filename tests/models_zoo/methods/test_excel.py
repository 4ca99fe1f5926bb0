"""ExCEL: words, maps and how they spread; what teaches when, with a learnt model and with a CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo import Cancelled, get_method, parse_config
from models_zoo.data.dataset import TrainingSet
from models_zoo.data.loader import Loader
from models_zoo.engine import SilentCallbacks, fit, load_predictor
from models_zoo.engine.checkpoint import load_folder
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.excel.places import (
    even_channels,
    inside_boxes,
    spread,
    spreading_attention,
    text_scores,
    transition,
)
from models_zoo.methods.excel.relations import relation_attention
from models_zoo.methods.excel.task import ExcelTraining
from models_zoo.methods.excel.words import PROMPT, class_texts, enrich, group
from models_zoo.networks.encoders import build_encoder
from models_zoo.networks.image_text.learnt import LearntImageText
from models_zoo.networks.image_text.surroundings import SURROUNDINGS
from models_zoo.seeds.class_maps import to_unit_range
from models_zoo.snapshot import read
from tests.models_zoo.networks.clip_folder import write_clip
from tests.models_zoo.toy import SETTINGS, disc_image, make_snapshot

INFO = get_method("excel")
CHEAP = {**SETTINGS, "encoder": "resnet18"}


def _task(**settings: object) -> ExcelTraining:
    torch.manual_seed(0)
    context = TaskContext(
        num_classes=2, class_weights_C=torch.ones(2), seed=0, background=0, class_names=("ground", "disc")
    )
    return ExcelTraining(parse_config(INFO, {**CHEAP, **settings}), context).train()  # type: ignore[arg-type]


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


# --- words ---------------------------------------------------------------------------------------


def test_one_group_that_says_the_same_as_the_name_leaves_its_direction() -> None:
    name = F.normalize(torch.randn(1, 8), dim=1)
    torch.testing.assert_close(enrich(name, name), name)


def test_a_name_takes_along_the_nine_tenths_of_the_groups_that_are_nearest() -> None:
    bank = torch.eye(10)
    name = F.normalize(torch.arange(10.0), dim=0)[None]
    weight = torch.softmax(name.masked_fill(torch.arange(10) == 0, -torch.inf), dim=1)
    torch.testing.assert_close(enrich(name, bank), F.normalize(name + weight, dim=1))


def test_groups_are_the_means_of_heaps_and_never_more_than_vectors() -> None:
    heaps = torch.tensor([[0.0, 0.0], [0.0, 2.0], [9.0, 0.0], [9.0, 2.0], [9.0, 1.0]])
    assert group(heaps, 2).tolist() == [[0.0, 1.0], [9.0, 1.0]]
    assert torch.equal(group(heaps, 2), group(heaps, 2))
    assert len(group(heaps, 112)) == 5


class _Reads(LearntImageText):
    """Notes what it was asked."""

    asked: list[str]

    def texts(self, sentences: Sequence[str]) -> Tensor:
        self.asked = [*getattr(self, "asked", []), *sentences]
        return super().texts(sentences)


def test_only_things_are_enriched_and_no_class_is_its_own_rival() -> None:
    torch.manual_seed(0)
    model = _Reads(build_encoder("resnet18"))
    names = ("background", "disc", "Tree")
    plain = class_texts(model, names, clusters=0, background=0)
    rich = class_texts(model, names, clusters=3, background=0)
    assert len(plain) == 3 + len(SURROUNDINGS) - 1  # the tree is asked for already
    assert torch.equal(rich[[0, *range(3, len(rich))]], plain[[0, *range(3, len(plain))]])
    assert not torch.allclose(rich[1:3], plain[1:3])
    torch.testing.assert_close(rich.norm(dim=1), torch.ones(len(rich)))


def test_what_somebody_wrote_about_a_class_stands_for_the_general_sentences() -> None:
    torch.manual_seed(0)
    model = _Reads(build_encoder("resnet18"))
    model.descriptions = {"disc": ("round and flat",)}
    class_texts(model, ("background", "Disc"), clusters=3, background=0)
    assert f"{PROMPT.format('Disc')} round and flat" in model.asked
    assert not any("close view" in sentence for sentence in model.asked)


# --- maps ----------------------------------------------------------------------------------------


def test_scores_by_hand() -> None:
    places = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # one place a text
    texts = torch.eye(2)
    likely = torch.softmax(torch.tensor([2.0, 0.0]), dim=0)
    weight = likely / likely.mean()
    found = text_scores(places, texts, torch.tensor([[1.0, 0.0]]))
    first = weight[0] - weight[0] / 2
    torch.testing.assert_close(found, torch.stack([first, -weight[1] / 2, -first, weight[1] / 2]).view(1, 2, 1, 2))
    torch.testing.assert_close(found.sum(dim=1), torch.zeros(1, 1, 2))


def test_every_channel_counts_alike_over_the_places() -> None:
    found = even_channels(torch.tensor([[[[3.0, 4.0]], [[0.0, 500.0]]]]))
    torch.testing.assert_close(found, torch.tensor([[[[0.6, 0.8]], [[0.0, 1.0]]]]))


def test_maps_go_from_0_to_1_and_a_picture_without_contrast_gives_no_nan() -> None:
    torch.manual_seed(0)
    scores = text_scores(torch.randn(2, 4, 3, 3), torch.randn(2, 4), torch.randn(2, 4))
    allowed, inside = torch.ones(2, 2, dtype=torch.bool), torch.ones(2, 3, 3, dtype=torch.bool)
    maps = to_unit_range(scores, allowed, inside)
    torch.testing.assert_close(maps.amin(dim=(2, 3)), torch.zeros(2, 2))
    torch.testing.assert_close(maps.amax(dim=(2, 3)), torch.ones(2, 2), atol=1e-3, rtol=0)
    same = text_scores(torch.ones(1, 4, 3, 3), torch.randn(2, 4), torch.randn(1, 4))
    flat = to_unit_range(same, allowed[:1], inside[:1])
    step = transition(relation_attention(torch.ones(1, 4, 3, 3)))
    assert spread(flat, step, inside_boxes(flat, 0.79)).isfinite().all() and flat.abs().max() < 1e-2


def test_a_step_is_symmetric_and_its_rows_sum_to_about_one() -> None:
    torch.manual_seed(0)
    step = transition(torch.rand(2, 9, 9) + 0.1)
    torch.testing.assert_close(step, step.transpose(1, 2))
    torch.testing.assert_close(step.sum(dim=2), torch.ones(2, 9), atol=0.02, rtol=0)


def test_places_that_only_look_at_themselves_keep_their_maps_inside_the_boxes() -> None:
    maps = torch.rand(1, 2, 3, 3)
    inside = torch.rand(1, 2, 3, 3) > 0.5
    torch.testing.assert_close(spread(maps, transition(torch.eye(9)[None]), inside), maps * inside)


def test_boxes_go_round_every_region_that_is_high_enough() -> None:
    row = [1.0, 0.0, 0.8, 0.0, 0.0]
    maps = torch.tensor([row, [0.0, 0.8, 0.0, 0.0, 0.0], [0.0] * 5, [0.0, 0.0, 0.0, 0.0, 0.78]]).view(1, 1, 4, 5)
    found = inside_boxes(torch.cat([maps, torch.zeros_like(maps)], dim=1), 0.79)
    assert found[0, 0].int().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0] * 5, [0] * 5]
    assert not found[0, 1].any()  # nothing is high in a map of zeros


def test_late_only_layers_that_fit_the_relation_say_where_to_spread() -> None:
    calm, wild = torch.full((1, 1, 2, 2), 0.5), torch.full((1, 1, 2, 2), 0.1)
    layers = torch.cat([wild, calm])
    torch.testing.assert_close(spreading_attention(layers), torch.full((1, 2, 2), 0.3))
    relation = torch.tensor([[[0.9, 0.2], [0.2, 0.9]]])
    # The sums of the differences are 1.8 and 0.2: only the second is at most their mean.
    torch.testing.assert_close(spreading_attention(layers, relation), 0.5 * relation)
    torch.testing.assert_close(spreading_attention(calm.repeat(3, 1, 1, 1), relation), 0.5 * relation)


def test_attention_to_add_leaves_out_what_is_less_alike_than_the_mean() -> None:
    two = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]]).view(1, 2, 1, 4)
    own = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    torch.testing.assert_close(relation_attention(two)[0], torch.cat([own, own, own.flip(1), own.flip(1)]))


# --- learning ------------------------------------------------------------------------------------


def test_the_learnt_model_learns_tags_first_and_then_rests(tagged: Path) -> None:
    task = _task()
    early = task.losses(_batch(tagged, 0.39))
    assert set(early.parts) == {"tags"}
    early.total.backward()  # type: ignore[no-untyped-call]
    assert isinstance(task.text.model, LearntImageText)
    learning = (task.text.model.encoder, task.text.model.project, task.text.model.words)
    assert all(any(p.grad is not None and p.grad.any() for p in part.parameters()) for part in learning)
    task.zero_grad()
    late = task.losses(_batch(tagged, 0.4))
    assert set(late.parts) == {"marks", "seeds", "relations", "ignored_share"}
    late.total.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in task.text.parameters())
    assert task.adapter is not None
    for part in (task.student, task.adapter):
        assert any(p.grad is not None and p.grad.any() for p in part.parameters())
    assert "relations" not in _task(relation_weight=0).losses(_batch(tagged, 0.9)).parts


def test_a_clip_is_asked_at_once_and_neither_learns_nor_is_saved(tagged: Path, clip: Path) -> None:
    task = _task(image_text="clip")
    resting = {name: value.clone() for name, value in task.text.state_dict().items()}
    optimizer = torch.optim.AdamW(task.parameter_groups())
    losses = task.losses(_batch(tagged, 0.0))
    assert set(losses.parts) == {"marks", "seeds", "relations", "ignored_share"}
    losses.total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    task.after_step(1)
    assert all(torch.equal(value, resting[name]) for name, value in task.text.state_dict().items())
    saved = task.checkpoint()
    assert saved and not any(name.startswith("text.") for name in saved)
    other = _task(image_text="clip")
    other.restore(saved)
    rgb = _batch(tagged, 0.0).rgb_BHWC
    assert torch.equal(task.predict(rgb), other.predict(rgb))


def test_the_surroundings_are_rivals_of_the_classes(tagged: Path, clip: Path) -> None:
    task, batch = _task(image_text="clip"), _batch(tagged, 0.0)
    told = torch.tensor([[False, True]] * 2)
    images = task.text.asked().normalise(batch.rgb_BHWC)
    whole = task.maps(images, task.texts(), told, batch.valid_Bhw, False)
    alone = task.maps(images, task.texts()[:2], told, batch.valid_Bhw, False)
    assert not torch.allclose(whole, alone)


def test_late_in_the_training_the_adapter_says_where_the_model_looks(tagged: Path) -> None:
    task, batch = _task(), _batch(tagged, 0.9)
    told = torch.tensor([[False, True]] * 2)
    with torch.no_grad():
        images, texts = task.text.asked().eval().normalise(batch.rgb_BHWC), task.texts()
        early, late = (task.maps(images, texts, told, batch.valid_Bhw, relates) for relates in (False, True))
    assert not torch.allclose(early, late) and not early[:, 0].any()


class _StopsAt(SilentCallbacks):
    """Cancels once a step is reached."""

    def __init__(self, step: int) -> None:
        self.step = step

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == self.step:
            raise Cancelled


@pytest.mark.parametrize("image_text", ["learnt", "clip"])
def test_a_run_that_was_stopped_ends_in_the_same_bits_and_predicts_without_the_clip(
    tagged: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_text: str
) -> None:
    config = parse_config(INFO, {**CHEAP, "image_text": image_text})

    def run(folder: str, callbacks: SilentCallbacks) -> Path:
        return fit(
            method="excel", config=config, snapshot_dir=tagged, work_dir=tmp_path / folder,
            seed=0, callbacks=callbacks, device="cpu",
        ).weights_dir  # fmt: skip

    whole = run("whole", SilentCallbacks())
    with pytest.raises(Cancelled):
        run("parted", _StopsAt(4))
    first, second = (load_folder(folder)[0] for folder in (whole, run("parted", SilentCallbacks())))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    monkeypatch.delenv("IMAGE_TEXT_MODEL")
    (prediction,) = load_predictor(whole, "cpu").predict_batch([disc_image(1, 64, 48)[0]])
    assert prediction.probabilities.shape == (2, 12, 16)
