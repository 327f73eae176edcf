"""The job that reads a corpus, embeds it and publishes the rows, all in one pipeline.

May import `publication`, `embed` and below.
"""
