"""`EmbedText`, and the job that reads a corpus, embeds it and publishes the rows.

May import every room below it.
"""
