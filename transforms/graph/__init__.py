"""The tf.Transform graph: how it is made, saved, kept, and run.

May import files, process, steps, text, rows.
"""
