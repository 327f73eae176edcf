"""Letters by script."""

from __future__ import annotations

import pytest
import tensorflow as tf

from albert_embed.transforms.corpus.letter_scripts import OTHER, SCRIPTS, count_letters


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["abc É ß", "d"], {"Latin": 6}),
        (["Привет, 2 мира!"], {"Cyrillic": 10}),
        (["αβγ", "漢字かなカナ"], {"Greek": 3, "Han": 2, "Hiragana": 2, "Katakana": 2}),
        (["한국", "שלום", "سلام"], {"Hangul": 2, "Hebrew": 4, "Arabic": 4}),
        (["ᚠᚢ", "क", "ไทย"], {OTHER: 2, "Devanagari": 1, "Thai": 3}),
        (["1945, № 7 ☃ \u0301"], {}),
        ([""], {}),
        ([], {}),
    ],
)
def test_letters_and_nothing_else_are_counted(texts: list[str], expected: dict[str, int]) -> None:
    counts = count_letters(tf.constant(texts, tf.string)).numpy().tolist()
    assert {script: count for script, count in zip((*SCRIPTS, OTHER), counts, strict=True) if count} == expected
