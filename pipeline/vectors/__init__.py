"""The vectors of a dataset: a sample of its rows, what is known of them, a map, and a file for Embedding Atlas.

May import `search` and below.
"""
