"""Renders a `Page` as one HTML file that needs no other."""

from __future__ import annotations

import dataclasses
import json
import os

import jinja2
from markupsafe import Markup

from albert_embed.pipeline.report.facts import shorten
from albert_embed.pipeline.report.page import Page
from albert_embed.transforms.files.directories import write_file_atomically

_TEMPLATE = "report.html.jinja"
# A size that mail and chat programs accept, and that a phone opens at once.
MAX_PAGE_BYTES = 2_000_000
_SHORTER_TEXTS = (80, 30, 1)


def render_page(page: Page) -> str:
    """Returns the HTML text. Everything from the data is escaped; the points of the map are in a JSON block."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("albert_embed.pipeline.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = "{:,}".format
    points = [dataclasses.astuple(point) for section in page.vectors for point in section.points]
    return environment.get_template(_TEMPLATE).render(page=page, data=to_json_block(points))


def to_json_block(value: object) -> Markup:
    """Returns JSON for a `<script>` element: nothing in it can end the element or begin a comment.

    The HTML standard, "Restrictions for contents of script elements".
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def write_page(page: Page, path: str) -> int:
    """Writes the page, completely or not at all, and returns its size in bytes: at most `MAX_PAGE_BYTES`.

    Where the texts of the map would make it larger, they are shortened: in JSON some characters take six bytes.

    Raises:
      OSError: if it can't be written.
    """
    content = _encode_page(page)
    for most in _SHORTER_TEXTS:
        if len(content) > MAX_PAGE_BYTES:
            content = _encode_page(shorten_points(page, most))
    write_file_atomically(os.fspath(path), content)
    return len(content)


def shorten_points(page: Page, most: int) -> Page:
    """Returns a page whose points have texts of at most so many characters."""
    return dataclasses.replace(
        page,
        vectors=[
            dataclasses.replace(
                section,
                points=[dataclasses.replace(point, text=shorten(point.text, most)) for point in section.points],
            )
            for section in page.vectors
        ],
    )


def _encode_page(page: Page) -> bytes:
    return render_page(page).encode("utf-8", errors="backslashreplace")
