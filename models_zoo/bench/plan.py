"""What is asked for, and the trainings it takes: one piece each, named by everything its result depends on.

Imports no torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from models_zoo.bench.suites import DEFAULT, FULL, FULL_METHOD, VARIANTS, Profile, Suite, Variant
from models_zoo.info import MethodInfo, config_fields, parse_config
from models_zoo.labelled_folder import LabelledFolder, Part
from models_zoo.registry import get_method

_SOURCES = Path(__file__).resolve().parents[1]
_NO_INPUTS = {"cli.py", *(f"bench/{name}.py" for name in ("chart", "command", "report", "running", "suites"))}
"""Sources that cannot change the result of a training."""
_SHARED = ("encoder", "image_size", "batch_size", "steps", "effort", "learning_rate")
"""Settings that full supervision takes over from the method beside it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asks for.

    Attributes:
        wrong_marks: shares of the marks that name a wrong class; each is a condition of its own.
        variants: which of `VARIANTS`, and `DEFAULT`, are trained; None: as the suite says.
        settings: of every method that has them, after the suite's and the profile's.
        part: measured on; None: as the suite says.
    """

    suite: Suite
    profile: Profile
    folders: tuple[LabelledFolder, ...]
    methods: tuple[str, ...]
    marks: tuple[str, ...]
    seeds: int
    wrong_marks: tuple[float, ...]
    variants: tuple[str, ...] | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    part: Part | None = None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One training and its measurement."""

    data: str
    content: str
    method: str
    settings: dict[str, object]
    marks: str
    wrong_marks: float
    seed: int
    part: Part
    limit: int
    device: str

    @property
    def key(self) -> str:
        """Names the result: the folder's bytes, the settings, the sources and torch are all in it, the path is not."""
        inputs = {**dataclasses.asdict(self), "data": Path(self.data).name, "code": code_digest(), "torch": _torch()}
        text = json.dumps(inputs, sort_keys=True)
        return f"{Path(self.data).name}-{self.method}-{self.marks}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def to_json(self) -> str:
        """Read back by `from_json`."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Piece:
        """Invert `to_json`."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table: the pieces of its seeds, and those of full supervision beside each."""

    method: str
    variant: str
    marks: str
    wrong_marks: float
    pieces: tuple[Piece, ...]
    full: tuple[Piece, ...]


def plan_rows(wanted: Wanted) -> list[Row]:
    """The lines of every folder: full supervision first, then each method, kind of mark and condition.

    Raises:
        ConfigError: settings that no method takes.
        ValueError: methods that make no proposals, variants that do not exist.
    """
    _check_names(wanted)
    rows: list[Row] = []
    for folder in wanted.folders:
        blank = _blank(wanted, folder)
        own = [row for info in map(get_method, wanted.methods) for row in _rows_of(wanted, blank, info)]
        full = {row.full[0].key: row.full for row in own}
        rows += [
            Row(method=FULL_METHOD, variant=DEFAULT, marks=FULL, wrong_marks=0.0, pieces=pieces, full=pieces)
            for pieces in full.values()
        ]
        rows += own
    return rows


def in_order(rows: Sequence[Row]) -> list[Piece]:
    """Every piece once, by seed and then full supervision first: whatever time there is, each row gets its share."""
    pieces: dict[str, Piece] = {}
    for number in range(max((len(row.pieces) for row in rows), default=0)):
        for row in rows:
            for piece in (row.full[number], row.pieces[number]):
                pieces.setdefault(piece.key, piece)
    return list(pieces.values())


def content_digest(folder: LabelledFolder) -> str:
    """Sha256 over the classes and the bytes of every picture and mask, by name."""
    digest = hashlib.sha256((folder.path / "classes.json").read_bytes())
    for name in folder.names:
        for path in (folder.picture(name), folder.mask(name)):
            digest.update(f"{path.name}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """Sha256 over the sources that a result depends on."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        name = path.relative_to(_SOURCES).as_posix()
        if name not in _NO_INPUTS:
            digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _torch() -> str:
    return metadata.version("torch")


def _check_names(wanted: Wanted) -> None:
    known = {DEFAULT, *(variant.name for variant in VARIANTS)}
    for name in wanted.variants or ():
        if name not in known:
            raise ValueError(f"there is no variant {name!r}; there are: {', '.join(sorted(known))}")
    for name in wanted.methods:
        info = get_method(name)
        if not (info.accepts and info.proposes):
            raise ValueError(f"{name} makes no proposals from marks, so there is nothing to compare: leave it out")
    takers = {each.name for name in wanted.methods for each in config_fields(get_method(name).config)}
    for name in wanted.settings:
        if name not in takers:
            raise ValueError(f"{name} is a setting of none of {', '.join(wanted.methods)}")


def _blank(wanted: Wanted, folder: LabelledFolder) -> Piece:
    """What all pieces of a folder have in common."""
    return Piece(
        data=str(folder.path),
        content=content_digest(folder),
        method=FULL_METHOD,
        settings={},
        marks=FULL,
        wrong_marks=0.0,
        seed=0,
        part=wanted.part or wanted.suite.part,
        limit=wanted.suite.limit,
        device=wanted.profile.device,
    )


def _rows_of(wanted: Wanted, blank: Piece, info: MethodInfo) -> Iterator[Row]:
    for variant in _variants(wanted, info):
        settings = _settings(wanted, info, variant)
        full = replace(blank, settings=_full(settings))
        for marks, share in itertools.product(wanted.marks, wanted.wrong_marks):
            own = replace(blank, method=info.name, settings=settings, marks=marks, wrong_marks=share)
            yield Row(
                method=info.name,
                variant=variant.name,
                marks=marks,
                wrong_marks=share,
                pieces=tuple(replace(own, seed=seed) for seed in range(wanted.seeds)),
                full=tuple(replace(full, seed=seed) for seed in range(wanted.seeds)),
            )


def _variants(wanted: Wanted, info: MethodInfo) -> list[Variant]:
    offered = [Variant(method=info.name, name=DEFAULT, settings={})]
    offered += [variant for variant in VARIANTS if variant.method == info.name]
    if wanted.variants is not None:
        return [variant for variant in offered if variant.name in wanted.variants]
    return offered if wanted.suite.ablates else offered[:1]


def _settings(wanted: Wanted, info: MethodInfo, variant: Variant) -> dict[str, object]:
    """As far as the method has them; what is nearer to the person wins. Checked here, before anything is trained."""
    taken = {**wanted.profile.settings, **wanted.suite.settings, **wanted.settings}
    names = {each.name for each in config_fields(info.config)}
    settings = {**{name: value for name, value in taken.items() if name in names}, **variant.settings}
    return dataclasses.asdict(parse_config(info, settings))


def _full(settings: Mapping[str, object]) -> dict[str, object]:
    info = get_method(FULL_METHOD)
    return dataclasses.asdict(parse_config(info, {name: settings[name] for name in _SHARED if name in settings}))
