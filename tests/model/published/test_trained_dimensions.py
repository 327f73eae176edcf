"""The lengths of shortened vectors that a model's own files name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albert_embed.model.published.trained_dimensions import find_trained_dimensions

CARD = """---
tags:
- loss:MatryoshkaLoss
---
# A model
* Loss: MatryoshkaLoss with these parameters:
  ```json
  {
      "loss": "MultipleNegativesRankingLoss",
      "matryoshka_dims": [
          768,
          256,
          64
      ],
      "matryoshka_weights": [
          1,
          1,
          1
      ]
  }
  ```
"""


def test_the_card_that_sentence_transformers_writes(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    assert find_trained_dimensions([tmp_path]) == (64, 256, 768)


def test_an_older_card(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("{'loss': 'X', 'matryoshka_dims': [256, 128], 'n_dims_per_step': -1}")
    assert find_trained_dimensions([tmp_path]) == (128, 256)


@pytest.mark.parametrize("name", ["config.json", "config_sentence_transformers.json"])
def test_a_config_that_names_them(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "0_Transformer"
    folder.mkdir()
    (folder / name).write_text(json.dumps({"matryoshka_dimensions": [64, 32]}))
    assert find_trained_dimensions([tmp_path, folder]) == (32, 64)


@pytest.mark.parametrize("config", ['{"matryoshka_dimensions": null}', '{"matryoshka_dimensions": "all"}', "[]", "{"])
def test_files_that_say_nothing(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "README.md").write_text("A model like those of matryoshka_dims: none.")
    assert find_trained_dimensions([tmp_path]) == ()
    assert find_trained_dimensions([tmp_path / "missing"]) == ()
