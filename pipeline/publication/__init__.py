"""How a run of `embed` is published by its own job: what it has staged, its checks, its manifest, its table.

May import `bigquery`, `incremental` and below.
"""
