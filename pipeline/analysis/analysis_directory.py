"""`AnalysisDirectory`: where an analysis is written, and how it is published, with `analysis.json` last.

The directory holds a saved transform graph (`transforms.graph.transform_graph`) for `embed --transform`, the failures,
the cache and `analysis.json`. Everything except the cache is first written to `_staging/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Sequence

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.analysis.corpus_report import ANALYSIS_FILE, CorpusReport
from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.open_output import refuse_nested
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.console.interruption import NOTHING_PUBLISHED, say_if_interrupted
from albert_embed.pipeline.dataset.layout import CLAIM_FILE, MANIFEST_FILE, STAGING
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.directories import read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import (
    copy_directory,
    delete_directory,
    delete_files,
    list_directory,
    move_files,
)
from albert_embed.transforms.files.open_bytes import create_bytes, open_bytes
from albert_embed.transforms.graph.transform_graph import DESCRIPTION_FILE, GRAPH_FOLDERS

CACHE = "cache"
TRANSFORM = "transform"
_FAILURES = re.compile(r"^failures-[0-9a-f]{16}\.jsonl$")


class AnalysisDirectory:
    """One analysis, on any file system that Beam knows.

    Args:
      path: the directory; made when it is prepared.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.staging = FileSystems.join(path, STAGING)
        self._claim = Claim(path, make_run_name())

    def prepare(self, *, overwrite: bool) -> None:
        """Locks the directory for a run, and clears what a run that was cut off has left.

        Raises:
          OutputError: if another run is writing to the directory, if it holds embeddings, if it lies in an output or
            around one, or if it holds anything else and `overwrite` is not given.
        """
        self._claim.acquire(PipelineOptions([]))
        try:
            self._refuse_others(overwrite=overwrite)
            delete_directory(self.staging)
            run = {"started": time.time(), "host": socket.gethostname(), "pid": os.getpid()}
            write_file_atomically(FileSystems.join(self.staging, "run.json"), json.dumps(run).encode())
            say_if_interrupted(lambda: NOTHING_PUBLISHED)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Ends the run, so that other runs can write here."""
        self._claim.release()

    def _refuse_others(self, *, overwrite: bool) -> None:
        names = self._list()
        if MANIFEST_FILE in names:
            raise OutputError(
                f"{self.path} holds embeddings ({MANIFEST_FILE}); an analysis needs an --output of its own"
            )
        refuse_nested(self.path, names)
        if overwrite:
            return
        if ANALYSIS_FILE in names:
            raise OutputError(
                f"{self.path} holds a finished analysis; give another --output, or --overwrite to replace it (its "
                "cache is used again for files that have not changed)"
            )
        unfinished = any(name.startswith(STAGING + "/") for name in names)
        foreign = sorted(name for name in names if not (unfinished and _is_own(name)))
        if foreign:
            raise OutputError(
                f"{self.path} already holds something ({', '.join(foreign[:3])}); "
                "give an empty or new --output, or --overwrite to write there anyway"
            )

    def publish(self, report: CorpusReport, failure_files: Sequence[str]) -> CorpusReport:
        """Publishes the staged graph, the failures, and `analysis.json` last; then unlocks.

        A graph that is already there and is the same stays untouched: an embedding may be reading it.

        Args:
          report: the content of `analysis.json`, without the name of its failures file.
          failure_files: local or remote files of failures, one JSON object per line, that are joined into one.

        Returns:
          The report as it was published.
        """
        staged = FileSystems.join(self.staging, TRANSFORM)
        description = read_file(FileSystems.join(staged, DESCRIPTION_FILE))
        if not self._holds(DESCRIPTION_FILE, description):
            say_if_interrupted(lambda: f"the analysis in {self.path} is not whole; run the same command again")
            self._delete([ANALYSIS_FILE, DESCRIPTION_FILE])
            for folder in GRAPH_FOLDERS:
                delete_directory(FileSystems.join(self.path, folder))
                copy_directory(FileSystems.join(staged, folder), FileSystems.join(self.path, folder))
            write_file_atomically(FileSystems.join(self.path, DESCRIPTION_FILE), description)
        published = report.with_failures(self._join_failures(failure_files))
        write_file_atomically(FileSystems.join(self.path, ANALYSIS_FILE), published.to_json().encode())
        say_if_interrupted(lambda: f"the analysis is published in {self.path}")
        kept = published.failures.file
        self._delete([name for name in self._list() if _FAILURES.match(name) and name != kept])
        delete_directory(self.staging)
        self.release()
        return published

    def _holds(self, name: str, content: bytes) -> bool:
        try:
            return read_file(FileSystems.join(self.path, name)) == content
        except FileNotFoundError:
            return False

    def _join_failures(self, files: Sequence[str]) -> str:
        """Joins files into one, and returns its name, which has a hash of the content: it never replaces another."""
        staged = FileSystems.join(self.staging, "failures.jsonl")
        digest = hashlib.sha256()
        with create_bytes(staged) as joined:
            for path in files:
                with open_bytes(path) as part:
                    while block := part.read(1 << 20):
                        digest.update(block)
                        joined.write(block)
        name = f"failures-{digest.hexdigest()[:16]}.jsonl"
        if name not in self._list():
            move_files([(staged, FileSystems.join(self.path, name))])
        return name

    def _list(self) -> set[str]:
        """Lists all files below the directory, relative to it, without those of the cache and the claim."""
        names = set(list_directory(self.path)) - {CLAIM_FILE}
        return {name for name in names if not name.startswith(CACHE + "/")}

    def _delete(self, names: Sequence[str]) -> None:
        delete_files([FileSystems.join(self.path, name) for name in names])


def _is_own(name: str) -> bool:
    first = name.split("/")[0]
    return first in (STAGING, *GRAPH_FOLDERS, DESCRIPTION_FILE, ANALYSIS_FILE) or bool(_FAILURES.match(name))
