"""A finished output: its layout, versions and manifests, how it is read and inspected.

May import `writers` and below.
"""
