"""The names of outputs that several steps have; what one step alone gives is named beside it."""

from __future__ import annotations

# RecordBatches of documents.
DOCUMENTS = "documents"
# Each a `transforms.steps.failure.Failure`.
FAILURES = "failures"
# What a bundle has counted, `transforms.steps.metrics.BundleCounts`.
COUNTS = "counts"
