"""The engine for NVIDIA GPUs: the export's weights in JAX, in a few fixed shapes, without padding.

May import architecture, directory, vocabulary, published, engines.
"""
