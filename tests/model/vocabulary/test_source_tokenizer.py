"""The tokenizer beside the weights: made of `tokenizer.json` and proved, added tokens, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.directory.model_directory import open_model_directory
from albert_embed.model.export.export import export_model
from albert_embed.model.published.published_model import open_published_model
from albert_embed.model.vocabulary.source_tokenizer import SourceTokenizer, read_source_tokenizer
from albert_embed.model.vocabulary.tokenizer_json import TokenizerError, read_tokenizer_json
from albert_embed.model.vocabulary.tokenizer_proof import make_texts, prove_ids
from albert_embed.transforms.text.vocabulary import WORD_START, parse_vocabulary
from tests.model.checkpoints import huggingface_tensors, write_huggingface_checkpoint
from tests.tiny_model import GOLDEN, TINY, make_weights, replace, vocabulary_bytes

SAVED_ALONE = GOLDEN / "made_by_tools" / "sentences_mean" / "tokenizer.json"  # as transformers 5 saves it
NEEDS_TOKENIZERS = pytest.mark.skipif(
    importlib.util.find_spec("tokenizers") is None, reason="tokenizers is not installed: the extra huggingface"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Hugging Face model with nothing but `tokenizer.json` for a vocabulary."""
    directory = tmp_path / "source"
    write_huggingface_checkpoint(directory, TINY, huggingface_tensors(make_weights(TINY), prefix="albert."))
    shutil.copy(SAVED_ALONE, directory)
    return directory


def read(directory: Path) -> SourceTokenizer:
    work = directory.parent / "work"
    work.mkdir(exist_ok=True)
    return read_source_tokenizer(directory, work)


def change(directory: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = directory / "tokenizer.json"
    fields = json.loads(path.read_text())
    edit(fields)
    path.write_text(json.dumps(fields))


@NEEDS_TOKENIZERS
def test_the_sentencepiece_model_is_made_and_proved(source: Path) -> None:
    found = read(source)
    assert (found.lower_case, found.comma_rule) == (True, "huggingface")
    assert found.vocabulary_file is not None
    made = sentencepiece.SentencePieceProcessor(model_file=str(found.vocabulary_file))
    original = sentencepiece.SentencePieceProcessor(model_proto=vocabulary_bytes())
    texts = make_texts(parse_vocabulary(vocabulary_bytes(), source="v"))
    assert made.encode(texts) == original.encode(texts)
    assert found.notes[0] == "the SentencePiece model was made of tokenizer.json, and its ids were proved against it"
    assert found.notes[1].startswith('transformers takes ( ) " - . – £ € for tokens of their own and begins a new word')
    assert found.notes[2].startswith("this source was trained with the other rule for commas: its tokenizer keeps")


@NEEDS_TOKENIZERS
def test_ids_that_differ_are_refused(source: Path) -> None:
    tokenizer = read_tokenizer_json(source / "tokenizer.json")
    change(source, lambda fields: fields["model"]["vocab"][100].__setitem__(1, -0.5))
    vocabulary = parse_vocabulary(tokenizer.to_sentencepiece(), source="v", comma_rule="huggingface")
    with pytest.raises(
        TokenizerError, match=r"tokenizer.json: the tokenizers library turns '.*' into .*, what was made"
    ):
        prove_ids(source / "tokenizer.json", tokenizer, vocabulary)


def test_without_the_tokenizers_library_it_says_what_to_do(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tokenizers" else find_spec(name))
    with pytest.raises(
        TokenizerError, match=r"which is not installed: pip install 'albert-embed\[huggingface\]', or give"
    ):
        read(source)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda fields: fields["model"].update(type="WordPiece"), "holds a WordPiece tokenizer; only ALBERTs with a"),
        (lambda fields: fields["model"].update(type="BPE"), "holds a BPE tokenizer; only ALBERTs with a"),
        (lambda fields: fields["model"].update(byte_fallback=True), "byte_fallback is true, which"),
        (lambda fields: fields.update(normalizer=None), r"keeps accents \(its normalizer: \[\]\)"),
        (
            lambda fields: fields["normalizer"]["normalizers"].insert(0, {"type": "NFC"}),
            r'its normalizer has the step \{"type": "NFC"\}, which preprocessing here does not do',
        ),
        (
            lambda fields: fields.update(pre_tokenizer={"type": "Whitespace"}),
            r'its pre-tokenizer has the step \{"type": "Whitespace"\}, which preprocessing here does not do',
        ),
        (
            lambda fields: fields["added_tokens"].append({"id": 500, "content": "<x>", "special": True}),
            r"the ids of its added tokens, \[500\], do not follow its vocabulary",
        ),
        (
            lambda fields: fields["normalizer"]["normalizers"][0].update(content="'"),
            r'its normalizer has the step \{"type": "Replace", .*, which preprocessing here does not do',
        ),
        (
            lambda fields: fields["model"].update(vocab=[["a"]]),
            r"is not a tokenizer of the tokenizers library \(ValueError",
        ),
        (lambda fields: fields.update(added_tokens="x"), r"is not a tokenizer of the tokenizers library \(TypeError"),
        (
            lambda fields: fields.update(normalizer=["x"]),
            r"is not a tokenizer of the tokenizers library \(AttributeError",
        ),
        (lambda fields: fields.pop("model"), r"is not a tokenizer of the tokenizers library \(KeyError\('model'\)\)"),
    ],
)
def test_a_tokenizer_that_does_something_else_is_refused(
    source: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    change(source, edit)
    with pytest.raises(TokenizerError, match=message):
        read(source)


@NEEDS_TOKENIZERS
def test_what_the_tokenizers_library_can_not_use_is_named(source: Path) -> None:
    change(source, lambda fields: fields["model"].update(unk_id=None))
    with pytest.raises(
        TokenizerError, match=r"tokenizer.json can't be used by the tokenizers library: .*; get the spiece"
    ):
        read(source)


def drop_step(kind: str) -> Callable[[dict[str, Any]], object]:
    """Returns an edit that takes a step out of the normaliser."""

    def edit(fields: dict[str, Any]) -> None:
        steps = fields["normalizer"]["normalizers"]
        steps[:] = [step for step in steps if step["type"] != kind]

    return edit


def test_the_casing_is_that_of_tokenizer_json_where_nothing_else_says_it(source: Path, vocabulary_file: Path) -> None:
    shutil.copy(vocabulary_file, source / "spiece.model")
    assert read(source).lower_case is True
    change(source, drop_step("Lowercase"))
    found = read(source)
    assert (found.lower_case, found.vocabulary_file) == (False, source / "spiece.model")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            drop_step("Lowercase"),
            "do_lower_case is True in tokenizer_config.json, and tokenizer.json does otherwise; mak",
        ),
        (
            drop_step("StripAccents"),
            r"tokenizer.json keeps accents \(its normalizer: .*only the ALBERT repository's way",
        ),
        (
            lambda fields: fields["model"].update(type="WordPiece"),
            "tokenizer.json holds a WordPiece tokenizer, and spiece.model another beside it; remove the one of",
        ),
        (
            lambda fields: fields["model"]["vocab"][7].__setitem__(0, "other"),
            "tokenizer.json has the piece 'other' under the id 7, and spiece.model '\"'; remove the one of the two",
        ),
        (
            lambda fields: fields["model"]["vocab"].append(["more", -9.0]),
            "tokenizer.json has 401 pieces, and spiece.model 400; remove the one of the two that the",
        ),
        (
            lambda fields: fields.update(pre_tokenizer={"type": "Whitespace"}),
            'its pre-tokenizer has the step {"type": "Whitespace"}, which preprocessing here does not do',
        ),
        (
            lambda fields: fields.update(normalizer=["x"]),
            r"is not a tokenizer of the tokenizers library \(.*; get it aga",
        ),
    ],
)
def test_a_tokenizer_json_that_does_something_else_than_the_model_beside_it_is_refused(
    source: Path, vocabulary_file: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    """transformers would cut text as `tokenizer.json` says."""
    shutil.copy(vocabulary_file, source / "spiece.model")
    (source / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    assert read(source).comma_rule == "huggingface"
    change(source, edit)
    with pytest.raises(TokenizerError, match=message):
        read(source)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_a_tokenizer_of_another_class_is_refused(source: Path, vocabulary_file: Path, name: str) -> None:
    shutil.copy(vocabulary_file, source / "spiece.model")
    (source / name).write_text(json.dumps({"tokenizer_class": "XLMRobertaTokenizer"}))
    with pytest.raises(TokenizerError, match=rf"{name}: tokenizer_class is 'XLMRobertaTokenizer', whose ids are not"):
        read(source)
    (source / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "AlbertTokenizerFast"}))
    assert read(source).lower_case is True


def test_a_given_vocabulary_needs_no_proof(source: Path, tmp_path: Path, vocabulary_file: Path) -> None:
    (source / "tokenizer.json").write_text("broken")
    export_model(source=str(source), output=tmp_path / "out", vocabulary_file=vocabulary_file)
    assert open_model_directory(tmp_path / "out").vocabulary_file.read_bytes() == vocabulary_bytes()


@NEEDS_TOKENIZERS
def test_the_export_takes_the_rule_over_and_an_option_overrides_it(source: Path, tmp_path: Path) -> None:
    report = export_model(source=str(source), output=tmp_path / "out")
    model = open_model_directory(tmp_path / "out")
    assert model.comma_rule == report.comma_rule == "huggingface"
    assert model.load_vocabulary().digit_comma_ids == {}
    export_model(source=str(source), output=tmp_path / "albert", comma_rule="albert")
    assert open_model_directory(tmp_path / "albert").comma_rule == "albert"


def write_source(folder: Path, config: AlbertConfig, vocabulary_file: Path) -> Path:
    """Writes a Hugging Face checkpoint with a SentencePiece model, and returns its folder."""
    write_huggingface_checkpoint(folder, config, huggingface_tensors(make_weights(config)))
    shutil.copy(vocabulary_file, folder / "spiece.model")
    return folder


def test_added_tokens_beside_a_sentencepiece_model(tmp_path: Path, vocabulary_file: Path) -> None:
    source = write_source(tmp_path / "source", replace(TINY, vocab_size=403), vocabulary_file)
    (source / "added_tokens.json").write_text(json.dumps({"<c>": 402, "<a>": 400, "<b>": 401, "[MASK]": 4}))
    report = export_model(source=str(source), output=tmp_path / "out")
    assert report.notes == (
        "3 added tokens (<a>, <b>, <c>) keep their ids, but text that looks like them is ordinary text here",
    )
    vocabulary = open_model_directory(tmp_path / "out").load_vocabulary()
    assert vocabulary.pieces[400:] == ("<a>", "<b>", "<c>")
    processor = sentencepiece.SentencePieceProcessor(model_proto=vocabulary.model)
    original = sentencepiece.SentencePieceProcessor(model_proto=vocabulary_bytes())
    assert processor.encode("what <a> is") == original.encode("what <a> is")
    (source / "added_tokens.json").write_text(json.dumps({"<a>": 401}))
    with pytest.raises(TokenizerError, match=r"the ids \[401\] do not follow the 400 pieces of spiece.model; give the"):
        read(source)


@NEEDS_TOKENIZERS
def test_added_tokens_in_tokenizer_json(source: Path) -> None:
    added = [{"id": 400 + place, "content": f"<{place}>", "special": False} for place in range(7)]
    for token in added:
        token.update(single_word=False, lstrip=False, rstrip=False, normalized=False)
    change(source, lambda fields: fields["added_tokens"].extend(added))
    found = read(source)
    assert "7 added tokens (<0>, <1>, <2>, <3>, <4> …) keep their ids" in " ".join(found.notes)
    assert found.vocabulary_file is not None
    vocabulary = parse_vocabulary(found.vocabulary_file.read_bytes(), source="v")
    assert vocabulary.size == 407 and vocabulary.pieces[406] == "<6>"


def test_casing_that_the_files_disagree_on(source: Path) -> None:
    (source / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    with pytest.raises(
        TokenizerError, match=r"do_lower_case is False in tokenizer_config.json, and tokenizer.json does"
    ):
        read(source)


def test_the_sample_holds_words_of_pieces() -> None:
    texts = make_texts(parse_vocabulary(vocabulary_bytes(), source="v"))
    assert len(texts) > 200 and not any(WORD_START in text or "''" in text for text in texts)


# The same two tokens as each version and kind of tokenizer lists them, with one that is in the vocabulary.
ADDED = [
    ("added_tokens.json", {"[MASK]": 4, "<b>": 401, "<a>": 400}),
    (
        "tokenizer_config.json",
        {
            "added_tokens_decoder": {
                str(place): {"content": text} for place, text in ((4, "[MASK]"), (400, "<a>"), (401, "<b>"))
            }
        },
    ),
    ("tokenizer.json", {"added_tokens": [{"id": 400, "content": "<a>"}, {"id": 401, "content": "<b>"}]}),
]


@pytest.mark.parametrize(("name", "content"), ADDED, ids=[name for name, _ in ADDED])
def test_added_tokens_are_found_in_whichever_file_lists_them(
    tmp_path: Path, vocabulary_file: Path, name: str, content: dict[str, Any]
) -> None:
    source = write_source(tmp_path / "source", replace(TINY, vocab_size=402), vocabulary_file)
    (source / name).write_text(json.dumps(content))
    with open_published_model(str(source)) as published:
        found = published.tokenizer
        assert found.vocabulary_file is not None
        vocabulary = parse_vocabulary(found.vocabulary_file.read_bytes(), source="v")
    assert vocabulary.pieces[400:] == ("<a>", "<b>")
    assert (
        "2 added tokens (<a>, <b>) keep their ids, but text that looks like them is ordinary text here" in found.notes
    )


@pytest.mark.parametrize(("name", "content"), ADDED, ids=[name for name, _ in ADDED])
def test_added_tokens_without_embeddings_are_left_out(
    tmp_path: Path, vocabulary_file: Path, name: str, content: dict[str, Any]
) -> None:
    """As where somebody has added a token and not resized the model, which never sees it."""
    source = write_source(tmp_path / "source", replace(TINY, vocab_size=401), vocabulary_file)
    (source / name).write_text(json.dumps(content))
    report = export_model(source=str(source), output=tmp_path / "out")
    assert report.notes[:2] == (
        "1 added token (<a>) keeps its id, but text that looks like it is ordinary text here",
        "1 added token (<b>) has no embedding in the model, and is left out",
    )
    assert open_model_directory(tmp_path / "out").load_vocabulary().size == 401


@NEEDS_TOKENIZERS
def test_added_tokens_of_tokenizer_json_alone_without_embeddings_are_left_out(source: Path, tmp_path: Path) -> None:
    token: dict[str, Any] = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    token |= {"id": 400, "content": "[PAD]", "special": True}
    change(source, lambda fields: fields["added_tokens"].append(token))
    report = export_model(source=str(source), output=tmp_path / "out")
    assert "1 added token ([PAD]) has no embedding in the model, and is left out" in report.notes
    assert open_model_directory(tmp_path / "out").load_vocabulary().size == TINY.vocab_size


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("added_tokens.json", {"<a>": "x"}, r"added_tokens.json does not list added tokens as transformers does: Val"),
        ("added_tokens.json", {"<a>": 401}, r"the ids \[401\] do not follow the 400 pieces of spiece.model; give the"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"400": {}}}, r"_config.json does not list added tokens as"),
        ("tokenizer_config.json", {"do_lower_case": "False"}, r"do_lower_case must be true or false, not 'False'$"),
    ],
)
def test_files_in_another_form_are_named(
    tmp_path: Path, vocabulary_file: Path, name: str, content: dict[str, Any], message: str
) -> None:
    shutil.copy(vocabulary_file, tmp_path / "spiece.model")
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(TokenizerError, match=message):
        read_source_tokenizer(tmp_path, tmp_path)
