"""The files that the patterns of an input name: all of them, or an error.

May import `storage` and below.
"""
