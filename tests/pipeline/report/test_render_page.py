"""The page: hostile texts stay texts, nothing is fetched, its size is bounded, and a browser shows it."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from albert_embed.pipeline.report.charts import count_histogram, make_shares
from albert_embed.pipeline.report.describe_dataset import SAMPLE_ROWS
from albert_embed.pipeline.report.describe_vectors import make_vector_sections
from albert_embed.pipeline.report.facts import describe_value, list_facts, shorten
from albert_embed.pipeline.report.page import Fact, FactTable, FailureExample, FailureGroup, HistogramSection, Page
from albert_embed.pipeline.report.render_page import MAX_PAGE_BYTES, render_page, to_json_block, write_page
from albert_embed.pipeline.vectors.sample_rows import sample_rows

HOSTILE = "</script><script>alert('x')</script><!-- <img src=x onerror=alert(1)> \u2028 \" & 'quoted'"


def make_page(text: str, rows: int = 50) -> Page:
    """A page with every section, in which every text is `text`."""
    generator = np.random.default_rng(0)
    batch = pa.RecordBatch.from_pydict(
        {
            "id": pa.array([f"{row} {text}".encode() for row in range(rows)], pa.binary()),
            "text": pa.array([text.encode()] * rows, pa.binary()),
            "input_ids": pa.array([[2, 3]] * rows, pa.large_list(pa.int64())),
            "mean_output": pa.array(generator.normal(size=(rows, 4)).tolist(), pa.large_list(pa.float32())),
        }
    )
    sample = sample_rows([batch], "mean_output", size=SAMPLE_ROWS, seed=1)
    return Page(
        title=text,
        subtitle=text,
        headline=[Fact(name=text, value=text)],
        changes=[Fact(name=text, value=text)],
        stages=make_shares({text: 1.0, "other": 2.0}),
        histograms=[
            HistogramSection(
                heading=text,
                histogram=count_histogram(sample.lengths, limit=512, limit_label=text),
                sentence=text,
            )
        ],
        failures=[FailureGroup(category=text, count=3, examples=[FailureExample(id=text, error=text, text=text)])],
        vectors=make_vector_sections(sample, text, method="pca", seed=1),
        tables=[FactTable(heading=text, facts=[Fact(name=text, value=text)]), FactTable(heading="none", facts=[])],
    )


class Elements(html.parser.HTMLParser):
    """The elements of a page, what refers to something outside it, and the text of its JSON block."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.json = ""
        self._in_json = False
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self._in_json = ("type", "application/json") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._in_json = False

    def handle_data(self, data: str) -> None:
        if self._in_json:
            self.json += data


def test_texts_stay_texts() -> None:
    found = Elements(render_page(make_page(HOSTILE)))
    plain = Elements(render_page(make_page("plain")))
    assert found.names == plain.names and found.names.count("script") == 2
    assert found.references == [] and found.handlers == []
    points = json.loads(found.json)
    assert len(points) == 50 and points[0][3] == " ".join(HOSTILE.split())


def test_a_json_block_cannot_be_ended_from_within() -> None:
    block = to_json_block({"a": HOSTILE})
    assert json.loads(block) == {"a": HOSTILE} and not set(block) & set("<>&\u2028\u2029")
    with pytest.raises(ValueError, match="Out of range float"):
        to_json_block(float("nan"))


def test_nothing_is_fetched() -> None:
    content = render_page(make_page("plain"))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", content)
    assert "default-src 'none'" in content


def test_the_largest_sample_of_long_texts_stays_below_the_bound(tmp_path: Path) -> None:
    text = "\u6f22\u5b57" * 3000
    size = write_page(make_page(text[:100], rows=SAMPLE_ROWS), str(tmp_path / "page.html"))
    assert size == (tmp_path / "page.html").stat().st_size
    longest = make_vector_sections(_long_sample(text), "mean_output", method="pca", seed=1)
    page = Page(title="t", subtitle="s", headline=[], tables=[], vectors=longest)
    assert write_page(page, str(tmp_path / "long.html")) < MAX_PAGE_BYTES


def test_texts_that_json_makes_long_are_shortened_until_the_page_is_small_enough(tmp_path: Path) -> None:
    points = make_vector_sections(_long_sample("<" * 3000), "mean_output", method="pca", seed=1)
    page = Page(title="t", subtitle="s", headline=[], tables=[], vectors=points)
    path = tmp_path / "page.html"
    assert len(render_page(page).encode()) > MAX_PAGE_BYTES
    assert write_page(page, str(path)) == path.stat().st_size <= MAX_PAGE_BYTES
    shown = json.loads(Elements(path.read_text(encoding="utf-8")).json)
    assert len(shown) == SAMPLE_ROWS and {text for *_, text in shown} == {"<" * 79 + "…"}


def _long_sample(text: str):  # type: ignore[no-untyped-def]
    rows = SAMPLE_ROWS
    batch = pa.RecordBatch.from_pydict(
        {
            "id": pa.array([f"{row}{text}".encode() for row in range(rows)], pa.binary()),
            "text": pa.array([text.encode()] * rows, pa.binary()),
            "input_ids": pa.array([[2, 3]] * rows, pa.large_list(pa.int64())),
            "mean_output": pa.array(np.eye(rows, 8).tolist(), pa.large_list(pa.float32())),
        }
    )
    return sample_rows([batch], "mean_output", size=rows, seed=1)


def test_values_in_words() -> None:
    facts = list_facts(
        {"a_b": 12345, "c": {"d": 0.5, "none": None}, "empty": [], "no": False, "yes": True, "l": [1, "x"]}
    )
    assert [(fact.name, fact.value) for fact in facts] == [
        ("a b", "12,345"),
        ("c.d", "0.5"),
        ("yes", "yes"),
        ("l", "1, x"),
    ]
    assert describe_value(123456.7) == "123,457"
    assert describe_value([f"f{number}" for number in range(1021)]).endswith(", f18, f19, and 1,001 more")
    assert len(describe_value("x" * 5000)) == 1000
    of_each = list_facts({"workers": [{"rows": 2, "device": "a"}, {"rows": 3}]})
    assert [(fact.name, fact.value) for fact in of_each] == [
        ("workers.1.rows", "2"),
        ("workers.1.device", "a"),
        ("workers.2.rows", "3"),
    ]
    assert shorten(b"\xff a\n b", 10) == "\\xff a b" and shorten("abcdef", 4) == "abc…"


@pytest.mark.integration
def test_a_browser_shows_it_and_the_keyboard_moves_on_the_map(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here: install the package chromium")
    press = (
        "<script>for (var i = 0; i < 3; i++) document.getElementById('map').dispatchEvent("
        "new KeyboardEvent('keydown', {key: i ? 'ArrowRight' : 'ArrowLeft'}));</script></body>"
    )
    path = tmp_path / "page.html"
    path.write_text(render_page(make_page(HOSTILE)).replace("</body>", press), encoding="utf-8")
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    shown = subprocess.run([browser, *arguments, path.as_uri()], capture_output=True, text=True, check=True).stdout
    found = Elements(shown)
    assert found.names.count("circle") == 50 and found.names.count("img") == 0
    assert shown.count('class="near"') == 1
    caption = shown.split('<figcaption id="shown"')[1].split("</figcaption>")[0]
    assert "<b>" in caption and "&lt;script&gt;alert" in caption
