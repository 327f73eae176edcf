"""What a run that was cut off has finished, and how the next one uses it.

May import `commit` and below.
"""
