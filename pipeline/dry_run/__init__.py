"""What a run of `embed` would do, and all that would stop it, found out without writing.

May import `analysis`, `job` and below.
"""
