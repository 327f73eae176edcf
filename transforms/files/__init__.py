"""Files on any file system that Apache Beam knows, by their literal names.

It is the lowest room of the package.
"""
