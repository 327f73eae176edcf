"""Text to pieces: normalisation, SentencePiece, and where in the text a piece came from.

May import files, process, steps.
"""
