"""The documents of the input that a run embeds: what the comparison selects, less what an earlier run has finished.

May import `incremental`, `bigquery` and below.
"""
