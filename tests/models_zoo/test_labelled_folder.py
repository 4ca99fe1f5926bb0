"""Folders with the truth about each picture: how they are split, and what is said of those that will not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from models_zoo import FolderError, LabelledFolder, read_classes
from models_zoo.labelled_folder import split_by_names
from tests.models_zoo.toy_folder import make_folder


def test_splits_by_name_keep_groups_together() -> None:
    names = [f"drive{n % 25}/frame{n}.png" for n in range(500)]
    splits = split_by_names(names, group_of=lambda name: name.split("/")[0])
    for group in {name.split("/")[0] for name in names}:
        assert len({split for name, split in splits.items() if name.startswith(f"{group}/")}) == 1
    counts = [sum(split == wanted for split in splits.values()) for wanted in ("train", "val", "test")]
    assert counts == [300, 100, 100]
    assert splits == split_by_names(reversed(names), group_of=lambda name: name.split("/")[0])


def test_a_folder_is_split_by_name_and_groups_stay_together(tmp_path: Path) -> None:
    plain = LabelledFolder.open(make_folder(tmp_path / "toy", num_images=10))
    assert sorted(plain.splits.values()) == ["test"] * 2 + ["train"] * 6 + ["val"] * 2
    grouped = tmp_path / "camvid11"
    for number in range(3):
        make_folder(tmp_path / f"part{number}", num_images=4, prefix=f"drive{number}_")
        for kind in ("images", "masks"):
            (grouped / kind).mkdir(parents=True, exist_ok=True)
            for path in (tmp_path / f"part{number}" / kind).iterdir():
                path.rename(grouped / kind / path.name)
    (grouped / "classes.json").write_text('{"classes": {"0": "a", "1": "b"}}')
    splits = LabelledFolder.open(grouped).splits
    assert len({(name.split("_")[0], split) for name, split in splits.items()}) == 3


def test_a_folder_that_does_not_do_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="has no images"):
        LabelledFolder.open(tmp_path)
    folder = make_folder(tmp_path / "toy", num_images=4)
    with pytest.raises(FolderError, match="at least 5"):
        LabelledFolder.open(folder)


def test_a_mask_or_a_class_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "toy", num_images=6)
    (folder / "masks" / "toy03.png").write_bytes(b"no picture")
    (folder / "classes.json").write_text("{")
    opened = LabelledFolder.open(folder)
    with pytest.raises(FolderError, match=r"toy03\.png is no index PNG"):
        opened.truth("toy03.png")
    with pytest.raises(FolderError, match=r"classes\.json cannot be used: it is not valid JSON"):
        opened.classes  # noqa: B018


def test_pictures_that_would_share_a_mask_are_left_out(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "toy", num_images=6)
    (folder / "images" / "toy01.jpg").write_bytes(b"another")
    assert "toy01.png" not in LabelledFolder.open(folder).names


def test_the_short_form_of_classes_knows_the_background_by_its_name() -> None:
    ground, horse = read_classes({"classes": {"0": "Background", "7": "horse"}})
    assert (ground.is_background, horse.is_background, horse.index) == (True, False, 7)
    with pytest.raises(FolderError, match="a class name occurs twice"):
        read_classes({"classes": {"0": "horse", "7": "horse"}})
