"""Hosting a model in a worker: which engine, when it is loaded, and the handler for RunInference.

May import architecture, directory, vocabulary, published, engines, jax_engine, export.
"""
