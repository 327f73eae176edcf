"""Writing shards and their indexes, and the statistics of what was written.

May import `formats` and below.
"""
