"""What the rest of the world may know about plug-ins without importing torch.

A method, an interactive segmenter, an acquisition function and an encoder each have a frozen info object:
name, title, licence, and where its code is. A `MethodConfig` is a frozen dataclass whose fields carry
range and help text; the web form is made from them, and `parse_config` is the only way in for values a
person typed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models_zoo.marks import MarkKind

FieldKind = Literal["int", "float", "bool", "choice"]


class ConfigError(ValueError):
    """Settings that do not fit a method.

    Attributes:
        errors: one sentence a field name, fit to be shown beside the field.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors: dict[str, str] = dict(errors)


class UnknownMethod(LookupError):
    """No plug-in is registered under that name; the message lists those that are."""


@dataclass(frozen=True, kw_only=True)
class MethodConfig:
    """Base of every method's settings; add fields with `setting`."""


@dataclass(frozen=True, kw_only=True)
class ConfigField:
    """One setting as a form needs it."""

    name: str
    kind: FieldKind
    default: int | float | bool | str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    help: str


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """A way to learn from weak marks.

    Attributes:
        name: registry key, equals the folder name.
        title: shown to people.
        accepts: kinds of mark it learns from; others are ignored, and the page says so.
        needs: those of them that it refuses to do without.
        config: type of its settings; the fields become the form.
        entry: "module:attribute" of the class implementing `methods.base.TrainingTask`.
        summary: one sentence for the form.
        paper: citations of what it builds on.
        license: licence of borrowed ideas or weights.
        loader: "module:attribute" of the `data.loader.Loader` that makes its batches.
        interactive: name of the interactive segmenter that its weights are for; such a version answers marks and
            makes no proposals by itself. Empty for all others.
        polishes: its versions mend the proposals of the model in use, and make none by themselves.
        detects: its versions find boxes, no masks.
        learns_unmarked: it also learns from images of the train split that nobody marked.
    """

    name: str
    title: str
    accepts: frozenset[MarkKind]
    config: type[MethodConfig]
    entry: str
    summary: str = ""
    paper: str = ""
    license: str = ""
    loader: str = "models_zoo.data.loader:Loader"
    interactive: str = ""
    needs: frozenset[MarkKind] = frozenset()
    polishes: bool = False
    detects: bool = False
    learns_unmarked: bool = False

    @property
    def proposes(self) -> bool:
        """Whether its versions propose masks by themselves."""
        return not (self.interactive or self.polishes or self.detects)


@dataclass(frozen=True, kw_only=True)
class EncoderInfo:
    """An image encoder; `is_pretrained` says whether its weights come with the installation."""

    name: str
    title: str
    is_pretrained: bool
    license: str


@dataclass(frozen=True, kw_only=True)
class InteractiveInfo:
    """A segmenter that answers within a fraction of a second; `entry` is "module:attribute" of its class.

    ``files`` names what it has to be built from (weights, say) and what no installation brings.
    """

    name: str
    title: str
    accepts: frozenset[MarkKind]
    entry: str
    needs_features: bool
    summary: str = ""
    paper: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AcquisitionInfo:
    """A rule for which image is worth a person's time next; `entry` is "module:attribute".

    Attributes:
        needs: parts of `acquisition.PoolPredictions` it reads.
    """

    name: str
    title: str
    entry: str
    needs: tuple[str, ...] = ()
    summary: str = ""
    paper: str = ""

    @property
    def needs_embeddings(self) -> bool:
        """Whether it compares images with each other, so that all of the pool has to be ranked at once."""
        return "embeddings" in self.needs

    @property
    def needs_model(self) -> bool:
        """Whether it reads a model's predictions; otherwise it can order images before there is a model."""
        return bool(set(self.needs) - {"embeddings"})


@dataclass(frozen=True, kw_only=True)
class RefinerInfo:
    """A training-free step from scores to better scores; `entry` is "module:attribute" of a `Refiner`."""

    name: str
    title: str
    entry: str
    uses_features: bool = False
    summary: str = ""
    paper: str = ""


def setting(
    default: int | float | bool | str,
    *,
    help: str,
    min: float | None = None,
    max: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """Declare a field of a `MethodConfig`: its default, range and a sentence of help.

    Returns Any, as `dataclasses.field` does, so that the annotation of the field states its type.
    """
    metadata = {"help": help, "min": min, "max": max, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def config_fields(config: type[MethodConfig]) -> list[ConfigField]:
    """List the settings of a method in the order they were declared."""
    return [_describe(field) for field in dataclasses.fields(config)]


def _describe(field: dataclasses.Field[Any]) -> ConfigField:
    about = field.metadata
    default: Any = field.default
    return ConfigField(
        name=field.name,
        kind=_kind(default, bool(about["choices"])),
        default=default,
        minimum=about["min"],
        maximum=about["max"],
        choices=about["choices"],
        help=about["help"],
    )


def _kind(default: object, has_choices: bool) -> FieldKind:
    if has_choices:
        return "choice"
    if isinstance(default, bool):
        return "bool"
    return "int" if isinstance(default, int) else "float"


def parse_config(info: MethodInfo, values: Mapping[str, object]) -> MethodConfig:
    """Build a method's settings from plain values (JSON or form strings); missing ones take the default.

    Raises:
        ConfigError: an unknown name, a value of the wrong type or out of range; all of them at once.
    """
    fields = {field.name: field for field in config_fields(info.config)}
    errors: dict[str, str] = {}
    parsed: dict[str, object] = {}
    for name, value in values.items():
        if name not in fields:
            errors[name] = f"is not a setting of {info.title}; the settings are {', '.join(fields)}."
            continue
        try:
            parsed[name] = _parse(fields[name], value)
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise ConfigError(errors)
    return info.config(**parsed)


def _parse(field: ConfigField, value: object) -> object:
    if field.kind == "choice":
        if value not in field.choices:
            raise ValueError(f"must be one of {', '.join(field.choices)}.")
        return value
    if field.kind == "bool":
        return _parse_bool(value)
    return _in_range(field, _parse_number(field.kind, value))


def _parse_bool(value: object) -> bool:
    words: dict[object, bool] = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    key = str(value).lower()
    if key not in words:
        raise ValueError("must be true or false.")
    return words[key]


def _parse_number(kind: FieldKind, value: object) -> float | int:
    text = "a whole number" if kind == "int" else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"must be {text}.")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"must be {text}.") from None
    if not math.isfinite(number) or (kind == "int" and number != int(number)):
        raise ValueError(f"must be {text}.")
    return int(number) if kind == "int" else number


def _in_range(field: ConfigField, number: float | int) -> float | int:
    low, high = field.minimum, field.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise ValueError(
            f"must be between {low:g} and {high:g}."
            if low is not None and high is not None
            else f"must be at least {low:g}."
            if low is not None
            else f"must be at most {high:g}."
        )
    return number


def config_to_json(config: MethodConfig) -> dict[str, object]:
    """The settings as plain values; `parse_config` reads them back."""
    return dataclasses.asdict(config)
