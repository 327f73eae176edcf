"""The ALBERT repository's text normalisation as TensorFlow ops, equal to the Python it was written in.

Source of the rules: google-research/albert tokenization.py, `preprocess_text`: whitespace runs to one space, NFKD,
combining characters removed, lower case where the model is uncased.

There are two routes to the result. TensorFlow's ICU ops are fast, but the ICU inside TensorFlow has another Unicode
version than Python (and its `lower` stops at a NUL). So every code point is tried once when a graph is built. A text
with a code point on which ICU and Python disagree, or with a capital sigma, whose lower case depends on its neighbours,
takes the second route: a table over all code points, made by Python.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata

import tensorflow as tf
import tensorflow_text as tf_text

from albert_embed.transforms.text.unicode_rules import (
    CAPITAL_SIGMA,
    PAGE_SIZE,
    build_code_point_table,
    find_sigma_context,
    format_regex_class,
    list_assigned_characters,
    list_characters,
    list_combining_characters,
    list_whitespace,
    normalize_in_python,
)

# How many characters are tried in one text.
_BLOCK = 100


def normalize_text(text: tf.Tensor, *, lower_case: bool) -> tf.Tensor:
    """Normalises each text as the ALBERT repository does.

    Args:
      text: string [n], UTF-8. Bytes that are not UTF-8 come out as U+FFFD.
      lower_case: whether the model is uncased.

    Returns:
      string [n], without the leading and trailing whitespace of the original, but possibly with spaces that NFKD makes
      (the whitespace step comes first, as in the ALBERT repository).
    """
    return normalize_collapsed(collapse_whitespace(text), lower_case=lower_case)


def collapse_whitespace(text: tf.Tensor) -> tf.Tensor:
    """Returns `" ".join(text.strip().split())` of string [n], with Python's definition of whitespace."""
    whitespace = list_whitespace()
    any_space = format_regex_class(whitespace)
    other_space = format_regex_class(character for character in whitespace if character != " ")
    # A single " " needs no change: leaving it alone makes this eight times faster on plain text.
    collapsed = tf.strings.regex_replace(text, f"(?: {any_space}|{other_space}){any_space}*", " ")
    return tf.strings.strip(collapsed)


def normalize_collapsed(text: tf.Tensor, *, lower_case: bool) -> tf.Tensor:
    """Does all of `normalize_text` except its whitespace step: string [n] to string [n]."""
    agreed = tf.strings.regex_full_match(text, find_agreed_class(lower_case=lower_case) + "*")
    # An empty selection costs microseconds, so there is no tf.cond: most batches have nothing for the second route.
    disputed_rows = tf.where(tf.logical_not(agreed))
    disputed = normalize_with_table(tf.gather_nd(text, disputed_rows), lower_case=lower_case)
    # The texts of the second route are blank on the first, whose work would be wasted.
    normalized = normalize_with_icu(tf.where(agreed, text, ""), lower_case=lower_case)
    return tf.tensor_scatter_nd_update(normalized, disputed_rows, disputed)


def normalize_with_icu(text: tf.Tensor, *, lower_case: bool) -> tf.Tensor:
    """Applies NFKD, removes combining characters and lower-cases, by TensorFlow's ops: string [n] to string [n]."""
    return normalize_decomposed(tf_text.normalize_utf8(text, "NFKD"), lower_case=lower_case)


def normalize_decomposed(decomposed: tf.Tensor, *, lower_case: bool) -> tf.Tensor:
    """Removes combining characters from the result of NFKD, and lower-cases it: string [n] to string [n]."""
    stripped = tf.strings.regex_replace(decomposed, format_regex_class(list_combining_characters()) + "+", "")
    return tf.strings.lower(stripped, encoding="utf-8") if lower_case else stripped


def normalize_with_table(text: tf.Tensor, *, lower_case: bool) -> tf.Tensor:
    """Does the same by Python's table over the code points: string [n] to string [n]."""
    table = build_code_point_table(lower_case=lower_case)
    characters = tf.strings.unicode_decode(text, "UTF-8", errors="replace")
    code_points = characters.flat_values
    pages = tf.gather(tf.constant(table.pages), code_points // PAGE_SIZE)
    entries = tf.gather(tf.constant(table.entries), pages * PAGE_SIZE + code_points % PAGE_SIZE)
    splits = tf.constant(table.replacement_splits)
    first = tf.gather(splits, entries)
    lengths = tf.where(entries == 0, 1, tf.gather(splits, entries + 1) - first)
    ends = tf.concat([[0], tf.cumsum(lengths)], axis=0)
    source = tf.repeat(tf.range(tf.size(code_points)), lengths)
    within = tf.range(tf.size(source)) - tf.gather(ends, source)
    replaced = tf.gather(tf.constant(table.replacement_values), tf.gather(first, source) + within)
    values = tf.where(tf.gather(entries, source) == 0, tf.gather(code_points, source), replaced)
    row_splits = tf.cast(tf.gather(ends, characters.row_splits), tf.int64)
    result = tf.strings.unicode_encode(tf.RaggedTensor.from_row_splits(values, row_splits, validate=False), "UTF-8")
    return lower_capital_sigma(result) if lower_case else result


def lower_capital_sigma(text: tf.Tensor) -> tf.Tensor:
    """Lower-cases the capital sigmas of string [n], where all else is lower-cased: final at the end of a word.

    Source of the rule: CPython Objects/unicodeobject.c, `handle_capital_sigma`.
    """
    context = find_sigma_context()
    # Twice: a sigma that follows another one is only found by the second pass.
    for _ in range(2):
        pattern = f"{CAPITAL_SIGMA}({context.ignorable}*{context.cased})"
        text = tf.strings.regex_replace(text, pattern, "\u03c3\\1")
    text = tf.strings.regex_replace(text, f"({context.cased}{context.ignorable}*){CAPITAL_SIGMA}", "\\1\u03c2")
    return tf.strings.regex_replace(text, CAPITAL_SIGMA, "\u03c3")


@functools.lru_cache(maxsize=2)
def find_agreed_class(*, lower_case: bool) -> str:
    """Finds the code points that ICU and Python normalise alike, and returns them as an RE2 class.

    Each is tried between letters (ICU's `lower` loses what follows a NUL) and between combining characters (ICU moves
    those that are combining only in its newer Unicode), many in one text first: most of them agree.
    """
    characters = list_characters()
    disputed = _list_capital_sigmas() if lower_case else set()
    if disputed:
        characters = re.sub(f"[{''.join(disputed)}]+", "", characters)
    blocks = [characters[start : start + _BLOCK] for start in range(0, len(characters), _BLOCK)]
    for agrees, block in zip(_compare(blocks, lower_case=lower_case), blocks, strict=True):
        if not agrees:
            alone = _compare(list(block), lower_case=lower_case)
            disputed.update(character for agrees, character in zip(alone, block, strict=True) if not agrees)
    return format_regex_class(disputed, negate=True) if disputed else r"(?s:.)"


def _list_capital_sigmas() -> set[str]:
    characters = list_assigned_characters()
    decomposed = map(functools.partial(unicodedata.normalize, "NFKD"), characters)
    return set(itertools.compress(characters, (CAPITAL_SIGMA in text for text in decomposed)))


def _compare(blocks: list[str], *, lower_case: bool) -> list[bool]:
    """Returns for each block of characters whether ICU and Python normalise them alike."""
    # U+0345 and U+0334 have the highest and nearly the lowest combining class: a combining character moves past one.
    texts = ["a\u0345" + "\u0334ba\u0345".join(block) + "\u0334b" for block in blocks]
    with tf.init_scope():  # run now, even while a graph is being traced
        tensor = tf.constant(texts, tf.string)
        decomposed = tf_text.normalize_utf8(tensor, "NFKD")
        normalized = normalize_decomposed(decomposed, lower_case=lower_case)
    return [
        from_icu.decode() == unicodedata.normalize("NFKD", text)
        and output.decode() == normalize_in_python(text, lower_case=lower_case)
        for text, from_icu, output in zip(texts, decomposed.numpy(), normalized.numpy(), strict=True)
    ]
