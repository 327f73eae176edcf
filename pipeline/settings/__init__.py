"""Options of each command, checked when they are built, and what Beam's options mean here.

May import `storage` alone.
"""
