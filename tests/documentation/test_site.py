"""The site of the documentation can be made, without warnings, and needs nothing from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from albert_embed import __all__ as PUBLIC_NAMES
from tests.documentation.pages import find_links
from tests.tiny_model import ROOT

MKDOCS = Path(sys.prefix) / "site" / "bin" / "mkdocs"
_DIRECTIVE = re.compile(r"^::: albert_embed\.(\w+)$", re.MULTILINE)
_FETCHED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*?(?:src|href)="(?P<target>[^"]+)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made from the pages as they stand."""
    if not MKDOCS.exists():
        pytest.skip(f"no {MKDOCS}; `make test` installs it")
    folder = tmp_path_factory.mktemp("site")
    command = [str(MKDOCS), "build", "--strict", "--quiet", "--site-dir", str(folder)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


@pytest.mark.integration
def test_every_page_is_made(site: Path) -> None:
    pages = {page.stem for pattern in ("*.md", "*.ipynb") for page in (ROOT / "docs").glob(pattern)} - {"index"}
    assert {page for page in pages if not (site / page / "index.html").exists()} == set()
    assert (site / "index.html").exists()


@pytest.mark.integration
def test_the_page_of_names_has_their_docstrings(site: Path) -> None:
    page = (site / "api" / "index.html").read_text(encoding="utf-8")
    missing = [name for name in PUBLIC_NAMES if name != "__version__" and f'id="albert_embed.{name}"' not in page]
    assert missing == []
    assert "Embeds a PCollection of documents." in page


@pytest.mark.integration
def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    fetched = {
        match["target"]
        for page in site.rglob("*.html")
        for match in _FETCHED.finditer(page.read_text(encoding="utf-8"))
        if "://" in match["target"]
    }
    assert fetched == set()


def test_the_page_of_names_lists_what_is_exported() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(["__version__", *_DIRECTIVE.findall(page)]) == sorted(PUBLIC_NAMES)


def test_the_start_page_leads_to_the_how_tos() -> None:
    how_tos = {page.name for page in (ROOT / "docs").glob("how_to_*.md")}
    assert how_tos <= set(find_links(ROOT / "docs" / "index.md"))
