"""What steps of Beam are made of: failures, counters, coders.

May import files, process.
"""
