"""Readers of published weights, one for each kind of file, and the source's own program.

May import architecture, directory, vocabulary.
"""
