"""How far a command is: what is known of it, and how people are shown that while it runs.

May import `console` and below.
"""
