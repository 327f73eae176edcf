"""Makes `docs/report.png`: embeds a sample of the shared corpora, writes the report, and takes a picture of it.

Needs Chromium (Debian's package `chromium`) and the folder of shared corpora. `make report-picture` runs it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from albert_embed.pipeline.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ALBERT_SHARED", ROOT.parent / "shared"))
CORPORA = {"film": "movie_reviews.jsonl.gz", "speech": "speech_paragraphs.txt.gz", "verse": "genesis_verses.txt.gz"}
DOCUMENTS = 400  # of each corpus
# Of the picture, in pixels; the page is as wide.
WIDTH, HEIGHT = 1000, 1790
MAX_PICTURE_BYTES = 200_000
COLOURS = 128


def read_documents(corpus: str, kind: str) -> Iterator[dict[str, str]]:
    """Yields documents of one corpus, evenly spread over it."""
    lines = [line for line in gzip.decompress((SHARED / "corpora" / corpus).read_bytes()).splitlines() if line.strip()]
    for number in range(0, len(lines), max(1, len(lines) // DOCUMENTS)):
        if corpus.endswith(".jsonl.gz"):
            yield {"kind": kind, **json.loads(lines[number])}
        else:
            yield {"kind": kind, "id": f"{kind} {number}", "text": lines[number].decode(errors="replace")}


def write_corpus(path: Path) -> None:
    """Writes the sample as JSON lines."""
    documents = [one for kind, corpus in CORPORA.items() for one in read_documents(corpus, kind)]
    path.write_text("".join(json.dumps(one) + "\n" for one in documents), encoding="utf-8")


def find_browser() -> str:
    """Returns Chromium's program; raises FileNotFoundError, with what to install, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("there is no Chromium here; install the package chromium")


def take_picture(page: Path, *, width: int = WIDTH, height: int = HEIGHT, dark: bool = False) -> bytes:
    """Returns the top of a page as a PNG with few colours.

    Args:
      page: an HTML file.
      width, height: in pixels.
      dark: whether the reader prefers dark pages.
    """
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        arguments = [
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile"),
            *(f"--window-size={width},{height}", f"--screenshot={picture}"),
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        ]
        subprocess.run([find_browser(), *arguments, page.resolve().as_uri()], check=True, capture_output=True)
        image = Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        content = io.BytesIO()
        image.save(content, "PNG", optimize=True)
    return content.getvalue()


def run(model: str, folder: Path, picture: Path, method: str) -> int:
    """Embeds, reports and takes the picture.

    Args:
      model: as `--model` takes it.
      folder: of the output, made anew.
      picture: where it goes.
      method: of the map.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)  # the page names its output and its model as they are given
    write_corpus(Path("corpus.jsonl"))
    output = "films_speeches_verses"
    arguments = ["--model", model, "--input", "corpus.jsonl", "--output", output, "--overwrite"]
    status = main(["embed", *arguments, "--embeddings", "mean", "--keep-fields", "text,kind", "--max-tokens", "128"])
    status = status or main(["report", output, "--map", method])
    if status:
        return status
    content = take_picture(Path(output) / "report.html")
    if len(content) > MAX_PICTURE_BYTES:
        raise ValueError(f"the picture has {len(content):,} bytes, more than {MAX_PICTURE_BYTES:,}; make it smaller")
    picture.write_bytes(content)
    print(f"{picture}: {len(content):,} bytes")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the corpus and the embeddings")
    parser.add_argument("--model", default="default", help="as `embed` takes it")
    parser.add_argument("--map", default="umap", help="as `report` takes it")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "report.png")
    given = parser.parse_args()
    sys.exit(run(given.model, given.folder, given.picture.absolute(), given.map))
