"""A benchmark folder: `images/`, `masks/` (index PNG, 255 is ignore) and `classes.json`."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from labeling.errors import Invalid
from labeling.models import Split
from labeling.services.classes_file import WantedClass, read_classes
from labeling.transfer.splits import split_by_names
from models_zoo import LabelMapError, decode_png

LabelMap = npt.NDArray[np.uint8]

# Data sets whose pictures come in groups that must not meet across splits: what a name has in common within one.
GROUPS: Final = {
    "camvid11": r"[^_]+",  # the drive
    "aerial_dubai": r"tile\d+",  # the satellite tile
    "histo_monuseg": r".+(?=_\d+$)",  # the slide
    "mri_lgg": r"TCGA_[^_]+_[^_]+",  # the patient
}


@dataclass(frozen=True)
class DataFolder:
    """Pictures that have a mask, with the truth about each."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> DataFolder:
        """Raises Invalid when something is missing, with what."""
        for name in ("images", "masks", "classes.json"):
            if not (path / name).exists():
                raise Invalid(f"{path} has no {name}: give a folder with images/, masks/ and classes.json.")
        folder = cls(path)
        if len(folder.names) < 5:
            raise Invalid(f"{path} holds {len(folder.names)} images with a mask; a simulation needs at least 5.")
        return folder

    @cached_property
    def names(self) -> list[str]:
        """File names of pictures with a mask, sorted."""
        found = sorted(item.name for item in (self.path / "images").iterdir() if self._mask_of(item.name).is_file())
        stems = Counter(Path(name).stem for name in found)
        return [name for name in found if stems[Path(name).stem] == 1]

    @cached_property
    def classes(self) -> list[WantedClass]:
        """Raises Invalid for a classes.json that cannot be used."""
        return read_classes(json.loads((self.path / "classes.json").read_bytes()))

    @cached_property
    def splits(self) -> dict[str, Split]:
        """60/20/20 by the sorted hash of the name; whole groups stay together."""
        return split_by_names(self.names, group_of=self.group_of)

    def group_of(self, name: str) -> str:
        """What pictures of one drive, tile, slide or patient share; else the name itself."""
        pattern = GROUPS.get(self.path.name)
        found = re.match(pattern, Path(name).stem) if pattern else None
        return found.group(0) if found else name

    def picture(self, name: str) -> Path:
        return self.path / "images" / name

    def truth(self, name: str) -> LabelMap:
        """The true classes, uint8 (H, W). Raises Invalid for a mask that cannot be read."""
        path = self._mask_of(name)
        try:
            return decode_png(path.read_bytes())
        except LabelMapError as error:
            raise Invalid(f"{path} is no index PNG: {error}.") from error

    def _mask_of(self, name: str) -> Path:
        return self.path / "masks" / f"{Path(name).stem}.png"
