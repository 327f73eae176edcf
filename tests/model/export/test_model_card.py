"""The model card of an export, and the licence that the source names."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.model.architecture.agreement import Agreement
from albert_embed.model.export.export import ExportReport
from albert_embed.model.export.model_card import find_license, format_model_card
from albert_embed.model.export.proof import Proof

REPORT = ExportReport(
    source="albert.tar.gz",
    source_format="tf1_checkpoint",
    license="apache-2.0",
    precision="bfloat16",
    lower_case=True,
    comma_rule="albert",
    vocabulary_sha256="ab12",
    trained_dimensions=(64, 128),
    proof=Proof(
        compared_on="8 English texts, 400 tokens",
        source={},
        source_not_run="a TF1 checkpoint holds weights and no program",
        float32={"pooled_output": Agreement(smallest_cosine=0.9995, largest_difference=0.0123, largest_value=1.0)},
        accepted_errors=(),
    ),
    fingerprint="cd34",
    notes=("it has no pooler",),
    versions={"albert-embed": "1.0", "tensorflow": "2.21.0"},
)


def test_what_the_card_says() -> None:
    card = format_model_card(REPORT)
    for line in (
        "| Source | `albert.tar.gz` (tf1_checkpoint) |",
        "| Licence of the source | apache-2.0 |",
        "| Precision | bfloat16 |",
        "| Trained for vectors cut to | 64, 128 |",
        "| Text | lower-cased |",
        "| Pieces such as 1945, | as the tokenizer of albert treats them |",
        "| Vocabulary, SHA-256 | `ab12` |",
        "| Version of tensorflow | 2.21.0 |",
        "Compared on 8 English texts, 400 tokens.",
        "| `pooled_output` | the same weights in float32 | 0.999500 | 0.0123 |",
        "- it has no pooler",
        "The source's own program was not run: a TF1 checkpoint holds weights and no program.",
    ):
        assert line in card.splitlines()
    assert "accept" not in card


@pytest.mark.parametrize(
    ("files", "license_line"),
    [
        ({}, None),
        ({"README.md": "# A model\nlicense: mit\n"}, None),
        ({"README.md": "---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n"}, "apache-2.0"),
        ({"README.md": '---\r\nlicense: "mit"\r\n---\r\n', "LICENSE": "Other"}, "mit"),
        (
            {"README.md": "---\nlanguage: en\n---\nlicense: mit\n", "LICENSE": "\n  Apache License\n2.0"},
            "Apache License",
        ),
        ({"LICENSE.txt": "MIT License\n"}, "MIT License"),
        ({"LICENSE": "\n"}, None),
    ],
)
def test_the_licence_of_a_source(tmp_path: Path, files: dict[str, str], license_line: str | None) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode())
    assert find_license(tmp_path) == license_line
