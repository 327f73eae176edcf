"""Batches that are computed in threads of their own, while the thread of the bundle prepares and writes others.

May import architecture, directory, vocabulary, published, engines, jax_engine, export, hosting.
"""
