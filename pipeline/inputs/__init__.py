"""The files of a run: their format, found out before it, and the step that reads them.

May import `sources` and below.
"""
