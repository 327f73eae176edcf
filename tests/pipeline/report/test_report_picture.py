"""The README's picture of a report: how it is taken, and what of it is committed."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from albert_embed.pipeline.report.render_page import render_page
from examples import report_picture
from tests.pipeline.report.test_render_page import make_page
from tests.tiny_model import ROOT


def test_the_committed_picture_is_small() -> None:
    content = (ROOT / "docs" / "report.png").read_bytes()
    assert len(content) <= report_picture.MAX_PICTURE_BYTES
    assert Image.open(io.BytesIO(content)).size == (report_picture.WIDTH, report_picture.HEIGHT)
    assert "docs/report.png" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_without_chromium_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"^there is no Chromium here; install the package chromium$"):
        report_picture.find_browser()


@pytest.mark.integration
def test_a_picture_is_the_top_of_the_page_in_light_and_dark(tmp_path: Path) -> None:
    try:
        report_picture.find_browser()
    except FileNotFoundError:
        pytest.skip("no Chromium here: install the package chromium")
    page = tmp_path / "page.html"
    page.write_text(render_page(make_page("text")), encoding="utf-8")
    corners = []
    for dark in (False, True):
        image = Image.open(io.BytesIO(report_picture.take_picture(page, width=600, height=500, dark=dark)))
        assert image.size == (600, 500)
        corners.append(image.convert("RGB").getpixel((2, 2)))
    assert corners == [(255, 255, 255), (20, 23, 28)]  # --ground of each


@pytest.mark.integration
def test_the_corpus_holds_some_of_each_kind(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_picture, "SHARED", shared)
    kinds = {
        kind: len(list(report_picture.read_documents(corpus, kind))) for kind, corpus in report_picture.CORPORA.items()
    }
    assert kinds.keys() == {"film", "speech", "verse"}
    assert all(report_picture.DOCUMENTS <= count < 1.1 * report_picture.DOCUMENTS for count in kinds.values())
