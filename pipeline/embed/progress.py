"""`LogProgress`: logs the progress of a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa

from albert_embed.transforms.columns import INPUT_IDS
from albert_embed.transforms.list_lengths import list_lengths

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN = 30.0


class LogProgress(beam.DoFn):
    """Passes embedded rows on, and every 30 seconds logs how many this worker has seen so far, and how fast."""

    def __init__(self) -> None:
        self._rows = self._tokens = 0
        self._started = self._logged = 0.0

    def setup(self) -> None:
        self._rows = self._tokens = 0
        self._started = self._logged = time.monotonic()

    def process(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        self._rows += rows.num_rows
        self._tokens += int(list_lengths(rows.column(INPUT_IDS)).sum())
        now = time.monotonic()
        if now - self._logged >= _SECONDS_BETWEEN:
            self._logged = now
            rate = self._tokens / (now - self._started)
            logger.info("%d rows, %d tokens embedded; %.0f tokens/s", self._rows, self._tokens, rate)
        yield rows
