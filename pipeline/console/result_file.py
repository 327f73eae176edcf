"""`ResultFile`: a run's result as a file, and its figures as text for Prometheus, for who watches scheduled runs."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from albert_embed.pipeline.console.option import Option, Place
from albert_embed.pipeline.console.output import PrintError, format_json_line
from albert_embed.pipeline.console.usage_error import UsageError
from albert_embed.transforms.files.directories import is_remote, read_file, write_file_atomically

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

logger = logging.getLogger(__name__)

RESULT_FILE = Option(
    flag="--result-file",
    place=Place.WRITTEN,
    metavar="PATH",
    help="write the result, or what went wrong, as one line of JSON to this file, and its figures for Prometheus "
    "beside it, with .prom",
    group="result",
)
# Results of runs that have only been started: nobody knows yet whether they will succeed.
_GOES_ON = frozenset(("submitted", "template"))
_LAST_SUCCESS = "albert_embed_last_success_timestamp_seconds"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResultFile:
    """Where the result of a run is written, whatever it is.

    Attributes:
      path: of the line of JSON, local or in a bucket.
      command: whose result it is.
    """

    path: str
    command: str

    @property
    def figures_path(self) -> str:
        """The file for Prometheus: `.prom` in place of `.json`, or after the name."""
        return self.path.removesuffix(".json") + ".prom"

    def check(self) -> None:
        """Checks that the file can be written, before a long run.

        Raises:
          UsageError: if it can't.
        """
        if is_remote(self.path):
            self._check_remote()
            return
        folder = os.path.dirname(self.path) or "."
        if os.path.isdir(self.path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
            raise UsageError(
                f"{RESULT_FILE.flag} is {self.path!r}, which can't be written; give a file in a folder that is there"
            )

    def _check_remote(self) -> None:
        """Looks for the file of the run before: that needs the same file system, and the right to use it."""
        try:
            read_file(self.figures_path)
        except FileNotFoundError:
            return
        except Exception as e:  # each file system's client raises kinds of its own
            raise UsageError(
                f"{RESULT_FILE.flag} is {self.path!r}, which can't be used: {e}; give a file in a place that can be "
                "written from here"
            ) from e

    def write(self, record: Mapping[str, Any]) -> None:
        """Replaces both files, each at once.

        Raises:
          PrintError: if one can't be written.
        """
        line = format_json_line(record, "utf-8") + "\n"
        try:
            figures = format_figures(
                record, command=self.command, run=PurePosixPath(self.path).stem, before=self._read_figures()
            )
            write_file_atomically(self.figures_path, figures)
            write_file_atomically(self.path, line.encode())
        except Exception as e:  # each file system's client raises kinds of its own
            ended = f"the command itself ended as {record.get('status')!r}"
            raise PrintError(f"can't write --result-file {self.path}: {e}; {ended}") from e

    def _read_figures(self) -> bytes:
        """Reads what the run before has left; empty where there is nothing, or it can't be read."""
        try:
            return read_file(self.figures_path)
        except Exception:  # as above; what is written now counts more
            return b""


def format_figures(record: Mapping[str, Any], *, command: str, run: str, before: bytes) -> bytes:
    """Returns a run's figures in Prometheus' text format.

    Args:
      record: the result.
      command: the command's name.
      run: a name for runs that belong together.
      before: the figures of the run before: the time of the last success is kept from there.
    """
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    labels = {"command": command, "run": run}

    def add(name: str, meaning: str, value: float) -> None:
        Gauge(name, meaning, list(labels), registry=registry).labels(**labels).set(value)

    now = time.time()
    succeeded = record.get("exit_status") == 0 and record.get("status") not in _GOES_ON
    add("albert_embed_last_run_exit_status", "Exit status of the last run.", float(record.get("exit_status", 0)))
    add("albert_embed_last_run_timestamp_seconds", "When the last run ended.", now)
    last_success = now if succeeded else _find_last_success(before)
    if last_success is not None:
        add(_LAST_SUCCESS, "When the last run that succeeded ended.", last_success)
    _add_parts(registry, labels, record)
    text: bytes = generate_latest(registry)
    return text


def _add_parts(registry: CollectorRegistry, labels: Mapping[str, str], record: Mapping[str, Any]) -> None:
    """Adds the figures that come in parts: counts, changes, failures by reason, and what was measured."""
    from prometheus_client import Gauge

    for part, name, label, meaning in (
        ("counts", "albert_embed_last_run_count", "of", "What the output holds."),
        ("changes", "albert_embed_last_run_changes", "of", "Documents that the last run added, changed or deleted."),
        ("failures_by_reason", "albert_embed_last_run_failures", "reason", "Failures of the last run."),
        ("measured", "albert_embed_last_run_measured", "of", "What the last run measured."),
    ):
        values = dict(_list_numbers(record.get(part)))
        if values:
            gauge = Gauge(name, meaning, [*labels, label], registry=registry)
            for key, value in values.items():
                gauge.labels(**labels, **{label: key}).set(value)


def _list_numbers(part: Any) -> Iterator[tuple[str, float]]:
    """Yields the numbers of a part of a record, and of parts of it as `part.name`."""
    if not isinstance(part, Mapping):
        return
    for name, value in part.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(name), float(value)
        for inner, number in _list_numbers(value):
            yield f"{name}.{inner}", number


def _find_last_success(figures: bytes) -> float | None:
    from prometheus_client.parser import text_string_to_metric_families

    try:
        for family in text_string_to_metric_families(figures.decode()):
            for sample in family.samples:
                if sample.name == _LAST_SUCCESS:
                    return float(sample.value)
    except ValueError:
        logger.warning("the figures of the run before can't be read; when the last one succeeded is not known")
    return None
