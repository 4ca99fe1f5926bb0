"""Every sentence that people see has a German one, and the files that Django reads are made from it."""

from __future__ import annotations

import gettext
import re
from functools import cache

import polib
import pytest

from tests.labeling.translated import FOLDER, sentences

PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|<[^>]+>")


@cache
def catalogue() -> polib.POFile:
    return polib.pofile(str(FOLDER / "django.po"))


def written(entry: polib.POEntry) -> list[str]:
    """The German forms of an entry."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_every_sentence_of_the_sources_is_in_the_german_catalogue() -> None:
    translated = {(entry.msgctxt or "", entry.msgid, entry.msgid_plural) for entry in catalogue()}
    assert sentences() - translated == set()


def test_nothing_is_left_empty_or_uncertain() -> None:
    assert [entry.msgid for entry in catalogue() if entry.fuzzy or not all(written(entry))] == []


def test_what_is_filled_in_is_the_same_in_both_languages() -> None:
    for entry in catalogue():
        wanted = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        for text in written(entry):
            assert sorted(PLACEHOLDER.findall(text)) == wanted, entry.msgid


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in catalogue():
        if entry.msgid_plural:
            forms = [compiled.ngettext(entry.msgid, entry.msgid_plural, number) for number in (1, 2)]
        elif entry.msgctxt:
            forms = [compiled.pgettext(entry.msgctxt, entry.msgid)]
        else:
            forms = [compiled.gettext(entry.msgid)]
        assert forms == written(entry), f"{entry.msgid}: run make sentences"


@pytest.mark.parametrize("text", ["“", "”", " du ", "Du "])
def test_german_quotes_are_german_and_people_are_addressed_politely(text: str) -> None:
    assert [
        entry.msgid for entry in catalogue() if any(text in form for form in written(entry) if "„" not in form)
    ] == []
