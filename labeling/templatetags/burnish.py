"""Template tags: the built browser files, icons and words."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@lru_cache(maxsize=4)
def _read_manifest(path: Path, changed_ns: int) -> dict[str, Any]:
    """Vite's list of built files; read again only when the file changed."""
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def _manifest() -> dict[str, Any]:
    path = Path(settings.BASE_DIR) / "static" / "dist" / "manifest.json"
    return _read_manifest(path, path.stat().st_mtime_ns)


def _styles_of(manifest: dict[str, Any], entry: str) -> list[str]:
    """Style sheets of an entry and of the chunks it imports, each once."""
    found: list[str] = []
    waiting, seen = [entry], set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        found += [style for style in manifest[name].get("css", []) if style not in found]
        waiting += manifest[name].get("imports", [])
    return found


@register.simple_tag
def vite_asset(entry: str) -> SafeString:
    """Script and style tags of a built entry such as "frontend/main.ts"; a visible notice if it is not built."""
    try:
        manifest = _manifest()
        script, styles = manifest[entry]["file"], _styles_of(manifest, entry)
    except (FileNotFoundError, KeyError):
        return format_html(
            '<div class="notice error not-built" role="alert"><div>The browser side ({}) is not built: run '
            "<code>make build</code> in the project folder, then load this page again.</div></div>",
            entry,
        )
    links = format_html_join("", '<link rel="stylesheet" href="{}">', ((static(f"dist/{s}"),) for s in styles))
    return format_html('{}<script type="module" src="{}"></script>', links, static(f"dist/{script}"))


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of static/icons.svg; decorative, so hidden from screen readers."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def swatch(color: str) -> SafeString:
    """A small square of a class's colour. SVG, because the policy of our pages allows no inline style."""
    return format_html(
        '<svg class="swatch" viewBox="0 0 16 16" aria-hidden="true">'
        '<rect width="16" height="16" rx="4" fill="{}"/></svg>',
        color,
    )
