"""One page that shows what a dataset or an analysis holds.

May import `vectors` and below.
"""
