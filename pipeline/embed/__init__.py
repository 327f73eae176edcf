"""`EmbedText`, and what it needs: the model, documents' vectors, the input of a run.

May import `bigquery`, `incremental` and below.
"""
