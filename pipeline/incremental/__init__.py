"""Which documents are new, changed or gone, and which rows are dead.

May import `resume` and below.
"""
