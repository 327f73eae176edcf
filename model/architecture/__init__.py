"""ALBERT itself: its config, its weights by name, its encoder, and batches of rows padded to one length.

It is the lowest room of the package.
"""
