"""Links between the pages lead to files and headings that exist, and so do the paths of source files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documentation.pages import CURRENT_PAGES, PAGES, find_anchors, find_links, find_prose, name_page
from tests.tiny_model import ROOT

_SOURCE_PATH = re.compile(r"`((?:pipeline|transforms|model|benchmarks|tests|examples|src|docs)/[\w./-]*)`")


def find_broken_links(page: Path) -> list[str]:
    """Returns the links of a page that lead nowhere in the repository; those to other hosts are let be."""
    broken = []
    for link in find_links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in find_anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_links_resolve(page: Path) -> None:
    assert find_broken_links(page) == []


@pytest.mark.parametrize("page", CURRENT_PAGES, ids=name_page)
def test_paths_of_source_files_exist(page: Path) -> None:
    paths = _SOURCE_PATH.findall(find_prose(page))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title: with `code`\n[here](#a-title-with-code) [there](#elsewhere) [file](other.md) `[not](a-link)`\n"
        "```\n[nor](this)\n```\n![picture](picture.png) [web](https://example.com/none)\n",
        encoding="utf-8",
    )
    assert find_broken_links(page) == ["#elsewhere", "other.md", "picture.png"]


def test_the_readme_is_a_front_door() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_readme_leads_to_every_page() -> None:
    # index.md is the same for the site.
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in find_links(ROOT / "README.md")}
    assert sorted(page.name for page in (ROOT / "docs").glob("*.md") if page not in linked) == ["index.md"]
