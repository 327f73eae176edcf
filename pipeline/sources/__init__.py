"""Where records come from: one file for each format of input, and what all of them give.

May import `records` and below.
"""
