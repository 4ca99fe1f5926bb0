"""Snapshots: what is written is read, the hash tells content, and no path leaves the folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from models_zoo import (
    Box,
    Point,
    Scribble,
    SnapshotClass,
    SnapshotError,
    SnapshotImage,
    SnapshotSpec,
    Tag,
    snapshot_hash,
    write_manifest,
)
from models_zoo.snapshot import read

CLASSES = (
    SnapshotClass(index=0, name="sky", color=(1, 2, 3), is_background=True),
    SnapshotClass(index=7, name="Grünes", color=(9, 8, 7)),
)
MARKS = (Tag(7, -1), Point(0, 1, 1.5, 2.5), Scribble(7, 1, ((1.0, 1.0), (2.0, 3.5)), 2.0), Box(7, 1, 0, 0, 4, 4))


def _image(number: int = 1) -> SnapshotImage:
    return SnapshotImage(
        id=f"{number}",
        sha256=f"{number:064x}",
        file=f"images/{number}.jpg",
        width=10,
        height=8,
        split="train",
        marks=MARKS,
        mask=f"masks/{number:064x}.png",
        mask_origin="edited",
    )


def _spec(*images: SnapshotImage) -> SnapshotSpec:
    return SnapshotSpec(classes=CLASSES, images=images)


def test_round_trip_sorted_by_id(tmp_path: Path) -> None:
    digest = write_manifest(tmp_path, _spec(_image(2), _image(1)))
    snapshot = read(tmp_path)
    assert snapshot.images == (_image(1), _image(2))
    assert snapshot.classes == CLASSES
    assert snapshot.hash == digest
    assert snapshot.background == 0
    assert snapshot.class_indices == (0, 7)
    assert snapshot.split("val") == ()


def test_the_same_state_gives_the_same_bytes_in_any_folder_and_order(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a", _spec(_image(1), _image(2)))
    write_manifest(tmp_path / "b", _spec(_image(2), _image(1)))
    for name in ("manifest.json", "images.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    "change",
    [{"split": "val"}, {"marks": MARKS[:2]}, {"mask": None}, {"sha256": "f" * 64}, {"width": 11}],
)
def test_the_hash_follows_the_content(change: dict[str, object]) -> None:
    changed = replace(_image(), **change)  # type: ignore[arg-type]
    assert snapshot_hash(CLASSES, [changed]) != snapshot_hash(CLASSES, [_image()])


def test_the_hash_does_not_follow_file_names() -> None:
    renamed = replace(_image(), file="images/other.jpg")
    assert snapshot_hash(CLASSES, [renamed]) == snapshot_hash(CLASSES, [_image()])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "images/../../etc/passwd"}, "leaves the snapshot folder"),
        ({"file": "/etc/passwd"}, "must lie in images/"),
        ({"file": "images/a\\..\\b"}, "leaves the snapshot folder"),
        ({"mask": "masks/../x.png"}, "mask must be"),
        ({"split": "training"}, "split must be one of"),
        ({"sha256": "abc"}, "64 hexadecimal"),
        ({"width": 0}, "at least 1"),
        ({"marks": (Tag(3, 1),)}, "class 3"),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(SnapshotError, match=message):
        write_manifest(tmp_path / "s", _spec(replace(_image(), **change)))  # type: ignore[arg-type]
    assert not (tmp_path / "s").exists()


def test_an_image_may_appear_once(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="twice"):
        write_manifest(tmp_path, _spec(_image(), _image()))


@pytest.mark.parametrize(
    "classes",
    [
        (),
        (replace(CLASSES[0], index=254),),
        (CLASSES[0], replace(CLASSES[1], index=0)),
        (CLASSES[0], replace(CLASSES[1], is_background=True)),
    ],
)
def test_class_lists_that_break_the_rules_are_refused(tmp_path: Path, classes: tuple[SnapshotClass, ...]) -> None:
    with pytest.raises(SnapshotError):
        write_manifest(tmp_path, SnapshotSpec(classes=classes, images=()))


def test_a_changed_line_is_noticed(tmp_path: Path) -> None:
    write_manifest(tmp_path, _spec(_image()))
    path = tmp_path / "images.jsonl"
    path.write_text(path.read_text().replace('"train"', '"test"'))
    with pytest.raises(SnapshotError, match="hash"):
        read(tmp_path)


def test_a_path_smuggled_into_the_file_is_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, _spec(_image()))
    path = tmp_path / "images.jsonl"
    path.write_text(path.read_text().replace("images/1.jpg", "images/../../1.jpg"))
    with pytest.raises(SnapshotError, match="leaves the snapshot folder"):
        read(tmp_path)


def test_the_faulty_line_is_named(tmp_path: Path) -> None:
    write_manifest(tmp_path, _spec(_image(1), _image(2)))
    path = tmp_path / "images.jsonl"
    first = path.read_text().splitlines()[0]
    path.write_text(first + "\n{broken\n")
    with pytest.raises(SnapshotError, match="line 2"):
        read(tmp_path)


@pytest.mark.parametrize("content", [None, "[]", "{", '{"format": 2}'])
def test_a_folder_without_a_usable_manifest_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(SnapshotError, match=r"manifest\.json"):
        read(tmp_path)


def test_files_are_looked_up_within_the_folder_only(tmp_path: Path) -> None:
    write_manifest(tmp_path, _spec(_image()))
    snapshot = read(tmp_path)
    assert snapshot.path("images/1.jpg") == tmp_path / "images" / "1.jpg"
    with pytest.raises(SnapshotError):
        snapshot.path("../1.jpg")


def test_the_manifest_is_plain_json_with_the_format_first(tmp_path: Path) -> None:
    write_manifest(tmp_path, _spec(_image()))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["num_images"] == 1
    assert manifest["classes"][1] == {"index": 7, "name": "Grünes", "color": [9, 8, 7], "is_background": False}
