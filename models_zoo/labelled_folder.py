"""A folder of pictures with the truth about each: `images/`, `masks/` (index PNG, 255 is ignore) and `classes.json`.

Benchmarks are made from such folders. They are split by the names of their pictures, so that everybody who measures on
a folder measures on the same part of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from models_zoo.label_map import LabelMap, LabelMapError, decode_png
from models_zoo.mark_checks import MAX_CLASS_INDEX

Part = Literal["train", "val", "test"]

# Data sets whose pictures come in groups that must not meet across splits: what a name has in common within one.
GROUPS: Final = {
    "camvid11": r"[^_]+",  # the drive
    "aerial_dubai": r"tile\d+",  # the satellite tile
    "histo_monuseg": r".+(?=_\d+$)",  # the slide
    "mri_lgg": r"TCGA_[^_]+_[^_]+",  # the patient
}
MIN_IMAGES: Final = 5
_SHARES: Final = (0.6, 0.2)  # train, val; the rest is test
_BACKGROUND_NAMES: Final = {"background", "bg"}


class FolderError(ValueError):
    """A folder that cannot be used; the message says what to mend."""


@dataclass(frozen=True, kw_only=True)
class FolderClass:
    """A class as classes.json names it; no colour means whatever the reader gives it."""

    index: int
    name: str
    color: str = ""
    is_background: bool = False


@dataclass(frozen=True)
class LabelledFolder:
    """Pictures that have a mask; make one with `open`."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> LabelledFolder:
        """Raises FolderError when something is missing, with what."""
        for name in ("images", "masks", "classes.json"):
            if not (path / name).exists():
                raise FolderError(f"{path} has no {name}: give a folder with images/, masks/ and classes.json.")
        folder = cls(path)
        if len(folder.names) < MIN_IMAGES:
            raise FolderError(
                f"{path} holds {len(folder.names)} images with a mask; at least {MIN_IMAGES} are needed. "
                "A mask is masks/<the picture's name>.png."
            )
        return folder

    @cached_property
    def names(self) -> list[str]:
        """File names of pictures with a mask, sorted; two pictures that would share a mask are left out."""
        found = sorted(item.name for item in (self.path / "images").iterdir() if self.mask(item.name).is_file())
        stems = Counter(Path(name).stem for name in found)
        return [name for name in found if stems[Path(name).stem] == 1]

    @cached_property
    def classes(self) -> list[FolderClass]:
        """Raises FolderError for a classes.json that cannot be used."""
        try:
            content = json.loads((self.path / "classes.json").read_bytes())
        except ValueError as error:
            raise _bad("it is not valid JSON") from error
        return read_classes(content)

    @cached_property
    def splits(self) -> dict[str, Part]:
        """60/20/20 by the sorted hash of the name; whole groups stay together."""
        return split_by_names(self.names, group_of=self.group_of)

    def part(self, part: Part) -> list[str]:
        """Names of one split, sorted."""
        return [name for name in self.names if self.splits[name] == part]

    def group_of(self, name: str) -> str:
        """What pictures of one drive, tile, slide or patient share; else the name itself."""
        pattern = GROUPS.get(self.path.name)
        found = re.match(pattern, Path(name).stem) if pattern else None
        return found.group(0) if found else name

    def picture(self, name: str) -> Path:
        """Where the picture lies."""
        return self.path / "images" / name

    def mask(self, name: str) -> Path:
        """Where its mask lies."""
        return self.path / "masks" / f"{Path(name).stem}.png"

    def truth(self, name: str) -> LabelMap:
        """The true classes, uint8 (H, W). Raises FolderError for a mask that cannot be read."""
        path = self.mask(name)
        try:
            return decode_png(path.read_bytes())
        except (OSError, LabelMapError) as error:
            raise FolderError(f"{path} is no index PNG: {error}") from error


def read_classes(content: object) -> list[FolderClass]:
    """Both forms: {"classes": {"0": "name", …}} and {"classes": [{"index", "name", "color"?, "is_background"?}, …]}.

    In the short form a class called background or bg is the background. Raises FolderError for anything else, for
    doubled indexes or names, or for two backgrounds.
    """
    classes = content.get("classes") if isinstance(content, dict) else None
    if isinstance(classes, dict):
        wanted = [_named(index, name) for index, name in classes.items()]
    elif isinstance(classes, list):
        wanted = [_described(item) for item in classes]
    else:
        raise _bad('it must hold {"classes": {"0": "name", …}} or a list of classes')
    if not wanted:
        raise _bad("it names no class")
    for label, values in (("index", [w.index for w in wanted]), ("name", [w.name for w in wanted])):
        if len(set(values)) != len(values):
            raise _bad(f"a class {label} occurs twice")
    if sum(item.is_background for item in wanted) > 1:
        raise _bad("more than one class is the background")
    return sorted(wanted, key=lambda item: item.index)


def split_by_names(names: Iterable[str], *, group_of: Callable[[str], str] = str) -> dict[str, Part]:
    """60 % train, 20 % val, 20 % test of `names`, in the order of the sha256 of the name (of its group, if grouped).

    Whole groups go to one split, so frames of one drive never face each other across it.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(group_of(name), []).append(name)
    total = sum(len(members) for members in groups.values())
    dealt = 0
    splits: dict[str, Part] = {}
    for group in sorted(groups, key=lambda group: (hashlib.sha256(group.encode()).hexdigest(), group)):
        # By the middle of the group: a large one goes where most of it belongs.
        share = (dealt + len(groups[group]) / 2) / total
        part: Part = "train" if share < _SHARES[0] else "val" if share < sum(_SHARES) else "test"
        splits.update(dict.fromkeys(groups[group], part))
        dealt += len(groups[group])
    return splits


def _bad(what: str) -> FolderError:
    return FolderError(f"classes.json cannot be used: {what}.")


def _named(index: object, name: object) -> FolderClass:
    return _described({"index": index, "name": name, "is_background": str(name).strip().lower() in _BACKGROUND_NAMES})


def _described(item: object) -> FolderClass:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise _bad("each class needs an index and a name")
    index, color = str(item.get("index")), item.get("color", "")
    if not (index.isascii() and index.isdigit()) or len(index) > 3 or int(index) > MAX_CLASS_INDEX:
        raise _bad(f"class indexes are whole numbers from 0 to {MAX_CLASS_INDEX}")
    return FolderClass(
        index=int(index),
        name=item["name"].strip(),
        color=color.lower() if isinstance(color, str) else "",
        is_background=item.get("is_background") is True,
    )
