"""Finding the rows of a dataset that are nearest to a text.

May import `embed` and below.
"""
