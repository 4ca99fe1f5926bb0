"""Which trainings a suite takes, what names them, and what is refused before any of them starts."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_zoo import ConfigError, FolderError, LabelledFolder, encode_png, get_method, parse_config
from models_zoo.bench.plan import Piece, Wanted, in_order, plan_rows
from models_zoo.bench.snapshots import check_folder, write_snapshot
from models_zoo.bench.suites import DEFAULT, FULL, SUITES, VARIANTS, measured_methods, profile_named, suite_named
from models_zoo.simulation import COSTS
from models_zoo.snapshot import read
from tests.models_zoo.toy_folder import make_folder


def wanted_of(folder: Path, **changes: object) -> Wanted:
    wanted = Wanted(
        suite=suite_named("smoke"),
        profile=profile_named("cpu"),
        folders=(LabelledFolder.open(folder),),
        methods=("seeded_segmentation",),
        marks=("scribbles",),
        seeds=1,
        wrong_marks=(0.0,),
    )
    return replace(wanted, **changes)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "toy")


def test_full_supervision_is_trained_once_for_all_rows_of_a_network_and_first(folder: Path) -> None:
    wanted = wanted_of(folder, methods=("seeded_segmentation", "cam"), marks=("scribbles", "tags"), seeds=2)
    rows = plan_rows(wanted)
    assert [(row.method, row.marks) for row in rows] == [
        ("seeded_segmentation", FULL),
        ("seeded_segmentation", "scribbles"),
        ("seeded_segmentation", "tags"),
        ("cam", "scribbles"),
        ("cam", "tags"),
    ]
    assert len({row.full[0].key for row in rows}) == 1
    pieces = in_order(rows)
    assert len(pieces) == 2 * 5
    assert [piece.seed for piece in pieces] == [0] * 5 + [1] * 5
    assert pieces[0].marks == pieces[5].marks == FULL


def test_another_encoder_has_full_supervision_of_its_own(folder: Path) -> None:
    first = plan_rows(wanted_of(folder))[0].pieces[0]
    other = plan_rows(wanted_of(folder, settings={"encoder": "resnet18"}))[0].pieces[0]
    assert first.key != other.key and other.settings["encoder"] == "resnet18"


def test_the_key_follows_everything_that_is_put_in_and_not_the_path(folder: Path, tmp_path: Path) -> None:
    piece = plan_rows(wanted_of(folder))[1].pieces[0]
    changed = (
        replace(piece, seed=1),
        replace(piece, wrong_marks=0.3),
        replace(piece, marks="points"),
        replace(piece, part="val"),
        replace(piece, settings={**piece.settings, "steps": 7}),
    )
    assert len({piece.key, *(other.key for other in changed)}) == 6
    moved = tmp_path / "elsewhere" / "toy"
    shutil.copytree(folder, moved)
    assert plan_rows(wanted_of(moved))[1].pieces[0].key == piece.key
    (moved / "masks" / "toy00.png").write_bytes(encode_png(np.zeros((64, 64), np.uint8)))
    assert plan_rows(wanted_of(moved))[1].pieces[0].key != piece.key
    assert Piece.from_json(piece.to_json()) == piece


def test_what_may_change_a_method_is_never_measured_on_test() -> None:
    assert {suite.part for suite in SUITES if suite.ablates} == {"val"}


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: f"{variant.method}: {variant.name}")
def test_each_variant_changes_its_method_by_settings_that_exist(variant) -> None:  # type: ignore[no-untyped-def]
    info = get_method(variant.method)
    assert parse_config(info, variant.settings) != parse_config(info, {})
    assert variant.method in measured_methods()


def test_ablations_train_each_part_turned_off(folder: Path) -> None:
    rows = plan_rows(wanted_of(folder, suite=suite_named("ablations")))
    names = [row.variant for row in rows[1:]]
    assert names == [DEFAULT, *(each.name for each in VARIANTS if each.method == "seeded_segmentation")]
    some = plan_rows(wanted_of(folder, variants=("without dice",)))
    assert [row.variant for row in some[1:]] == ["without dice"]


def test_names_that_do_not_exist_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="no variant 'x'"):
        plan_rows(wanted_of(folder, variants=("x",)))
    with pytest.raises(ValueError, match="click_net makes no proposals"):
        plan_rows(wanted_of(folder, methods=("click_net",)))
    with pytest.raises(ValueError, match="speed is a setting of none"):
        plan_rows(wanted_of(folder, settings={"speed": 1}))
    with pytest.raises(ConfigError, match="image_size"):
        plan_rows(wanted_of(folder, settings={"image_size": 1}))


def test_only_the_train_part_is_learnt_from_and_its_seconds_are_counted(folder: Path, tmp_path: Path) -> None:
    opened = LabelledFolder.open(folder)
    check_folder(opened)
    weak, full = (row.pieces[0] for row in reversed(plan_rows(wanted_of(folder))))
    weak, full = replace(weak, limit=0), replace(full, limit=0)
    seconds = write_snapshot(weak, opened, tmp_path / "weak")
    images = read(tmp_path / "weak").images
    assert [image.id for image in images] == opened.part("train") and len(images) == 7
    assert {image.split for image in images} == {"train"} and not any(image.mask for image in images)
    assert all([mark.class_index for mark in image.marks] == [0, 1] for image in images)
    assert seconds == pytest.approx(7 * (COSTS.look + 2 * COSTS.scribble))
    assert write_snapshot(full, opened, tmp_path / "full") == pytest.approx(7 * (COSTS.look + 2 * COSTS.full_region))
    assert all(image.mask and not image.marks for image in read(tmp_path / "full").images)


def test_wrong_marks_lie_where_the_right_ones_would(folder: Path, tmp_path: Path) -> None:
    opened = LabelledFolder.open(folder)
    piece = replace(plan_rows(wanted_of(folder))[1].pieces[0], limit=0)
    write_snapshot(piece, opened, tmp_path / "right")
    write_snapshot(replace(piece, wrong_marks=0.5), opened, tmp_path / "wrong")
    pairs = [
        (right, wrong)
        for one, other in zip(read(tmp_path / "right").images, read(tmp_path / "wrong").images, strict=True)
        for right, wrong in zip(one.marks, other.marks, strict=True)
    ]
    assert all(replace(wrong, class_index=right.class_index) == right for right, wrong in pairs)
    assert 3 <= sum(right != wrong for right, wrong in pairs) <= 11


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("one class", "names one class: add a second"),
        ("all ignored", "not ignored"),
        ("one shown", "shows 'background' only"),
        ("unreadable", r"toy03\.png cannot be read as a picture"),
        ("other size", r"toy03\.png is 5 x 4, its picture 64 x 64"),
        ("unknown value", r"toy03\.png holds 9, which classes\.json does not name"),
    ],
)
def test_a_folder_that_cannot_be_used_says_what_to_mend(folder: Path, spoil: str, message: str) -> None:
    shapes = {"all ignored": np.full((64, 64), 255), "one shown": np.zeros((64, 64))}
    if spoil == "one class":
        (folder / "classes.json").write_text('{"classes": {"0": "background"}}')
    elif spoil == "unreadable":
        (folder / "images" / "toy03.png").write_bytes(b"nothing")
    elif spoil in shapes:
        for path in (folder / "masks").iterdir():
            path.write_bytes(encode_png(shapes[spoil].astype(np.uint8)))
    else:
        other = np.zeros((4, 5)) if spoil == "other size" else np.full((64, 64), 9)
        (folder / "masks" / "toy03.png").write_bytes(encode_png(other.astype(np.uint8)))
    with pytest.raises(FolderError, match=message):
        check_folder(LabelledFolder.open(folder))
