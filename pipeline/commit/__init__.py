"""How what a run has staged becomes a version of a dataset: claim, staging, plan, publication, verdict; compaction.

May import `nearest` and below.
"""
