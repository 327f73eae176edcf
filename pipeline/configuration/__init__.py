"""A command's options in a file, and written as one; what a shell needs to complete them.

May import `console`, `launch` and below.
"""
