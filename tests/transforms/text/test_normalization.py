"""Normalisation equals the Python of the ALBERT repository, for every code point and for mixtures of them."""

from __future__ import annotations

import random
import unicodedata

import pytest
import tensorflow as tf

from albert_embed.transforms.text.normalization import (
    collapse_whitespace,
    find_agreed_class,
    normalize_text,
    normalize_with_table,
)
from albert_embed.transforms.text.unicode_rules import list_characters

CHARACTERS = list(list_characters())
AWKWARD = [
    *"ΣΣΣ'.aB \t´_▁",
    "\u0301",
    "\u0345",
    "\u00ad",
    "ǅ",
    "İ",
    "ʰ",
    "ΐ",
    "\0",
    "\u3000",
    "\x85",
    "\x1c",
    "ﬁ",
    "각",
]
AWKWARD += ["\ud7a3", "\u1ea0", "…", "\U0001e030", "\U0001e08f", "\U00010efd", "\u0897", "ϲ", "Ϲ", "\U0001d6ba"]


def normalize_as_albert(text: str, *, lower_case: bool) -> str:
    """Returns the rule, as google-research/albert has it in Python."""
    outputs = unicodedata.normalize("NFKD", " ".join(text.strip().split()))
    outputs = "".join(character for character in outputs if not unicodedata.combining(character))
    return outputs.lower() if lower_case else outputs


def find_differences(texts: list[str], *, lower_case: bool) -> list[tuple[str, str, str]]:
    """Returns the texts on which the graph and Python differ, by either route."""
    tensor = tf.constant(texts)
    outputs = [
        normalize_text(tensor, lower_case=lower_case).numpy(),
        normalize_with_table(collapse_whitespace(tensor), lower_case=lower_case).numpy(),
    ]
    expected = [normalize_as_albert(text, lower_case=lower_case) for text in texts]
    return [
        (ascii(text), ascii(output.decode()), ascii(wanted))
        for route in outputs
        for text, output, wanted in zip(texts, route, expected, strict=True)
        if output.decode() != wanted
    ]


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize("template", ["{}", "a{}b", " {} x {} "])
def test_every_code_point_equals_python(template: str, lower_case: bool) -> None:
    texts = [template.replace("{}", character) for character in CHARACTERS]
    assert find_differences(texts, lower_case=lower_case) == []


@pytest.mark.parametrize("template", ["A{}Σ", "AΣ{}b", "{}Σ{}"])
def test_every_code_point_beside_a_capital_sigma_equals_python(template: str) -> None:
    texts = [template.replace("{}", character) for character in CHARACTERS]
    assert find_differences(texts, lower_case=True) == []


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize("awkward_share", [0.6, 1.0])
def test_random_mixtures_equal_python(awkward_share: float, lower_case: bool) -> None:
    generator = random.Random(1)
    texts = [
        "".join(
            generator.choice(AWKWARD if generator.random() < awkward_share else CHARACTERS)
            for _ in range(generator.randint(0, 12))
        )
        for _ in range(50_000)
    ]
    assert find_differences(texts, lower_case=lower_case) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \u3000\x1c b\x85", "a b"),
        ("Ångström", "angstrom"),
        ("ΟΔΟΣ ΣΑΣ'Σ", "οδος σασ'ς"),
        ("İstanbul", "istanbul"),
        ("x\u00b4y", "x y"),  # the whitespace step comes first: this space is made by NFKD
        ("A\0B", "a\0b"),
        ("", ""),
        (" \t", ""),
    ],
)
def test_examples_are_normalised_as_written_down(text: str, expected: str) -> None:
    assert normalize_text(tf.constant([text]), lower_case=True).numpy()[0].decode() == expected


def test_bytes_that_are_not_utf8_come_out_as_replacement_characters() -> None:
    assert normalize_text(tf.constant([b"a\xff b"]), lower_case=True).numpy()[0].decode() == "a\ufffd b"


def test_ordinary_text_takes_the_fast_route() -> None:
    texts = tf.constant(["plain ASCII", "“quotes” – naïve café", "Ελληνικά", "日本語", "👍🏽 ½ €"])
    assert tf.strings.regex_full_match(texts, find_agreed_class(lower_case=True) + "*").numpy().all()
