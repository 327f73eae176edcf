"""A corpus before it is embedded: tf.Transform's analysers on the tokens of the model.

May import files, process, steps, text, rows, graph.
"""
