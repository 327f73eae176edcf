"""The pages of the documentation, and what the tests take out of them: code blocks, links, tables."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from tests.tiny_model import ROOT

_FOLDERS = ("docs", "benchmarks", "examples")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in _FOLDERS for page in (ROOT / folder).rglob("*.md"))])
# The others are records of the past, which name files and flags as they were called then.
CURRENT_PAGES = [page for page in PAGES if page.name not in ("NOTES.md", "CHANGELOG.md")]
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CodeBlock:
    """A fenced block of code.

    Attributes:
      page: the file that holds it.
      line: the number of its first line of code.
      language: what the fence says; empty where it says nothing.
      code: what stands between the fences.
    """

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        """Returns its place, as the name of a test."""
        return f"{name_page(self.page)}:{self.line}"


def name_page(page: Path) -> str:
    """Returns the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def list_code_blocks(language: str) -> list[CodeBlock]:
    """Returns the blocks of one language on all pages."""
    return [block for page in PAGES for block in find_code_blocks(page) if block.language == language]


def find_code_blocks(page: Path) -> list[CodeBlock]:
    """Returns the blocks on one page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        CodeBlock(
            page=page,
            line=text.count("\n", 0, match.start()) + 2,
            language=match["language"],
            code=match["code"],
        )
        for match in _FENCE.finditer(text)
    ]


def find_prose(page: Path) -> str:
    """Returns the text of a page without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def find_links(page: Path) -> list[str]:
    """Returns the targets of all links and pictures on a page, in order."""
    return [match["target"] for match in _LINK.finditer(_CODE.sub("", find_prose(page)))]


def find_anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub makes of the headings of a page."""
    titles = (match["title"].lower() for match in _HEADING.finditer(find_prose(page)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def find_sections(page: Path) -> dict[str, str]:
    """Returns the headings of the second level, each with the text below it."""
    _, *sections = re.split(r"^## ", find_prose(page), flags=re.MULTILINE)
    return {title.strip(): body for title, _, body in (section.partition("\n") for section in sections)}


def find_table_rows(text: str) -> list[list[str]]:
    """Returns the rows of all tables in `text`, without their headings, as cells."""
    lines = text.splitlines()
    rows = []
    for number, line in enumerate(lines):
        is_rule = set(line) <= set("|-: ")
        is_heading = number + 1 < len(lines) and set(lines[number + 1]) <= set("|-: ") and "-" in lines[number + 1]
        if line.startswith("|") and not is_rule and not is_heading:
            rows.append([cell.strip().replace(r"\|", "|") for cell in _CELL.split(line)[1:-1]])
    return rows
