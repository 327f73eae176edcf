"""Formats of rows: one file for each, behind one protocol, for writing and for reading.

May import `documents` and below.
"""
