"""Pieces to rows: the names and types of all columns, windows, and batches by padded tokens.

May import files, process, steps, text.
"""
