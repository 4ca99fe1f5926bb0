"""Segment-anything models from ONNX files: what is put in, how answers are read, and which files are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("onnxruntime")

from models_zoo.interactive import ImageContext, InteractiveSegmenter, SegmenterFileError, create_segmenter
from models_zoo.interactive.sam_onnx.model import SamModel, load_model
from models_zoo.marks import Box, Mark, Point
from tests.models_zoo.interactive.small_files import CELLS, SIDE, write_decoder, write_encoder
from tests.models_zoo.interactive.test_segmenters import DISC, GROUND, STROKES, iou, scene

Signature = tuple[dict[str, Any], dict[str, Any]]
SIGNATURES: dict[str, Signature] = {
    "as SAM has it": ({}, {}),
    "as EdgeSAM has it": ({"name": "image"}, {"plain": True}),
    "with a picture as it is": ({"name": "input_image", "raw": True}, {"frame": 1024}),
    "other names": (
        {"name": "input"},
        {"rename": {"embedding": "embeddings", "coords": "points", "labels": "input_labels"}},
    ),
}


@pytest.fixture(params=SIGNATURES.values(), ids=list(SIGNATURES))
def sam(request: pytest.FixtureRequest, tmp_path: Path) -> InteractiveSegmenter:
    of_encoder, of_decoder = request.param
    files = {
        "encoder": write_encoder(tmp_path / "encoder.onnx", **of_encoder),
        "decoder": write_decoder(tmp_path / "decoder.onnx", **of_decoder),
    }
    segmenter = create_segmenter("sam_onnx", files)
    segmenter.set_image(ImageContext(rgb=scene()[0], class_indices=(0, 1, 2), background=GROUND))
    return segmenter


def test_strokes_find_their_regions(sam: InteractiveSegmenter) -> None:
    result, truth = sam.segment(STROKES, allowed=(0, 1, 2)), scene()[1]
    assert min(iou(result.label_map == index, truth == index) for index in range(3)) > 0.9


def test_one_point_and_a_box_find_the_disc(sam: InteractiveSegmenter) -> None:
    truth = scene()[1] == DISC
    point: Mark = Point(DISC, 1, 45, 60)
    asked: list[list[Mark]] = [[point], [Box(DISC, 1, 14, 29, 76, 91), point]]
    for marks in asked:
        assert iou(sam.segment(marks, allowed=(0, 1, 2)).label_map == DISC, truth) > 0.85


@pytest.fixture
def model(tmp_path: Path) -> SamModel:
    return SamModel(write_encoder(tmp_path / "encoder.onnx"), write_decoder(tmp_path / "decoder.onnx"))


class _Spy:
    """Keeps what a session is fed."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.feeds: dict[str, npt.NDArray[Any]] = {}

    def run(self, names: Any, feeds: dict[str, npt.NDArray[Any]]) -> Any:
        self.feeds = feeds
        return self.session.run(names, feeds)


def test_a_picture_is_brought_to_the_encoders_square_normalised_and_padded(model: SamModel) -> None:
    spy = _Spy(model._encoder)
    model._encoder = spy
    rgb = np.full((50, 100, 3), (123, 116, 103), np.uint8)
    rgb[:, 50:] = 255
    embedded = model.embed(rgb)
    fed = spy.feeds["x"]
    assert embedded.size == (SIDE, SIDE // 2) and embedded.embedding.shape == (1, 3, CELLS, CELLS)
    assert fed.shape == (1, 3, SIDE, SIDE) and fed.dtype == np.float32
    assert abs(float(fed[0, :, 60, 60].max())) < 0.02, "the mean colour becomes nought"
    assert float(fed[0, 0, 60, 200]) == pytest.approx((255 - 123.675) / 58.395, rel=1e-3)
    assert not fed[0, :, SIDE // 2 :].any(), "below the picture there is nothing"


def test_prompts_are_laid_out_as_the_decoder_wants_them(model: SamModel) -> None:
    embedded = model.embed(np.zeros((50, 100, 3), np.uint8))
    spy = _Spy(model._decoder)
    model._decoder = spy
    point, on = np.array([[8.0, 9.0]], np.float32), np.ones(1, np.float32)
    logits, quality = model.masks(embedded, point, on, None)
    assert spy.feeds["point_coords"].tolist() == [[[8, 9], [0, 0]]], "a point that is none ends a prompt without a box"
    assert spy.feeds["point_labels"].tolist() == [[1, -1]]
    assert spy.feeds["has_mask_input"].tolist() == [0] and not spy.feeds["mask_input"].any()
    assert spy.feeds["orig_im_size"].tolist() == [SIDE // 2, SIDE]
    assert spy.feeds["mask_input"].shape == (1, 1, SIDE, SIDE)
    assert logits.shape == (4, CELLS // 2, CELLS) and quality is not None and quality.shape == (4,)
    box = np.array([[1, 2], [30, 40]], np.float32)
    model.masks(embedded, box, np.array([2, 3], np.float32), np.full((50, 100), 8, np.float32))
    assert spy.feeds["point_labels"].tolist() == [[2, 3]]
    assert spy.feeds["has_mask_input"].tolist() == [1]
    held = spy.feeds["mask_input"][0, 0]
    assert (held[: SIDE // 2] == 8).all() and not held[SIDE // 2 :].any()


def test_a_lone_point_takes_the_mask_the_model_thinks_best_and_more_take_the_first(tmp_path: Path) -> None:
    files = {"encoder": write_encoder(tmp_path / "e.onnx"), "decoder": write_decoder(tmp_path / "d.onnx")}
    segmenter = create_segmenter("sam_onnx", files)
    segmenter.set_image(ImageContext(rgb=scene()[0], class_indices=(0, 1), background=GROUND))
    one: list[Mark] = [Point(DISC, 1, 45, 60)]
    two: list[Mark] = [*one, Point(DISC, 1, 45, 60.4)]
    place = (slice(55, 65), slice(40, 50))  # the second mask is the first one raised: likelier everywhere
    first, second = (segmenter.segment(marks, allowed=(0, 1)) for marks in (two, one))
    scores = [result.scores[result.classes.index(DISC)] for result in (first, second)]
    assert float(scores[1].mean()) > float(scores[0].mean())
    assert (first.label_map[place] == DISC).all() and (second.label_map[place] == DISC).all()


def test_a_previous_mask_is_leant_on(tmp_path: Path) -> None:
    files = {"encoder": write_encoder(tmp_path / "e.onnx"), "decoder": write_decoder(tmp_path / "d.onnx")}
    segmenter = create_segmenter("sam_onnx", files)
    rgb, truth = scene()
    segmenter.set_image(ImageContext(rgb=rgb, class_indices=(0, 1), background=GROUND))
    previous = np.where(truth == 2, DISC, GROUND).astype(np.uint8)
    marks: list[Mark] = [Point(DISC, 1, 45, 60), Point(DISC, 1, 40, 60)]
    without = segmenter.segment(marks, allowed=(0, 1)).label_map == DISC
    held = segmenter.segment(marks, allowed=(0, 1), previous=previous).label_map == DISC
    assert not without[60, 117] and held[60, 117]


def test_the_embedding_is_computed_once_an_image_and_the_files_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"encoder": write_encoder(tmp_path / "e.onnx"), "decoder": write_decoder(tmp_path / "d.onnx")}
    asked: list[int] = []
    embed = SamModel.embed

    def counted(self: SamModel, rgb: Any) -> Any:
        asked.append(1)
        return embed(self, rgb)

    monkeypatch.setattr(SamModel, "embed", counted)
    segmenter = create_segmenter("sam_onnx", files)
    segmenter.set_image(ImageContext(rgb=scene()[0], class_indices=(0, 1, 2), background=GROUND))
    for marks in (STROKES, STROKES[:1], STROKES):
        segmenter.segment(marks, allowed=(0, 1, 2))
    assert len(asked) == 1
    model = load_model(files["encoder"], files["decoder"])
    assert load_model(files["encoder"], files["decoder"]) is model
    write_encoder(files["encoder"], name="another")
    assert load_model(files["encoder"], files["decoder"]) is not model


# --- files that do not fit ------------------------------------------------------------------------


def refused(encoder: Path, decoder: Path) -> str:
    with pytest.raises(SegmenterFileError) as caught:
        create_segmenter("sam_onnx", {"encoder": encoder, "decoder": decoder})
    assert str(caught.value).endswith((".", ")"))
    return str(caught.value)


def test_files_that_are_missing_or_no_onnx_are_refused_by_name(tmp_path: Path) -> None:
    encoder, decoder = write_encoder(tmp_path / "e.onnx"), write_decoder(tmp_path / "d.onnx")
    assert "no file nowhere.onnx" in refused(tmp_path / "nowhere.onnx", decoder)
    (tmp_path / "text.onnx").write_text("not a model")
    assert "text.onnx is not an ONNX file" in refused(tmp_path / "text.onnx", decoder)
    (tmp_path / "cut.onnx").write_bytes(decoder.read_bytes()[:300])
    assert "cut.onnx is not an ONNX file" in refused(encoder, tmp_path / "cut.onnx")


def test_files_in_each_others_place_or_of_two_models_are_refused(tmp_path: Path) -> None:
    encoder, decoder = write_encoder(tmp_path / "e.onnx"), write_decoder(tmp_path / "d.onnx")
    assert "d.onnx asks for image_embeddings" in refused(decoder, encoder)
    assert "e.onnx takes no image_embeddings" in refused(encoder, encoder)
    assert "Give the two files of one model" in refused(encoder, write_decoder(tmp_path / "w.onnx", channels=5))


def test_a_decoder_with_an_input_nobody_knows_is_refused(tmp_path: Path) -> None:
    decoder = write_decoder(tmp_path / "d.onnx", rename={"labels": "shades"})
    text = refused(write_encoder(tmp_path / "e.onnx"), decoder)
    assert "takes no point_labels" in text and "shades" in text


def test_a_hash_beside_a_file_is_checked(tmp_path: Path) -> None:
    encoder, decoder = write_encoder(tmp_path / "e.onnx"), write_decoder(tmp_path / "d.onnx")
    beside = tmp_path / "e.onnx.sha256"
    beside.write_text(f"{hashlib.sha256(encoder.read_bytes()).hexdigest()}  e.onnx\n")
    create_segmenter("sam_onnx", {"encoder": encoder, "decoder": decoder})
    beside.write_text("0" * 64)
    encoder.touch()
    assert "e.onnx does not match the hash" in refused(encoder, decoder)
