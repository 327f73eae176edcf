"""Where records come from: one file for each input format, and what they have in common.

May import `records` and below.
"""
