"""Writing rows: files that are open, shards that are finished, and the steps that write them.

May import `shards` and below.
"""
