"""Archives are read entry by entry, within limits, and never to a name that came in."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from labeling.errors import Invalid
from labeling.transfer.files import Given, files_in_folder, iter_files
from labeling.transfer.names import FileKind, clean_path, role_of
from labeling.transfer.safe_zip import SafeZip, looks_like_zip
from tests.factories import photo, picture_bytes
from tests.labeling.transfer import hostile


def zip_at(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "incoming.zip"
    path.write_bytes(data)
    return path


def refusals(path: Path) -> dict[str, str]:
    with SafeZip(path) as archive:
        return {entry.name: entry.refusal.code if entry.refusal else "" for entry in archive.entries}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../etc/cron.d/x", "bad_name"),
        ("/etc/passwd", "bad_name"),
        ("C:\\windows\\x.png", "bad_name"),
        ("..\\..\\x.png", "bad_name"),
        ("a/../../b.png", "bad_name"),
        ("new\nline.png", "bad_name"),
        ("good/sub folder/ä.png", ""),
        ("back\\slash.png", ""),
    ],
)
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str, code: str) -> None:
    found = refusals(zip_at(tmp_path, hostile.zip_of({name: b"x", "other.png": b"y"})))
    assert list(found.values()) == [code, ""]


def test_links_and_encrypted_entries_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    assert refusals(zip_at(tmp_path, hostile.zip_with_link())) == {"link.jpg": "link", "good.png": ""}
    assert refusals(zip_at(tmp_path, hostile.encrypted_zip())) == {"secret.png": "encrypted"}


def test_a_ratio_bomb_is_refused_without_unpacking(tmp_path: Path) -> None:
    path = zip_at(tmp_path, hostile.zip_of({"zeros.png": bytes(5_000_000), "ok.png": picture_bytes(photo())}))
    assert refusals(path) == {"zeros.png": "zip_ratio", "ok.png": ""}


@pytest.mark.parametrize("data", [hostile.lying_zip(), hostile.overlong_zip()], ids=["too little", "too much"])
def test_sizes_that_lie_are_noticed_while_reading(tmp_path: Path, data: bytes) -> None:
    with SafeZip(zip_at(tmp_path, data)) as archive:
        (entry,) = archive.entries
        if entry.refusal is None:
            with pytest.raises(Invalid):
                archive.copy(entry, tmp_path / "out", max_bytes=2**30)


def test_an_entry_larger_than_allowed_is_refused_before_reading(tmp_path: Path) -> None:
    with SafeZip(zip_at(tmp_path, hostile.zip_of({"a.png": bytes(3000)}, zipfile.ZIP_STORED))) as archive:
        with pytest.raises(Invalid) as refused:
            archive.copy(archive.entries[0], tmp_path / "out", max_bytes=2999)
        assert refused.value.code == "too_large"
        assert not (tmp_path / "out").exists()
        archive.copy(archive.entries[0], tmp_path / "out", max_bytes=3000)
    assert (tmp_path / "out").read_bytes() == bytes(3000)


def test_too_many_entries_or_bytes_refuse_the_whole_zip(tmp_path: Path, settings: object) -> None:
    path = zip_at(tmp_path, hostile.zip_of({f"{n}.png": b"12345" for n in range(5)}))
    settings.MAX_ZIP_ENTRIES = 4  # type: ignore[attr-defined]
    with pytest.raises(Invalid) as refused:
        SafeZip(path)
    assert refused.value.code == "too_many_entries"
    settings.MAX_ZIP_ENTRIES = 5  # type: ignore[attr-defined]
    settings.MAX_ZIP_BYTES = 24  # type: ignore[attr-defined]
    with pytest.raises(Invalid) as refused:
        SafeZip(path)
    assert refused.value.code == "zip_too_large"


def test_a_giant_directory_is_not_even_read(tmp_path: Path, settings: object) -> None:
    settings.MAX_ZIP_ENTRIES = 1  # type: ignore[attr-defined]
    # The end record announces a directory of 200 MB; the file is sparse.
    path = tmp_path / "incoming.zip"
    with path.open("wb") as out:
        out.write(b"PK\x03\x04")
        out.seek(200_000_000)
        out.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 200_000_000 - 4, 4, 0))
    with pytest.raises(Invalid) as refused:
        SafeZip(path)
    assert refused.value.code == "too_many_entries"


def test_unusual_compression_and_damaged_zips_are_refused(tmp_path: Path) -> None:
    assert refusals(zip_at(tmp_path, hostile.zip_of({"a.png": b"x" * 99}, zipfile.ZIP_BZIP2))) == {"a.png": "bad_zip"}
    whole = hostile.zip_of({"a.png": b"x" * 99})
    with pytest.raises(Invalid) as refused:
        SafeZip(zip_at(tmp_path, whole[:-30]))
    assert refused.value.code == "bad_zip"


def test_what_operating_systems_leave_behind_is_ignored(tmp_path: Path) -> None:
    files = {"__MACOSX/._a.png": b"x", "a/.DS_Store": b"x", "Thumbs.db": b"x", "._b.png": b"x", "c.png": b"x"}
    assert refusals(zip_at(tmp_path, hostile.zip_of(files))) == {"c.png": ""}


def test_a_picture_with_a_zip_behind_it_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(hostile.polyglot())
    assert zipfile.is_zipfile(path) and not looks_like_zip(path)


def test_labels_are_unique_and_the_same_every_time(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.png", b"1")
        archive.writestr("a.png", b"2")
    path = zip_at(tmp_path, out.getvalue())
    given = [Given(name="set.zip", path=path), Given(name="set.zip", path=path)]
    labels = [found.label for found in iter_files(given, tmp_path / "scratch")]
    assert labels == ["set.zip/a.png", "set.zip/a.png (2)", "set.zip/a.png (3)", "set.zip/a.png (4)"]
    assert labels == [found.label for found in iter_files(given, tmp_path / "scratch")]


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = hostile.write(tmp_path / "set", {"images/b.png": b"x", "images/a.png": b"x"})
    (folder / "images/link.png").symlink_to("/etc/passwd")
    found = list(iter_files(files_in_folder(folder), tmp_path))
    assert [(item.label, item.refusal.code if item.refusal else "") for item in found] == [
        ("images/a.png", ""),
        ("images/b.png", ""),
        ("images/link.png", "link"),
    ]


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("a.jpg", FileKind.PICTURE, "a.jpg"),
        ("holiday/a.jpg", FileKind.PICTURE, "holiday/a.jpg"),
        ("set/images/x/a.jpg", FileKind.PICTURE, "x/a.jpg"),
        ("set/masks/x/a.png", FileKind.MASK, "x/a.png"),
        ("set/classes.json", FileKind.CLASSES, "classes.json"),
        ("masks.png", FileKind.PICTURE, "masks.png"),
    ],
)
def test_where_a_file_lies_says_what_it_is(path: str, kind: FileKind, name: str) -> None:
    role = role_of(clean_path(path))
    assert (role.kind, role.name) == (kind, name)
