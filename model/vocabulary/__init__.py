"""The vocabulary of published weights, as a SentencePiece model.

May import architecture, directory.
"""
