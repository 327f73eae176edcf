"""The proof that a SentencePiece model made of `tokenizer.json` gives the ids that the tokenizers library gives."""

from __future__ import annotations

import importlib.util
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

from albert_embed.model.vocabulary.tokenizer_json import GET_FILE, TokenizerError, TokenizerJson
from albert_embed.transforms.text.vocabulary import WORD_START, Vocabulary

_SEED = 20190926
_WORDS = 2000  # made of the vocabulary's own pieces
_WORDS_IN_TEXT = 8
_FLOAT32_ROUNDING = 1e-6
# What tokenizers differ in: accents, ligatures, widths, digits with commas, signs, other scripts, spaces of all kinds.
_TEXTS = (
    "The harbour was empty in 1945, when the first 3,200 boats came back.",
    "Dr. Müller's naïve café; Zürich, Ångström, ﬁne ﬂow, ｆｕｌｌ ｗｉｄｔｈ, ½ of 10², №5, ™",
    "  two  spaces, a tab\tand a\u00a0no-break space\nand a line\u3000end ",
    "日本語のテキスト, 中文, русский текст, ελληνικά, עברית, العربية, हिन्दी",
    "emoji 😀 👩‍🚀 and signs … — – ‘single’ “double” €20 £5 (brackets) [square] {curly} <angle>",
    "MiXeD CaSe WORDS, İstanbul, straße, ǅ",
    "x",
    "",
)


def prove_ids(path: Path, tokenizer: TokenizerJson, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Compares the ids that preprocessing here gives with those of the tokenizer in `path`.

    Args:
      path: `tokenizer.json`.
      tokenizer: read from it.
      vocabulary: of the SentencePiece model that was made of it.

    Returns:
      What a user should know: in what the whole tokenizer does otherwise than the vocabulary.

    Raises:
      TokenizerError: if they differ, or the tokenizers library is not installed.
    """
    if importlib.util.find_spec("tokenizers") is None:
        raise TokenizerError(
            f"{path} is the only vocabulary; what is made of it is proved against the tokenizers library, which is not "
            "installed: pip install 'albert-embed[huggingface]', or give the spiece.model that the model was published "
            "with as --vocabulary FILE"
        )
    from tokenizers import Tokenizer

    fields = json.loads(path.read_text(encoding="utf-8"))
    texts = make_texts(vocabulary)
    try:
        whole = Tokenizer.from_str(json.dumps(fields))
        # Text that looks like an added token is ordinary text here, so those are left out.
        bare = Tokenizer.from_str(json.dumps({**fields, "added_tokens": [], "post_processor": None}))
        whole_ids, bare_ids = (
            [encoder.encode(text, add_special_tokens=False).ids for text in texts] for encoder in (whole, bare)
        )
    except Exception as e:  # the library raises no narrower one
        raise TokenizerError(f"{path} can't be used by the tokenizers library: {e}; {GET_FILE}") from e
    found = _encode(texts, vocabulary, tokenizer.lower_case)
    scores = [piece.score for piece in tokenizer.pieces]
    notes = []
    differing = 0
    for text, ids, expected, of_whole in zip(texts, found, bare_ids, whole_ids, strict=True):
        if ids != expected and not _is_tie(ids, expected, scores):
            raise TokenizerError(
                f"{path}: the tokenizers library turns {text!r} into {expected}, what was made of it into "
                f"{ids}; {GET_FILE}"
            )
        differing += of_whole != expected
    if differing:
        notes.append(
            f"transformers takes {' '.join(tokenizer.later_words)} for tokens of their own and begins a new word after "
            "each, which SentencePiece and the ALBERT repository do not; the export does as those do"
        )
    return tuple(notes)


def make_texts(vocabulary: Vocabulary) -> list[str]:
    """Returns the sample: texts in which tokenizers differ, and words made of the vocabulary's pieces."""
    generator = random.Random(_SEED)
    pieces = [piece.replace(WORD_START, " ").strip() for piece in vocabulary.pieces if not piece.startswith(("[", "<"))]
    words = ["".join(generator.choices(pieces, k=generator.randint(1, 3))) for _ in range(_WORDS)]
    texts = [" ".join(words[start : start + _WORDS_IN_TEXT]) for start in range(0, _WORDS, _WORDS_IN_TEXT)]
    # The Hugging Face tokenizer makes one double quote of two quotes; there is a note of its own for that.
    return [text for text in (*_TEXTS, *texts) if "``" not in text and "''" not in text]


def _is_tie(ids: list[int], others: list[int], scores: Sequence[float]) -> bool:
    """Returns whether two ways to cut a text have the same score, such as 7+77 and 77+7: which is taken is chance."""
    totals = [sum(scores[piece_id] for piece_id in cut) for cut in (ids, others)]
    return len(ids) == len(others) and math.isclose(*totals, rel_tol=_FLOAT32_ROUNDING)


def _encode(texts: list[str], vocabulary: Vocabulary, lower_case: bool) -> list[list[int]]:
    import tensorflow as tf
    import tensorflow_text as tf_text

    from albert_embed.transforms.text.tokenization import encode_text

    tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    ids = encode_text(tf.constant(texts), tokenizer=tokenizer, vocabulary=vocabulary, lower_case=lower_case)
    encoded: list[list[int]] = ids.to_list()
    return encoded
