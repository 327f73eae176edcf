"""Text to model inputs: normalisation, SentencePiece, windows, and the tf.Transform graph that holds them.

Nothing is imported here: TensorFlow and Apache Beam load only with the modules that need them.
"""
