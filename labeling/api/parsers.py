"""Request bodies that break the parser, or what comes after it, are the sender's mistake, not ours."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """DRF's, which lets a body of a thousand brackets end in a 500, and texts through that nothing can store."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data: bytes = stream.read()
        try:
            value = super().parse(io.BytesIO(data), media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        # Only an escape can bring such a character past the decoder; most bodies have none.
        if b"\\u" in data and not all(is_storable(text) for text in _texts(value)):
            raise ParseError("The JSON holds a null character or half of a surrogate pair; leave it out.")
        return value


def is_storable(text: str) -> bool:
    """Whether a text can be stored and sent: UTF-8 has no lone surrogates, PostgreSQL no null characters."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _texts(value: Any) -> Iterator[str]:
    """All texts in parsed JSON, names of fields included; no recursion, for what is nested deeply."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
