"""A corpus before it is embedded: what it holds, and what embedding it will take.

May import `job` and below.
"""
