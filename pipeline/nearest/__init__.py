"""Which rows of a dataset are nearest to a vector: exactly, by comparing all of them, and by an index.

May import `dataset` and below.
"""
