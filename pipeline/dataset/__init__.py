"""A finished output: its manifest, how it is published, read, inspected and compacted.

May import `writers` and below.
"""
