"""Makes the padded batch for comparing programs: English text, or random ids where a vocabulary has no English."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.transforms.graph.framing import frame_pair
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows.columns import INPUT_IDS, INPUT_MASK, SEGMENT_IDS
from albert_embed.transforms.text.tokenization import encode_text
from albert_embed.transforms.text.vocabulary import CLASSIFICATION_PIECE, SEPARATOR_PIECE, WORD_START, Vocabulary

_MAX_TOKENS = 128
_MAX_UNKNOWN_SHARE = 0.5
_SEED = 20190926  # the day on which ALBERT was published

# Texts and second texts: short, long, with numbers, names, capitals and signs, and empty ones.
_TEXTS = (
    ("The harbour was empty when the first boats came back.", ""),
    ("In 1945, about 3,200 people lived there; by 1960 it was 12,500.", "How many people lived there in 1945?"),
    ("“Why,” she asked, “would anybody want to read the whole report?”", "Nobody answered."),
    ("Yes.", ""),
    ("", ""),
    (
        "A language model is trained on text that somebody wrote for another purpose. It sees letters to a newspaper, "
        "manuals for washing machines, minutes of meetings, poems, recipes and the terms of insurance contracts, and "
        "from all of them it learns which words are likely to stand beside which others. What it makes of a sentence "
        "is a vector of numbers. Two sentences that mean nearly the same should have vectors that point in nearly the "
        "same direction, whatever words they use. Whether they do depends on the texts that the model was trained on, "
        "on its size, and on how long it was trained; it can only be found out by trying.",
        "",
    ),
    (
        "Dr. Müller's e-mail (sent 7 May, 10:45) listed four items: flour, 2.5 kg; sugar, 1 kg; eggs; and £20 in cash.",
        "The parcel arrived in Zürich on Friday & was returned unopened.",
    ),
    ("The committee adjourned at half past nine without having reached a decision on the third motion.", ""),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleBatch:
    """The batch on which programs are compared.

    Attributes:
      description: what it consists of, for people.
      inputs: `input_ids`, `input_mask`, `segment_ids`, int32 `[batch, seq]`, seq at most 128.
    """

    description: str
    inputs: dict[str, np.ndarray]


def make_sample_batch(vocabulary: Vocabulary, config: AlbertConfig, *, lower_case: bool) -> SampleBatch:
    """Makes a fixed batch of English text; of random ids where the vocabulary knows less than half of its tokens."""
    inputs = _tokenize_texts(vocabulary, config, lower_case=lower_case)
    real = inputs[INPUT_MASK].astype(bool)
    signs = _list_signs(vocabulary)
    letters = [piece_id for piece_id in inputs[INPUT_IDS][real].tolist() if piece_id not in signs]
    if letters.count(vocabulary.unk_id) > _MAX_UNKNOWN_SHARE * len(letters):
        return SampleBatch(
            description="random ids, as the vocabulary knows little English", inputs=make_random_batch(config)
        )
    return SampleBatch(description=f"{len(real)} English texts, {real.sum()} tokens", inputs=inputs)


def make_random_batch(config: AlbertConfig) -> dict[str, np.ndarray]:
    """Makes a fixed batch of random ids: four rows of different lengths, int32 `[4, seq]`, with both segments."""
    generator = np.random.default_rng(_SEED)
    longest = min(config.max_position_embeddings, _MAX_TOKENS)
    lengths = np.array([longest, max(longest // 2, 2), min(5, longest), 2])
    input_mask = (np.arange(longest) < lengths[:, np.newaxis]).astype(np.int32)
    input_ids = generator.integers(0, config.vocab_size, (len(lengths), longest), dtype=np.int32) * input_mask
    segment_ids = np.where(np.arange(longest) < lengths[:, np.newaxis] // 2, 0, config.type_vocab_size - 1)
    return {
        INPUT_IDS: input_ids,
        INPUT_MASK: input_mask,
        SEGMENT_IDS: (segment_ids * input_mask).astype(np.int32),
    }


def _list_signs(vocabulary: Vocabulary) -> set[int]:
    """Lists the ids of pieces without letters."""
    return {
        piece_id
        for piece_id, piece in enumerate(vocabulary.pieces)
        if piece in (CLASSIFICATION_PIECE, SEPARATOR_PIECE, WORD_START)
    }


def _tokenize_texts(vocabulary: Vocabulary, config: AlbertConfig, *, lower_case: bool) -> dict[str, np.ndarray]:
    options = PreprocessingConfig(
        lower_case=lower_case, max_tokens=min(config.max_position_embeddings, _MAX_TOKENS), pair=True
    )
    tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    first, second = (
        encode_text(tf.constant(texts), tokenizer=tokenizer, vocabulary=vocabulary, lower_case=lower_case)
        for texts in zip(*_TEXTS, strict=True)
    )
    framed = frame_pair(first, second, vocabulary=vocabulary, config=options)
    input_ids, segment_ids = framed[INPUT_IDS], framed[SEGMENT_IDS]
    last_segment = config.type_vocab_size - 1  # a model may have only one segment
    return {
        INPUT_IDS: input_ids.to_tensor().numpy().astype(np.int32),
        INPUT_MASK: tf.sequence_mask(input_ids.row_lengths(), dtype=tf.int32).numpy(),
        SEGMENT_IDS: np.minimum(segment_ids.to_tensor().numpy(), last_segment).astype(np.int32),
    }
