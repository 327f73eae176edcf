"""How what a run has staged becomes a version of a dataset: claim, staging, plan, move, publish, verdict; compaction.

May import `dataset` and below.
"""
