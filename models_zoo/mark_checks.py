"""Strict checks of the values inside marks that come from outside: types, ranges, lengths."""

from __future__ import annotations

from collections.abc import Collection, Mapping

MAX_CLASS_INDEX = 253
MAX_SCRIBBLE_POINTS = 20_000
MAX_SCRIBBLE_WIDTH = 500.0
# Beyond any image side the project accepts; keeps later arithmetic on coordinates exact and finite.
MAX_COORDINATE = 1e7


class MarkError(ValueError):
    """A mark that cannot be used. ``code`` is stable, ``message`` is for the person who drew it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def checked_class_index(value: object) -> int:
    """An int from 0 to 253 (no bool). Raises MarkError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_CLASS_INDEX:
        raise MarkError("class", f"A class index is a whole number from 0 to 253, not {short(value)}.")
    return value


def checked_sign(value: object) -> int:
    """1 or -1 (no bool). Raises MarkError."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in (1, -1):
        raise MarkError("sign", f"A mark's sign is 1 (this class) or -1 (not this class), not {short(value)}.")
    return value


def checked_number(value: object, name: str) -> float:
    """A finite float of sane size from an int or float (no bool). Raises MarkError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MarkError("number", f"{name} must be a number, not {short(value)}.")
    # Compared before float(): an integer of a thousand digits would overflow.
    if not -MAX_COORDINATE <= value <= MAX_COORDINATE:
        raise MarkError("number", f"{name} must be a finite number of image pixels, not {short(value)}.")
    return float(value)


def checked_width(value: object) -> float:
    """A brush width in (0, 500] pixels. Raises MarkError."""
    width = checked_number(value, "width")
    if not 0 < width <= MAX_SCRIBBLE_WIDTH:
        raise MarkError("width", f"A scribble's width must be above 0 and at most 500 pixels, not {width:g}.")
    return width


def checked_points(value: object) -> tuple[tuple[float, float], ...]:
    """The points of a scribble from a list of pairs. Raises MarkError."""
    if not isinstance(value, list | tuple):
        raise MarkError("geometry", "A scribble's points must be a list of [x, y] pairs.")
    check_point_count(len(value))
    return tuple(_pair(item) for item in value)


def check_point_count(count: int) -> None:
    """Refuse fewer than 2 or more than 20,000 points. Raises MarkError."""
    if count < 2:
        raise MarkError("points", "A scribble needs at least 2 points; use a point for a single click.")
    if count > MAX_SCRIBBLE_POINTS:
        raise MarkError("points", f"A scribble may have at most 20,000 points; this one has {count}.")


def _pair(item: object) -> tuple[float, float]:
    if not isinstance(item, list | tuple) or len(item) != 2:
        raise MarkError("geometry", f"Each point of a scribble is a pair [x, y], not {short(item)}.")
    return checked_number(item[0], "x"), checked_number(item[1], "y")


def checked_corners(value: object) -> tuple[float, float, float, float]:
    """Four numbers x0, y0, x1, y1. Raises MarkError."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise MarkError("geometry", "A box is a list of four numbers [x0, y0, x1, y1].")
    x0, y0, x1, y1 = (checked_number(item, name) for item, name in zip(value, ("x0", "y0", "x1", "y1"), strict=True))
    return x0, y0, x1, y1


def expect_keys(geometry: Mapping[str, object], names: Collection[str]) -> None:
    """Refuse a mapping whose keys are not exactly ``names``. Raises MarkError."""
    if len(geometry) == len(names) and all(name in geometry for name in names):
        return
    wanted = ", ".join(names) or "nothing"
    raise MarkError("geometry", f"The geometry of this mark must hold exactly: {wanted}.")


def short(value: object) -> str:
    """A value fit for a message: cut short, and never the text of a huge integer or list."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**12:
        return "a huge number"
    if isinstance(value, str | int | float | None):
        return repr(value if not isinstance(value, str) else value[:40])
    return f"a {type(value).__name__}"
