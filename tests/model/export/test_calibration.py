"""Which texts an int8 export is calibrated on, and which it is measured on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from albert_embed.model.export.calibration import Inputs, make_calibration_batches
from albert_embed.transforms.text.vocabulary import Vocabulary, load_vocabulary
from tests.tiny_model import plain_texts, vocabulary_bytes


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    file = tmp_path_factory.mktemp("vocabulary") / "v.model"
    file.write_bytes(vocabulary_bytes())
    return load_vocabulary(str(file))


def list_rows(batches: Sequence[Inputs]) -> list[tuple[int, ...]]:
    return [
        tuple(ids[mask.astype(bool)].tolist())
        for batch in batches
        for ids, mask in zip(batch["input_ids"], batch["input_mask"], strict=True)
    ]


def name_numbers(count: int) -> list[bytes]:
    """Returns texts that differ in letters, which the small vocabulary has."""
    return [" ".join("abcdefghij"[int(digit)] for digit in f"{number:03}").encode() for number in range(count)]


def test_no_text_is_in_both_parts_however_it_is_written(vocabulary: Vocabulary) -> None:
    texts = list(dict.fromkeys(text for text in plain_texts() if text))[:60]
    written = [spelling.encode() for text in texts for spelling in (text, text.upper(), f"  {text}  ")]
    batches = make_calibration_batches([b"", *written], vocabulary, lower_case=True, max_tokens=128)
    calibration, held_out = list_rows(batches.calibration), list_rows(batches.held_out)
    assert (len(calibration), len(held_out)) == (40, 20)
    assert len({*calibration, *held_out}) == 60
    assert all(batch["input_ids"].size <= 1024 and not batch["segment_ids"].any() for batch in batches.calibration)
    tokens = [sum(map(len, rows)) for rows in (calibration, held_out)]
    assert batches.describe() == (
        f"calibrated on 40 texts, {tokens[0]:,} tokens, measured on 20 texts, {tokens[1]:,} tokens"
    )


def test_of_many_texts_some_are_taken_from_all_of_them(vocabulary: Vocabulary) -> None:
    texts = name_numbers(1000)
    batches = make_calibration_batches(texts, vocabulary, lower_case=True, max_tokens=128)
    rows = {*list_rows(batches.calibration), *list_rows(batches.held_out)}
    assert len(rows) == 300
    last = make_calibration_batches(texts[-30:], vocabulary, lower_case=True, max_tokens=128)
    assert len(rows & {*list_rows(last.calibration), *list_rows(last.held_out)}) == pytest.approx(9, abs=1)


def test_long_texts_are_cut_to_what_the_model_takes(vocabulary: Vocabulary) -> None:
    texts = [text + b" word" * 50 for text in name_numbers(30)]
    batches = make_calibration_batches(texts, vocabulary, lower_case=True, max_tokens=16)
    assert {len(row) for row in list_rows(batches.calibration)} == {16}
    assert np.all(batches.held_out[0]["input_ids"][:, -1] == 3)


def test_too_few_different_texts(vocabulary: Vocabulary) -> None:
    texts = name_numbers(23)
    with pytest.raises(ValueError) as error:
        make_calibration_batches([*texts, *texts, b"", b" "], vocabulary, lower_case=True, max_tokens=128)
    assert str(error.value) == (
        "--calibration-texts has 23 texts that differ and are not empty; int8 needs at least 24 to be calibrated and "
        "measured on, better some hundred like those that will be embedded"
    )
    with pytest.raises(
        ValueError, match=r"^--calibration-texts has 0 texts that differ and are not empty; int8 needs "
    ):
        make_calibration_batches([], vocabulary, lower_case=True, max_tokens=128)
