"""A process and its machine: how it starts, its threads, what it counts while others watch, its folder for copies.

May import files.
"""
