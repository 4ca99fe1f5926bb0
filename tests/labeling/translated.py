"""Finds every sentence that the sources mark for translation, without gettext's own programs.

`python -m tests.labeling.translated` (make sentences) brings the German catalogue up to date and compiles it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib
from django.utils.translation.template import templatize

from models_zoo import config_fields, list_acquisitions, list_interactive, list_methods

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "locale" / "de" / "LC_MESSAGES"
# How many leading arguments of each function are sentences; a context comes before them.
CALLS = {
    "_": (0, 1),
    "gettext": (0, 1),
    "gettext_lazy": (0, 1),
    "gettext_noop": (0, 1),
    "ngettext": (0, 2),
    "ngettext_lazy": (0, 2),
    "pgettext": (1, 1),
    "pgettext_lazy": (1, 1),
    "npgettext": (1, 2),
}
TEMPLATE_CALL = re.compile(r"\b(?:_|n?p?gettext) ?\(")

# (context, sentence, plural); empty where there is none.
Sentence = tuple[str, str, str]


def sentences() -> set[Sentence]:
    """All of them, of the Python modules and the templates."""
    found: set[Sentence] = set()
    for path in (ROOT / "labeling").rglob("*.py"):
        found |= set(_of_module(path.read_text(encoding="utf-8")))
    for path in (ROOT / "templates").rglob("*.html"):
        found |= set(_of_template(path.read_text(encoding="utf-8")))
    return found | {("", text, "") for text in _of_zoo()}


def _of_zoo() -> Iterator[str]:
    """What the zoo says of itself: it knows no Django, so pages and API translate its words when they show them."""
    for order in list_acquisitions():
        yield from (order.title, order.summary)
    yield from (each.title for each in list_interactive())
    for method in list_methods():
        yield from (method.title, method.summary, *(field.help for field in config_fields(method.config)))


def _of_module(source: str) -> Iterator[Sentence]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in CALLS and (words := _texts(node, *CALLS[name])) is not None:
            yield words


def _texts(call: ast.Call, num_contexts: int, num_sentences: int) -> Sentence | None:
    """The constants a call begins with; None where they are no constants (a function that hands a sentence on)."""
    texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if len(texts) < num_contexts + num_sentences:
        return None
    context = texts.pop(0) if num_contexts else ""
    return context, texts[0], texts[1] if num_sentences == 2 else ""


def _of_template(source: str) -> Iterator[Sentence]:
    """Django turns a template into calls of gettext between rows of X; each call is read as Python."""
    made = templatize(source)
    for match in TEMPLATE_CALL.finditer(made):
        for end in re.finditer(r"\)", made[match.start() :]):
            try:
                tree = ast.parse(made[match.start() : match.start() + end.end()].strip(), mode="eval")
            except SyntaxError:
                continue
            yield from _of_module(ast.unparse(tree))
            break


def update() -> list[str]:
    """Add what is new, take out what is gone, compile; return the sentences that have no German yet."""
    catalogue = polib.pofile(str(FOLDER / "django.po"), wrapwidth=110)
    entries = {(entry.msgctxt or "", entry.msgid, entry.msgid_plural): entry for entry in catalogue}
    catalogue.clear()
    for context, text, plural in sorted(sentences(), key=lambda words: (words[1], words[0])):
        fresh = polib.POEntry(msgid=text, msgctxt=context or None, msgid_plural=plural)
        fresh.msgstr_plural = {0: "", 1: ""} if plural else {}
        fresh.flags = ["python-format"] if "%(" in text else []
        catalogue.append(entries.get((context, text, plural), fresh))
    catalogue.save()
    catalogue.save_as_mofile(str(FOLDER / "django.mo"))
    return [entry.msgid for entry in catalogue.untranslated_entries()]


if __name__ == "__main__":
    for missing in update():
        sys.stdout.write(f"No German yet: {missing}\n")
