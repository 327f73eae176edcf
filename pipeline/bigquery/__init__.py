"""Embeddings as rows of a BigQuery table, and documents out of one."""
