"""Embeddings as rows of a BigQuery table, and documents out of one.

May import `dataset` and below.
"""
