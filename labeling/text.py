"""Markdown that people write, made safe to show. The only place that turns text into HTML."""

from __future__ import annotations

import markdown
import nh3

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


def markdown_html(text: str) -> str:
    """Sanitised HTML of a Markdown text: a closed list of tags, links to http(s) and mail only, no pictures."""
    html = markdown.markdown(text, extensions=["extra", "sane_lists"], output_format="html")
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
