"""`Plan`: what is to become of the files that a run has staged; written once, so that every attempt does the same."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.layout import FOLDERS, STAGING, name_published
from albert_embed.pipeline.dataset.manifest import Manifest

PLAN_FILE = "plan.json"
# How many files are moved together.
_MOVED_TOGETHER = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Move:
    """A file that is to be moved.

    Attributes:
      source, destination: relative to the dataset's directory.
    """

    source: str
    destination: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The commit of one run.

    Attributes:
      manifest: of the version as it will be published.
      moves: the files to move.
      schemas: path → content of the schema files; paths are relative to the dataset's directory.
      load_files: what is to be loaded into the table, relative to the dataset's directory; empty where there is none.
      dead_runs: runs that had ended before this one began, whose staged files go.
    """

    manifest: Manifest
    moves: tuple[Move, ...]
    schemas: dict[str, str] = dataclasses.field(default_factory=dict)
    load_files: tuple[str, ...] = ()
    dead_runs: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Returns JSON text."""
        fields: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["manifest"] = self.manifest.to_dict()
        fields["moves"] = [[move.source, move.destination] for move in self.moves]
        return json.dumps(fields).encode()

    @staticmethod
    def from_json(content: bytes) -> Plan:
        """Reads what `to_json` wrote."""
        fields = json.loads(content)
        typed = {
            "manifest": Manifest.from_dict(fields["manifest"]),
            "moves": tuple(Move(source=source, destination=destination) for source, destination in fields["moves"]),
            "load_files": tuple(fields["load_files"]),
            "dead_runs": tuple(fields["dead_runs"]),
        }
        return Plan(**{**fields, **typed})

    def split_moves(self) -> list[tuple[Move, ...]]:
        """Returns the moves in parts that are done together; one empty part where there are none."""
        parts = [self.moves[start : start + _MOVED_TOGETHER] for start in range(0, len(self.moves), _MOVED_TOGETHER)]
        return parts or [()]


def make_plan(
    manifest: Manifest,
    *,
    run: str,
    generation: int,
    schemas: dict[str, str],
    load_files: Sequence[str] = (),
    dead_runs: Sequence[str] = (),
) -> Plan:
    """Gives the staged files of a manifest their names and places.

    Args:
      manifest: names files that are staged, as RUN/NAME, and those of the version before that stay, which have a
        `generation`.
      run: the name of the run.
      generation: the number that the version gets.
      schemas, load_files, dead_runs: of the plan.
    """
    named: dict[str, Any] = {
        kind: name_published(kind, getattr(manifest, kind), generation=generation, run=run) for kind in FOLDERS
    }
    generations = [
        entry if entry.number is not None else dataclasses.replace(entry, number=generation)
        for entry in manifest.generations
    ]
    return Plan(
        manifest=dataclasses.replace(manifest, generation=generation, run=run, generations=generations, **named),
        moves=tuple(
            Move(source=f"{STAGING}/{staged.path}", destination=file.path)
            for kind in FOLDERS
            for staged, file in zip(getattr(manifest, kind), named[kind], strict=True)
            if not staged.is_published
        ),
        schemas=schemas,
        load_files=tuple(load_files),
        dead_runs=tuple(dead_runs),
    )


def write_plan(staging: StagingFolder, plan: Plan) -> Plan:
    """Writes the plan of a run, unless there is one; returns that which counts."""
    return Plan.from_json(staging.create(PLAN_FILE, plan.to_json()))


def read_plan(staging: StagingFolder) -> Plan | None:
    """Returns the plan of a run; None if there is none yet."""
    content = staging.read(PLAN_FILE)
    return None if content is None else Plan.from_json(content)


def locate_moves(directory: str, moves: Sequence[Move]) -> list[tuple[str, str]]:
    """Returns the full paths of moves: (source, destination)."""
    return [(FileSystems.join(directory, move.source), FileSystems.join(directory, move.destination)) for move in moves]
