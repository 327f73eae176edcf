"""Writing weights as a SavedModel, and the proof that it computes what they compute.

May import architecture, directory, vocabulary, published, engines, jax_engine.
"""
