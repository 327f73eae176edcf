"""The Flex Template's metadata says what the program's own options say."""

from __future__ import annotations

import json

from tests.deploy.programs import DEPLOY, load_program


def test_the_metadata_is_made_of_the_programs_options() -> None:
    make = load_program(DEPLOY / "dataflow" / "make_metadata.py")
    committed = json.loads(make.FILE.read_text(encoding="utf-8"))
    assert committed == make.make_metadata(), "run: python deploy/dataflow/make_metadata.py"
