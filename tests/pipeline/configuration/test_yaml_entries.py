"""YAML files of one level: values stay as they are written, and what can't be meant is refused with its line."""

from __future__ import annotations

import pytest

from albert_embed.pipeline.configuration.yaml_entries import parse_entries
from albert_embed.pipeline.console.usage_error import UsageError


def read(text: str) -> dict[str, tuple[str, ...] | None]:
    return {entry.name: entry.values for entry in parse_entries(text.encode(), "run.yaml")}


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "\ufeff"])
def test_an_empty_file_has_no_entries(text: str) -> None:
    assert read(text) == {}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("1e6", "1e6"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("3:30", "3:30"),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("=", "="),
        ("!!str 5", "5"),
        ("'null'", "null"),
        ('""', ""),
        (r'"a\tb"', "a\tb"),
        ("|\n  SELECT 1\n  FROM t", "SELECT 1\nFROM t\n"),
    ],
)
def test_values_stay_as_they_are_written(written: str, value: str) -> None:
    assert read(f"key: {written}\n") == {"key": (value,)}


def test_keys_lists_and_null() -> None:
    text = "batch_tokens: ~\nkeep-fields: [a, no, 1]\ninput:\n- b\n- 'c d'\nTEXT-field: null\n"
    assert read(text) == {
        "batch-tokens": None,
        "keep-fields": ("a", "no", "1"),
        "input": ("b", "c d"),
        "text-field": None,
    }


def test_anchors_stand_for_their_values() -> None:
    assert read("model: &m albert\ntext-field: *m\ninput: &i [a, b]\noutput: *i\n") == {
        "model": ("albert",),
        "text-field": ("albert",),
        "input": ("a", "b"),
        "output": ("a", "b"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "run.yaml holds a list; give names of flags with their values, such as max-tokens: 128"),
        ("albert", "run.yaml holds the text 'albert'; give names of flags with their values, such as max-tokens: 128"),
        (
            "batch-tokens: 1\nmodel: m\nbatch_tokens: 1\n",
            "run.yaml, line 3: batch_tokens is given twice, first in run.yaml, line 1; give it once",
        ),
        ("model: m\nmodel: m\n", "run.yaml, line 2: model is given twice, first in run.yaml, line 1; give it once"),
        ("\nmodel:\n", "run.yaml, line 2: model has no value; give one, or leave the line out"),
        ("input: [a, ~]", "run.yaml, line 1: input has no value; give one, or leave the line out"),
        ("input: []", "run.yaml, line 1: input is an empty list; give a value, or leave the line out"),
        (
            "a: 1\nembed:\n  model: m\n",
            "run.yaml, line 2: embed is a mapping; all keys are on one level, give it a value or a list of values",
        ),
        ("input: [[a]]", "run.yaml, line 1: input has a list or a mapping in its list; give a list of values"),
        ("a: &a [*a]", "run.yaml, line 1: a has a list or a mapping in its list; give a list of values"),
        ("? [a]\n: b\n", "run.yaml, line 1: a key is a list or a mapping; give the name of a flag"),
        (
            "base: 1\n<<: {model: m}\n",
            "run.yaml, line 2: << merges another mapping, and there is none here; write the keys themselves",
        ),
        (
            "a: !!python/object/apply:os.system [ls]",
            "run.yaml, line 1: a has the tag 'tag:yaml.org,2002:python/object/apply:os.system'; leave the tag out",
        ),
        ("a: !!binary aGk=", "run.yaml, line 1: a has the tag 'tag:yaml.org,2002:binary'; leave the tag out"),
        ("a: !mine 5", "run.yaml, line 1: a has the tag '!mine'; leave the tag out"),
    ],
)
def test_what_cannot_be_meant(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"a: [1\nb: 2\n",
            r"^run.yaml, line 2: this is not YAML: while parsing a flow sequence, expected ',' or ']', ",
        ),
        (b"a: 1\n---\nb: 2\n", r"^run.yaml, line 2: this is not YAML: expected a single document in the stream, but "),
        (b"a: *b\n", r"^run.yaml, line 1: this is not YAML: found undefined alias 'b'$"),
        (b"a: b: c\n", r"^run.yaml, line 1: this is not YAML: mapping values are not allowed here$"),
        (b"a: 1\n\tb: 2\n", r"^run.yaml, line 2: this is not YAML: "),
        (b"a: 1\nb: \xff\n", r"^run.yaml, line 2: the file is not UTF-8; convert it$"),
        (b"a: \x00\n", r"^run.yaml: this is not YAML: "),
        (b"a: " + b"[" * 5000, r"^run.yaml is nested too deeply; give names of flags with their values$"),
    ],
)
def test_what_is_no_yaml(content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_entries(content, "run.yaml")
