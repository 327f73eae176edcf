"""Records to prepared documents, and a failure for each record that is not a document.

May import `inputs` and below.
"""
