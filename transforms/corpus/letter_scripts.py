"""Which scripts a text is written in: its letters counted by Unicode script, as TensorFlow ops."""

from __future__ import annotations

import tensorflow as tf

# In the order in which their letters are counted; letters of other scripts are counted as OTHER. RE2 knows each by this
# name; Japanese is Han, Hiragana and Katakana together.
SCRIPTS = (
    "Latin",
    "Cyrillic",
    "Greek",
    "Han",
    "Hiragana",
    "Katakana",
    "Hangul",
    "Arabic",
    "Hebrew",
    "Devanagari",
    "Bengali",
    "Tamil",
    "Thai",
    "Armenian",
    "Georgian",
    "Ethiopic",
)
OTHER = "Other"


def count_letters(text: tf.Tensor) -> tf.Tensor:
    """Counts the letters (Unicode category L) of all texts together, by script.

    Combining marks and digits are not letters. RE2's tables in TensorFlow say which code points are letters, and of
    which script.

    Args:
      text: string [n], UTF-8.

    Returns:
      int64 [len(SCRIPTS) + 1], the last for letters of any other script.
    """
    # ASCII is counted first and removed: in most corpora little is left.
    ascii_letters = tf.strings.regex_replace(text, "[^A-Za-z]+", "")
    rest = tf.strings.regex_replace(text, r"[\x00-\x7f\PL]+", "")
    left = _count_characters(rest)
    counts = []
    for script in SCRIPTS:
        rest = tf.strings.regex_replace(rest, rf"\p{{{script}}}+", "")
        still_left = _count_characters(rest)
        counts.append(left - still_left)
        left = still_left
    counts.append(left)
    counts[0] += _count_characters(ascii_letters)
    return tf.stack(counts)


def _count_characters(text: tf.Tensor) -> tf.Tensor:
    """Counts the characters of string [n] together: int64 scalar."""
    return tf.reduce_sum(tf.cast(tf.strings.length(text, unit="UTF8_CHAR"), tf.int64))
