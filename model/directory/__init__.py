"""The folder of a model: where it is found or made, what lies in it, and what is no model.

May import architecture.
"""
