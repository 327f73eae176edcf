"""Reads the texts that the default model is made of, each source as it is published."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import re
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

# Of Debian 12: file → SHA-256. What is in them is free for any use (README.md, "What it was trained on").
PACKAGES = {
    "wordnet-base_1%3a3.0-37_all.deb": "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
    "bible-kjv-text_4.38_all.deb": "d61b6aad4c51ba9e2800b825325fa6a09e99a0d02a9bb6dc4724fcc4995a1b7a",
    "bible-kjv_4.38_amd64.deb": "75a49c032a6efa9faa2beb4a9acb70974380122906329d0e100de36cc88ff02d",
    "r-cran-janeaustenr_1.0.0-1_all.deb": "df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Synset:
    """A meaning in WordNet: the words for it, its definition, and sentences that use one of the words."""

    number: int
    words: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]


def unpack_packages(folder: Path) -> Path:
    """Fetches the Debian packages into `folder`, and returns where their files are unpacked.

    Raises:
      ValueError: if a package is not the one that the model was made of.
    """
    unpacked = folder / "unpacked"
    unpacked.mkdir(parents=True, exist_ok=True)
    for file, digest in PACKAGES.items():
        package, version = file.removesuffix(".deb").split("_")[:2]
        if not (folder / file).exists():
            command = ["apt-get", "download", f"{package}={version.replace('%3a', ':')}"]
            subprocess.run(command, cwd=folder, check=True)
        found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        if found != digest:
            raise ValueError(f"{folder / file} has the SHA-256 {found}, not {digest}; the model was made of another")
        subprocess.run(["dpkg-deb", "-x", folder / file, unpacked], check=True)
    return unpacked


def read_wordnet(unpacked: Path) -> Iterator[Synset]:
    """Yields the synsets of WordNet 3.0, in its order."""
    number = 0
    for part in ("noun", "verb", "adj", "adv"):
        for line in (unpacked / "usr/share/wordnet" / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):  # the licence
                continue
            data, gloss = line.split(" | ", 1)
            fields = data.split(" ")
            words = [re.sub(r"\(.*\)", "", fields[4 + 2 * place]) for place in range(int(fields[3], 16))]
            examples = re.findall(r'"([^"]+)"', gloss)
            yield Synset(
                number=number,
                words=tuple(word.replace("_", " ") for word in words),
                definition=re.split(r'; "', gloss)[0].strip(),
                examples=tuple(example for example in examples if len(example.split()) > 2),
            )
            number += 1


def read_bible(unpacked: Path) -> list[tuple[str, str]]:
    """Returns the verses of the King James Version as (book, verse)."""
    command = [unpacked / "usr/bin/bible", "-p", unpacked / "usr/lib", "-f", "-l100000", "Gen1:1-Rev22:21"]
    printed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True).stdout
    verses = (re.fullmatch(r"(\w+?)\d+:\d+ (.+)", line) for line in printed.splitlines())
    return [(verse[1], verse[2]) for verse in verses if verse]


def read_austen(unpacked: Path) -> dict[str, list[str]]:
    """Returns the paragraphs of Jane Austen's six novels, by title in capitals."""
    stored = (unpacked / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb").read_bytes()
    novels = {}
    while stored:
        stream = zlib.decompressobj()
        content = stream.decompress(stored[4:])  # after its length
        stored = stream.unused_data
        lines = []
        for flags in re.finditer(b"\x00\x04\x00\x09", content):  # an R string: flags, length, bytes
            (length,) = struct.unpack(">i", content[flags.end() : flags.end() + 4])
            lines.append(content[flags.end() + 4 : flags.end() + 4 + length].decode("utf-8", "replace"))
        paragraphs = [" ".join(part.split()) for part in "\n".join(lines).split("\n\n")]
        novels[lines[0].upper()] = [paragraph for paragraph in paragraphs if paragraph]
    return novels


def read_speeches(corpora: Path) -> list[tuple[str, str]]:
    """Returns the paragraphs of the presidents' addresses as (name of the speech, such as 1861-Lincoln, paragraph)."""
    with gzip.open(corpora / "speeches.jsonl.gz", "rt", encoding="utf-8") as lines:
        speeches = [(Path(speech["id"]).stem, " ".join(speech["text"].split())) for speech in map(json.loads, lines)]
    with gzip.open(corpora / "speech_paragraphs.txt.gz", "rt", encoding="utf-8") as lines:
        paragraphs = [" ".join(line.split()) for line in lines]
    found = []
    for paragraph in paragraphs:
        name = next((name for name, text in speeches if paragraph in text), None)
        if name is not None:
            found.append((name, paragraph))
    return found


def read_reviews(corpora: Path) -> list[tuple[str, str]]:
    """Returns the film reviews as (name, such as cv000_29416, text)."""
    with gzip.open(corpora / "movie_reviews.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [(Path(review["id"]).stem, " ".join(review["text"].split())) for review in map(json.loads, lines)]
