"""Sentences as numbers, as CLIP reads them: byte pair encoding (Sennrich et al., ACL 2016) over bytes (GPT-2).

The vocabulary is not ours: it comes with the model, as `vocab.json` and `merges.txt` or as the one packed list of
merges that was published first (`bpe_simple_vocab_16e6.txt.gz`).
"""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from models_zoo.networks.image_text.types import ImageTextError

START, END = "<|startoftext|>", "<|endoftext|>"
PACKED = "bpe_simple_vocab_16e6.txt.gz"
_WORD_END = "</w>"
_PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
_PACKED_MERGES = 49152 - 256 - 2
"""Of the packed list only so many lines were used in training."""
_MOST_BYTES = 32 * 2**20


class BytePairs:
    """Splits sentences into the numbered pieces of a vocabulary."""

    def __init__(self, numbers: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> None:
        """Raises ImageTextError for a vocabulary without the two marks of start and end."""
        missing = [mark for mark in (START, END) if mark not in numbers]
        if missing:
            raise ImageTextError(f"The vocabulary lacks {', '.join(missing)}: give the one that belongs to the CLIP.")
        self.numbers = dict(numbers)
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.start, self.end = self.numbers[START], self.numbers[END]

    def encode(self, sentence: str, context: int) -> list[int]:
        """Exactly `context` numbers: start, pieces (cut off if too many), end, and end again as filling.

        Raises ImageTextError where the vocabulary lacks a piece.
        """
        pieces = [piece for word in _words(sentence) for piece in self._merged(word)]
        unknown = [piece for piece in pieces if piece not in self.numbers]
        if unknown:
            raise ImageTextError(
                f"The vocabulary has no piece {unknown[0]!r}: give the vocabulary and the merges of one model."
            )
        kept = [self.numbers[piece] for piece in pieces[: context - 2]]
        return [self.start, *kept] + [self.end] * (context - 1 - len(kept))

    def _merged(self, word: str) -> list[str]:
        """A word's pieces: the pair that was learnt earliest is joined, again and again."""
        pieces = [*word[:-1], word[-1] + _WORD_END]
        while len(pieces) > 1:
            pairs = set(pairwise(pieces))
            first = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if first not in self._ranks:
                break
            pieces = _joined(pieces, first)
        return pieces


def read_vocabulary(folder: Path) -> BytePairs:
    """The vocabulary that lies in a model's folder. Raises ImageTextError where there is none, or a damaged one."""
    try:
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            return _from_two_files(folder / "vocab.json", folder / "merges.txt")
        if (folder / PACKED).is_file():
            return _from_packed(folder / PACKED)
    except (OSError, EOFError, ValueError) as error:  # bad JSON, bad UTF-8 and bad numbers are ValueErrors
        raise ImageTextError(f"The vocabulary in {folder.name} cannot be read: fetch its files again.") from error
    raise ImageTextError(
        f"{folder.name} holds no vocabulary: put vocab.json and merges.txt of the CLIP there, or {PACKED}."
    )


def _from_two_files(vocabulary: Path, merges: Path) -> BytePairs:
    numbers = json.loads(_text(vocabulary.read_bytes()))
    if not isinstance(numbers, dict) or not all(isinstance(number, int) for number in numbers.values()):
        raise ValueError("no table of numbers")
    return BytePairs(numbers, _pairs(_text(merges.read_bytes()).splitlines()))


def _from_packed(path: Path) -> BytePairs:
    with gzip.open(path) as opened:
        lines = _text(opened.read(_MOST_BYTES + 1)).splitlines()
    merges = _pairs(lines[: 1 + _PACKED_MERGES])
    single = list(byte_letters().values())
    pieces = [*single, *(letter + _WORD_END for letter in single), *("".join(pair) for pair in merges), START, END]
    return BytePairs({piece: number for number, piece in enumerate(pieces)}, merges)


def _text(raw: bytes) -> str:
    if len(raw) > _MOST_BYTES:
        raise ValueError("too large for a vocabulary")
    return raw.decode("utf-8")


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    """One merge a line; the first line says which version it is."""
    found = []
    for line in lines[1:]:
        left, _, right = line.strip().partition(" ")
        if left and right:
            found.append((left, right))
    return found


def _words(sentence: str) -> list[str]:
    """Words of a sentence in lower case, each byte as one letter."""
    letters = byte_letters()
    plain = " ".join(html.unescape(sentence).lower().split())
    return ["".join(letters[byte] for byte in piece.encode("utf-8")) for piece in _PIECES.findall(plain)]


def _joined(pieces: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """Every place where the pair stands, joined from the left."""
    made: list[str] = []
    at = 0
    while at < len(pieces):
        is_pair = at + 1 < len(pieces) and (pieces[at], pieces[at + 1]) == pair
        made.append(pieces[at] + pieces[at + 1] if is_pair else pieces[at])
        at += 2 if is_pair else 1
    return made


@cache
def byte_letters() -> dict[int, str]:
    """A visible letter for each byte, in the order of the published vocabulary: what prints is itself."""
    prints = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in prints]
    return {byte: chr(byte) for byte in prints} | {byte: chr(256 + at) for at, byte in enumerate(others)}
